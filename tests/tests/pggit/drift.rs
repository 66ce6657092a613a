//! What was done while pgGit did not look is found by its name.

use crate::bed::{CORE, EXTENSION, SCRIPT, install, look, majors, quiet, watch};

const DRIFT: &str = "groups = [\"drift\"]";

/// DDL while no event trigger of pgGit fires.
fn behind_its_back(ddl: &str) -> String {
    let triggers =
        ["pggit_ddl_trigger", "pggit_drop_trigger", "pggit_enhanced_ddl_trigger", "pggit_enhanced_drop_trigger"];
    let set = |state: &str| {
        let each = triggers.map(|name| {
            format!("IF EXISTS (SELECT 1 FROM pg_event_trigger WHERE evtname = '{name}') THEN ALTER EVENT TRIGGER {name} {state}; END IF; ")
        });
        format!("DO $$BEGIN {} END$$;", each.concat())
    };
    format!("{} {ddl}; {}", set("DISABLE"), set("ENABLE"))
}

#[test]
fn what_was_made_dropped_or_changed_behind_pggits_back_is_found() {
    let cases = [
        ("CREATE TABLE app.sneaked (id int)", "untracked", "table app.sneaked"),
        ("CREATE VIEW app.peep AS SELECT 1 AS n", "untracked", "view app.peep"),
        ("CREATE INDEX orders_total ON app.orders (total)", "untracked", "index app.orders_total"),
        ("CREATE FUNCTION app.sly() RETURNS int LANGUAGE sql AS 'SELECT 1'", "untracked", "function app.sly()"),
        ("DROP VIEW app.big_orders", "vanished", "view app.big_orders"),
        ("DROP INDEX app.orders_customer", "vanished", "index app.orders_customer"),
        ("ALTER TABLE app.customers ADD COLUMN secret text", "columns", "app.customers.secret (added)"),
        ("ALTER TABLE app.customers DROP COLUMN secret, DROP COLUMN email", "columns", "app.customers.email (dropped)"),
        ("ALTER TABLE app.orders ALTER COLUMN customer_id TYPE bigint", "columns", "int4 recorded, int8 there"),
        ("ALTER TABLE app.orders ALTER COLUMN total SET NOT NULL", "columns", "NOT NULL there"),
        ("ALTER TABLE app.orders ALTER COLUMN total SET DEFAULT 7", "columns", "app.orders.total"),
        ("ALTER TABLE app.customers ALTER COLUMN id SET DEFAULT 7", "columns", "app.customers.id"),
        ("ALTER TABLE app.orders RENAME TO purchases", "untracked", "table app.purchases (known by another name)"),
        ("ALTER TABLE app.purchases RENAME TO orders", "columns", "app.orders.total"),
        (
            "DROP TABLE app.orders CASCADE; CREATE TABLE app.orders (id int)",
            "vanished",
            "table app.orders (another one now)",
        ),
        ("DROP TABLE app.customers CASCADE", "vanished", "table app.customers"),
    ];
    for major in majors() {
        for (kind, files) in [("script", [CORE, SCRIPT]), ("extension", [CORE, EXTENSION])] {
            let server = install(major, &files);
            let agent = watch(&server, DRIFT);
            quiet(&agent, &format!("{major} {kind} before"));
            for (ddl, key, names) in cases {
                server.exec(&behind_its_back(ddl));
                let checked = look(&agent);
                assert_eq!(checked.status_of(key), "warning", "{major} {kind}: {ddl}: {:#}", checked.json);
                let finding = checked.finding(key);
                let text = format!("{} {}", finding["summary"], finding["detail"]);
                assert!(text.contains(names), "{major} {kind}: {ddl}: {text}");
            }
        }
    }
}

#[test]
fn what_is_older_than_pggit_is_counted_and_not_alarmed_on() {
    let server = crate::bed::bare(majors()[0]);
    server.exec(
        "CREATE SCHEMA old; CREATE TABLE old.relic (id int PRIMARY KEY); CREATE VIEW old.sight AS SELECT 1 AS n;
        CREATE FUNCTION old.tool() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    );
    server.exec(CORE);
    server.exec(SCRIPT);
    let checked = look(&watch(&server, DRIFT));
    assert_eq!(checked.complaints(), Vec::<String>::new());
    let noise = checked.finding("drift-noise")["evidence"].as_array().unwrap().clone();
    let older = noise.iter().find(|fact| fact["name"] == "older").unwrap();
    // The table, its index, the view.
    assert_eq!(older["value"], "3", "{noise:#?}");
}

#[test]
fn pggits_record_of_what_is_advised_clears_the_finding() {
    let server = install(majors()[0], &[CORE, SCRIPT]);
    let agent = watch(&server, DRIFT);
    server
        .exec(&behind_its_back("CREATE TABLE app.sneaked (id int); ALTER TABLE app.customers ADD COLUMN secret text"));
    assert_eq!(look(&agent).status(), "warning");
    server.exec("ALTER TABLE app.sneaked SET (fillfactor = 100); ALTER TABLE app.customers SET (fillfactor = 100)");
    quiet(&agent, "recorded");
}
