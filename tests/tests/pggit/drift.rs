//! What was done while pgGit did not look is found by its name.

use crate::bed::{CORE, EXTENSION, SCRIPT, config, install, look, majors, quiet, watch};

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
        (
            "ALTER TABLE app.orders ALTER id DROP DEFAULT, ALTER id ADD GENERATED ALWAYS AS IDENTITY",
            "columns",
            "app.orders.id (default",
        ),
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

#[test]
fn views_and_functions_replaced_behind_pggits_back_are_found_until_one_is_recorded() {
    const VIEW: &str = "CREATE OR REPLACE VIEW app.big_orders AS SELECT * FROM app.orders WHERE total > 1000";
    const FUNCTION: &str = "CREATE OR REPLACE FUNCTION app.total(int) RETURNS numeric LANGUAGE sql AS 'SELECT 0.0'";
    for major in majors() {
        for files in [[CORE, SCRIPT], [CORE, EXTENSION]] {
            let server = install(major, &files);
            let agent = watch(&server, DRIFT);
            // Replaced before the first look: nobody can know.
            server.exec(&behind_its_back(&VIEW.replace("1000", "999")));
            assert_eq!(quiet(&agent, "first look").finding("definitions")["reason"], "not-applicable");
            let is = |ddl: &str, status: &str, says: &str| {
                server.exec(ddl);
                let checked = look(&agent);
                let finding = checked.finding("definitions");
                assert_eq!(finding["status"], status, "{major}: {ddl}: {finding:#}");
                let summary = finding["summary"].as_str().unwrap();
                assert!(summary.contains(says), "{major}: {ddl}: {summary}");
            };
            is(
                &behind_its_back(&VIEW.replace("1000", "1")),
                "warning",
                "1 replaced, and not recorded: view app.big_orders",
            );
            is("SELECT 1", "warning", "view app.big_orders");
            is(
                &behind_its_back(FUNCTION),
                "warning",
                "2 replaced, and not recorded: function app.total(integer), view",
            );
            // As it was at the first look.
            is(
                &behind_its_back(&VIEW.replace("1000", "999")),
                "warning",
                "1 replaced, and not recorded: function app.total(integer)",
            );
            is(FUNCTION, "ok", "2 views and functions");
            is(&behind_its_back(&VIEW.replace("1000", "1")), "warning", "view app.big_orders");
            // A new name for what is right now.
            let accepting = config(&server, "observer", "groups = [\"drift\"], baseline = \"meant\"", "");
            agent.configure(&accepting);
            quiet(&agent, "accepted");
            quiet(&agent, "and still");
        }
    }
}

#[test]
fn definitions_that_ordinary_ddl_touches_are_not_replaced() {
    for major in majors() {
        for files in [[CORE, SCRIPT], [CORE, EXTENSION]] {
            let server = install(major, &files);
            server.exec(
                "CREATE FUNCTION app.standard(a int DEFAULT 1) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT count(*)::int + a FROM app.big_orders; END;
                CREATE VIEW app.nested AS SELECT o.id, app.standard() AS n FROM app.big_orders o JOIN app.customers c ON c.id = o.customer_id;
                CREATE ROLE somebody",
            );
            let agent = watch(&server, DRIFT);
            quiet(&agent, &format!("{major}: first look"));
            for ddl in [
                "CREATE OR REPLACE VIEW app.big_orders AS SELECT * FROM app.orders WHERE total > 7",
                "CREATE OR REPLACE FUNCTION app.total(int) RETURNS numeric LANGUAGE sql AS 'SELECT 7.0'",
                "ALTER TABLE app.orders RENAME COLUMN customer_id TO customer",
                "ALTER TABLE app.orders RENAME TO purchases; ALTER TABLE app.purchases RENAME TO orders",
                "ALTER TABLE app.orders ADD COLUMN note text DEFAULT 'none'",
                "ALTER VIEW app.big_orders RENAME COLUMN customer_id TO buyer",
                "ALTER VIEW app.big_orders ALTER COLUMN total SET DEFAULT 3",
                "ALTER VIEW app.nested RENAME TO nests; ALTER VIEW app.nests RENAME TO nested",
                "ALTER VIEW app.nested OWNER TO somebody; GRANT SELECT ON app.nested TO PUBLIC; COMMENT ON VIEW app.nested IS 'x'",
                "ALTER FUNCTION app.standard(int) STABLE COST 7; ALTER ROUTINE app.standard(int) SET search_path = app",
                "ALTER ROUTINE app.total(int) RENAME TO sums; ALTER FUNCTION app.sums(int) RENAME TO total",
                "GRANT EXECUTE ON FUNCTION app.standard(int) TO somebody; COMMENT ON FUNCTION app.total(int) IS 'x'",
                "VACUUM FULL pg_rewrite",
                "VACUUM FULL pg_proc",
                "DROP VIEW app.nested; CREATE VIEW app.nested AS SELECT 1 AS one",
                "CREATE TEMPORARY VIEW passing AS SELECT 1 AS one",
                "BEGIN; CREATE OR REPLACE VIEW app.nested AS SELECT 2 AS one; ROLLBACK",
                "DO $$BEGIN FOR i IN 1..5 LOOP EXECUTE format('CREATE OR REPLACE FUNCTION app.made_%s() RETURNS int LANGUAGE sql AS ''SELECT %s''', i, i); END LOOP; END$$",
            ] {
                server.exec(ddl);
                quiet(&agent, &format!("{major}: {ddl}"));
            }
        }
    }
}
