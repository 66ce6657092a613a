//! Thousands of files: within the limits of a run, and with nothing lost from sight that was not said.

use crate::bed::{DAY, HOUR, Shelf, look, proposed, told};

#[test]
fn three_thousand_backups_are_judged_within_the_limits_of_one_run() {
    let shelf = Shelf::new();
    for database in 0..50 {
        for day in 0..60 {
            let put = shelf.put(&format!("full-db{database:02}"), day * DAY + HOUR, 3000);
            if day == 0 {
                put.verified(60, true);
                put.proof(60, true);
            }
        }
    }
    let agent = shelf.agent("expect = [\"full\"], expire = true, watch = true, full = { keep_count = 3 }");
    let checked = look(&agent);
    assert!(told(&checked, "directory/backups", "ok").contains("3000 backups"), "{:#}", checked.json);
    told(&checked, "age/full:db49", "ok");
    assert_eq!(proposed(&checked).len(), 20, "the oldest first, a few at a time");
    // The newest of a series is always opened, whatever there is of others.
    let newest = shelf.put("full-db25", 60, 3000);
    std::fs::write(newest.payload(), "").unwrap();
    assert!(told(&look(&agent), "damage/full:db25", "critical").contains(&newest.name));
}

#[test]
fn a_server_of_hundreds_of_databases_has_a_report_of_what_is_not_well() {
    let shelf = Shelf::new();
    for database in 0..400 {
        shelf.put(&format!("full-db{database:03}"), HOUR, 3000);
    }
    std::fs::write(shelf.put("full-db123", 60, 3000).payload(), "").unwrap();
    let checked = look(&shelf.agent("expect = [\"full\"]"));
    assert!(checked.findings().len() <= 1000);
    told(&checked, "damage/full:db123", "critical");
    assert!(told(&checked, "age/others", "ok").contains("others are well"));
}
