//! Restore tests of globals, where a job makes them.

use crate::bed::{Shelf, commands, look, proposed, told};

const HOUR: i64 = 3600;

#[test]
fn a_failed_restore_test_of_globals_is_critical_and_none_at_all_is_nobodys_complaint() {
    let shelf = Shelf::quiet();
    let agent = shelf.agent("");
    assert!(!look(&agent).json["findings"].to_string().contains("proof/globals"));
    let globals = shelf.put("globals-cluster", HOUR / 2, 900);
    globals.proof(HOUR / 4, true);
    told(&look(&agent), "proof/globals", "ok");
    globals.proof(HOUR / 4, false);
    told(&look(&agent), "proof/globals", "critical");
}

#[test]
fn globals_are_proposed_for_a_restore_test_by_a_job_that_proves_them() {
    let shelf = Shelf::quiet();
    let (tables, grants) = commands();
    let agent = pgreeve_tests::agent::Agent::new(&shelf.config(&tables, &grants, "prove = [\"globals\"]"));
    let wanted = proposed(&look(&agent));
    assert!(wanted.len() == 1 && wanted[0].starts_with("prove globals-cluster-"), "{wanted:?}");
}
