//! What keeps pgGit from recording is found.

use crate::bed::{CORE, Damage, EXTENSION, each_is_found, install, look, majors, quiet, script, some, watch};

const fn damage(
    what: &'static str,
    harm: &'static str,
    key: &'static str,
    status: &'static str,
    says: &'static str,
    mend: &'static str,
) -> Damage {
    Damage { what, harm, key, status, says, mend }
}

const TRACKING: &str = "groups = [\"tracking\"]";

#[test]
fn event_triggers_that_do_not_fire_are_found() {
    let damages = [
        damage("disabled", "ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE", "event-trigger/pggit_ddl_trigger", "critical", "disabled",
            "ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE"),
        damage("the other disabled", "ALTER EVENT TRIGGER pggit_drop_trigger DISABLE", "event-trigger/pggit_drop_trigger", "critical", "dropped",
            "ALTER EVENT TRIGGER pggit_drop_trigger ENABLE ALWAYS"),
        damage("replica only", "ALTER EVENT TRIGGER pggit_drop_trigger ENABLE REPLICA", "event-trigger/pggit_drop_trigger", "critical", "replica",
            "ALTER EVENT TRIGGER pggit_drop_trigger ENABLE"),
        damage("one that is not vital disabled", "ALTER EVENT TRIGGER pggit_metrics_trigger DISABLE", "event-trigger/pggit_metrics_trigger", "warning",
            "disabled", "ALTER EVENT TRIGGER pggit_metrics_trigger ENABLE"),
        damage("gone", "DROP EVENT TRIGGER pggit_ddl_trigger", "event-trigger/pggit_ddl_trigger", "critical", "not there",
            "CREATE EVENT TRIGGER pggit_ddl_trigger ON ddl_command_end EXECUTE FUNCTION pggit.handle_ddl_command()"),
        damage("on another event",
            "DROP EVENT TRIGGER pggit_ddl_trigger; CREATE EVENT TRIGGER pggit_ddl_trigger ON ddl_command_start EXECUTE FUNCTION pggit.handle_ddl_command()",
            "event-trigger/pggit_ddl_trigger", "critical", "ddl_command_start",
            "DROP EVENT TRIGGER pggit_ddl_trigger; CREATE EVENT TRIGGER pggit_ddl_trigger ON ddl_command_end EXECUTE FUNCTION pggit.handle_ddl_command()"),
        damage("calling another function",
            "DROP EVENT TRIGGER pggit_drop_trigger; CREATE EVENT TRIGGER pggit_drop_trigger ON sql_drop EXECUTE FUNCTION pggit.enhanced_drop_trigger_func()",
            "event-trigger/pggit_drop_trigger", "critical", "enhanced_drop_trigger_func",
            "DROP EVENT TRIGGER pggit_drop_trigger; CREATE EVENT TRIGGER pggit_drop_trigger ON sql_drop EXECUTE FUNCTION pggit.handle_sql_drop()"),
        damage("for some commands only",
            "DROP EVENT TRIGGER pggit_ddl_trigger; CREATE EVENT TRIGGER pggit_ddl_trigger ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
             EXECUTE FUNCTION pggit.handle_ddl_command()",
            "event-trigger/pggit_ddl_trigger", "critical", "restricted to CREATE TABLE",
            "DROP EVENT TRIGGER pggit_ddl_trigger; CREATE EVENT TRIGGER pggit_ddl_trigger ON ddl_command_end EXECUTE FUNCTION pggit.handle_ddl_command()"),
        damage("under another name", "ALTER EVENT TRIGGER pggit_drop_trigger RENAME TO mine", "event-trigger/pggit_drop_trigger", "warning", "mine",
            "ALTER EVENT TRIGGER mine RENAME TO pggit_drop_trigger"),
        damage("twice", "CREATE EVENT TRIGGER twin ON sql_drop EXECUTE FUNCTION pggit.handle_sql_drop()", "event-trigger/twin", "warning", "twice",
            "DROP EVENT TRIGGER twin"),
    ];
    for major in majors() {
        each_is_found(&script(major), TRACKING, &damages);
    }
}

#[test]
fn functions_that_do_not_record_are_found() {
    let body = |name: &str, body: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION pggit.{name}() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN {body} END$$"
        )
    };
    for major in some() {
        let server = script(major);
        let agent = watch(&server, TRACKING);
        quiet(&agent, "before");
        for (what, harm, key, status) in [
            ("emptied", body("handle_ddl_command", "RETURN;"), "handler/handle_ddl_command", "critical"),
            ("emptied", body("handle_sql_drop", "NULL;"), "handler/handle_sql_drop", "critical"),
            ("another", body("handle_ddl_command", "PERFORM pggit.increment_version(1, 'ALTER', 'MINOR');"), "handler/handle_ddl_command", "warning"),
            (
                "recording nothing",
                "CREATE OR REPLACE FUNCTION pggit.increment_version(p_object_id int, p_change_type pggit.change_type, p_change_severity \
                 pggit.change_severity, p_description text DEFAULT NULL, p_new_metadata jsonb DEFAULT NULL, p_sql_executed text DEFAULT NULL) \
                 RETURNS int LANGUAGE sql AS 'SELECT 1'".to_owned(),
                "handler/increment_version",
                "critical",
            ),
            ("gone", "DROP FUNCTION pggit.extract_table_columns".to_owned(), "handler/extract_table_columns", "critical"),
            ("gone", body("handle_ddl_command", "RETURN;") + "; DROP FUNCTION pggit.ensure_object", "handler/ensure_object", "critical"),
            (
                "gone",
                "ALTER EVENT TRIGGER pggit_metrics_trigger DISABLE; DROP FUNCTION pggit.record_metric".to_owned(),
                "handler/record_metric",
                "critical",
            ),
        ] {
            server.exec(&harm);
            let checked = look(&agent);
            assert_eq!(checked.status_of(key), status, "{major}: {key} {what}: {:#}", checked.json);
        }
    }
}

#[test]
fn functions_that_run_as_no_release_has_them_are_found() {
    let quietly = |alter: &str| {
        format!("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; {alter}; ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE")
    };
    let signature = "pggit.ensure_object(pggit.object_type, text, text, text, jsonb)";
    let cases = [
        (
            "pggit.handle_ddl_command()",
            "SET session_replication_role = replica",
            "RESET ALL",
            "runs with session_replication_role",
        ),
        (signature, "STRICT", "CALLED ON NULL INPUT", "is STRICT"),
        (signature, "SECURITY DEFINER", "SECURITY INVOKER", "runs as nobody"),
    ];
    for major in some() {
        let server = script(major);
        let agent = watch(&server, TRACKING);
        quiet(&agent, "before");
        for (function, harm, mend, says) in cases {
            let key = if function == signature { "handler/ensure_object" } else { "handler/handle_ddl_command" };
            server.exec(&quietly(&format!(
                "ALTER FUNCTION {function} {harm}; ALTER FUNCTION {function} OWNER TO nobody"
            )));
            let checked = look(&agent);
            assert_eq!(checked.status_of(key), "critical", "{major} {harm}: {:#}", checked.json);
            assert!(checked.finding(key)["summary"].as_str().unwrap().contains(says), "{:#}", checked.finding(key));
            server.exec(&quietly(&format!(
                "ALTER FUNCTION {function} {mend}; ALTER FUNCTION {function} OWNER TO postgres"
            )));
            quiet(&agent, &format!("{major} {mend}"));
        }
        // So that others than superusers may run DDL; its owner has the rights.
        server.exec(&quietly(&format!("ALTER FUNCTION {signature} SECURITY DEFINER")));
        quiet(&agent, "SECURITY DEFINER of one who has the rights");
    }
}

#[test]
fn what_keeps_rows_from_pggits_tables_is_found() {
    let damages = [
        damage(
            "a rule",
            "CREATE RULE gone AS ON INSERT TO pggit.history DO INSTEAD NOTHING",
            "obstacle/pggit.history/rule/gone",
            "critical",
            "rule gone",
            "DROP RULE gone ON pggit.history",
        ),
        damage(
            "a trigger",
            "CREATE TRIGGER swallow BEFORE INSERT ON pggit.objects FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "obstacle/pggit.objects/trigger/swallow",
            "warning",
            "trigger swallow",
            "DROP TRIGGER swallow ON pggit.objects",
        ),
        damage(
            "a check",
            "ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER TABLE pggit.history ADD CONSTRAINT never CHECK (false) NOT VALID; ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE",
            "obstacle/pggit.history/check/never",
            "warning",
            "check never",
            "ALTER TABLE pggit.history DROP CONSTRAINT never",
        ),
        damage(
            "a foreign key to a table that is none of pgGit's",
            "ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; CREATE TABLE public.allowed (id int PRIMARY KEY); ALTER TABLE pggit.history ADD CONSTRAINT picky FOREIGN KEY (new_version) REFERENCES public.allowed NOT VALID; ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE",
            "obstacle/pggit.history/foreign-key/picky",
            "warning",
            "make DDL fail",
            "ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER TABLE pggit.history DROP CONSTRAINT picky; ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE; DROP TABLE public.allowed",
        ),
        damage(
            "versions that begin elsewhere",
            "ALTER TABLE pggit.objects ALTER COLUMN version SET DEFAULT 5",
            "obstacle/pggit.objects/default/version",
            "critical",
            "default version",
            "ALTER TABLE pggit.objects ALTER COLUMN version SET DEFAULT 1",
        ),
        damage(
            "a unique index",
            "CREATE UNIQUE INDEX once ON pggit.history (id, created_at)",
            "obstacle/pggit.history/unique/once",
            "warning",
            "unique once",
            "DROP INDEX pggit.once",
        ),
        damage(
            "NOT NULL",
            "ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER TABLE pggit.history ADD COLUMN wanted text; UPDATE pggit.history SET wanted = ''; ALTER TABLE pggit.history ALTER COLUMN wanted SET NOT NULL; ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE",
            "obstacle/pggit.history/not-null/wanted",
            "critical",
            "not-null wanted",
            "ALTER TABLE pggit.history DROP COLUMN wanted",
        ),
        damage(
            "row level security",
            "ALTER TABLE pggit.history ENABLE ROW LEVEL SECURITY",
            "obstacle/pggit.history/policies/row level security",
            "warning",
            "hidden",
            "ALTER TABLE pggit.history DISABLE ROW LEVEL SECURITY",
        ),
        damage(
            "a default that is gone",
            "ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER TABLE pggit.objects ALTER COLUMN id DROP DEFAULT; ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE",
            "obstacle/pggit.objects/not-null/id",
            "critical",
            "not-null id",
            "ALTER TABLE pggit.objects ALTER COLUMN id SET DEFAULT nextval('pggit.objects_id_seq')",
        ),
        damage(
            "a column that is gone",
            "ALTER TABLE pggit.history RENAME COLUMN sql_executed TO statement",
            "obstacle/pggit.history/column/sql_executed text",
            "critical",
            "gone",
            "ALTER TABLE pggit.history RENAME COLUMN statement TO sql_executed",
        ),
        damage(
            "a default that is another",
            "ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER TABLE pggit.objects ALTER COLUMN is_active SET DEFAULT false; ALTER EVENT TRIGGER \
             pggit_ddl_trigger ENABLE",
            "obstacle/pggit.objects/default/is_active",
            "critical",
            "default is_active",
            "ALTER TABLE pggit.objects ALTER COLUMN is_active SET DEFAULT true",
        ),
        damage(
            "a value of an enum that has another name",
            "ALTER TYPE pggit.change_severity RENAME VALUE 'MAJOR' TO 'LARGE'",
            "obstacle/pggit.change_severity/enum/MAJOR",
            "critical",
            "no such value",
            "ALTER TYPE pggit.change_severity RENAME VALUE 'LARGE' TO 'MAJOR'",
        ),
        damage(
            "a role without rights",
            "CREATE ROLE owner LOGIN; ALTER TABLE app.orders OWNER TO owner",
            "ddl-role",
            "warning",
            "owner",
            "ALTER TABLE app.orders OWNER TO postgres; DROP ROLE owner",
        ),
    ];
    for major in some() {
        let server = script(major);
        each_is_found(&server, TRACKING, &damages);
        server.exec(
            "CREATE ROLE owner LOGIN; ALTER TABLE app.orders OWNER TO owner; GRANT USAGE ON SCHEMA pggit TO owner;
            GRANT ALL ON ALL TABLES IN SCHEMA pggit TO owner; GRANT ALL ON ALL SEQUENCES IN SCHEMA pggit TO owner",
        );
        quiet(&watch(&server, TRACKING), "a role with the rights that the advice names");
    }
}

#[test]
fn settings_that_switch_event_triggers_off_are_found() {
    let replica = [
        damage(
            "for the database",
            "ALTER DATABASE postgres SET session_replication_role = replica",
            "trigger-switch/session_replication_role/database postgres",
            "critical",
            "replica",
            "ALTER DATABASE postgres RESET session_replication_role",
        ),
        damage(
            "for a role",
            "ALTER ROLE nobody SET session_replication_role = replica",
            "trigger-switch/session_replication_role/role nobody",
            "warning",
            "nobody",
            "ALTER ROLE nobody RESET session_replication_role",
        ),
    ];
    let off = [
        damage(
            "off for a role",
            "ALTER ROLE nobody SET event_triggers = off",
            "trigger-switch/event_triggers/role nobody",
            "warning",
            "nobody",
            "ALTER ROLE nobody RESET event_triggers",
        ),
        damage(
            "off for the database",
            "ALTER DATABASE postgres SET event_triggers = off",
            "trigger-switch/event_triggers/database postgres",
            "critical",
            "off",
            "ALTER DATABASE postgres RESET event_triggers",
        ),
    ];
    for major in majors() {
        let server = script(major);
        each_is_found(&server, TRACKING, &replica);
        // ENABLE ALWAYS fires there too.
        server.exec(
            "ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE ALWAYS; ALTER EVENT TRIGGER pggit_drop_trigger ENABLE ALWAYS;
            ALTER ROLE nobody SET session_replication_role = replica",
        );
        quiet(&watch(&server, TRACKING), &format!("{major} always"));
        server.exec("ALTER ROLE nobody RESET session_replication_role");
        if server.holds("SELECT count(*) = 1 FROM pg_settings WHERE name = 'event_triggers'") {
            each_is_found(&server, TRACKING, &off);
            server.exec("ALTER SYSTEM SET event_triggers = off");
            server.reload();
            let agent = watch(&server, TRACKING);
            let key = "trigger-switch/event_triggers/the server";
            agent.check_until("pggit", "off for the server", |checked| {
                checked.find(key).is_some_and(|finding| finding["status"] == "critical")
            });
            server.exec("ALTER DATABASE postgres SET event_triggers = on");
            quiet(&agent, &format!("{major}: the database's own setting counts"));
        }
    }
}

#[test]
fn a_pause_is_respected_until_it_ran_out() {
    for major in some() {
        let server = script(major);
        let agent = watch(&server, TRACKING);
        server.exec("SELECT pggit.pause_tracking('1 hour')");
        let checked = quiet(&agent, "paused on purpose");
        assert_eq!(checked.finding("event-trigger/pggit_ddl_trigger")["reason"], "not-applicable");
        assert!(checked.finding("pause/tracking_paused")["summary"].as_str().unwrap().contains("until"));
        // What the pause does not hold is no part of it.
        server.exec("ALTER EVENT TRIGGER pggit_metrics_trigger DISABLE");
        assert_eq!(look(&agent).status_of("event-trigger/pggit_metrics_trigger"), "warning", "{major}");
        server.exec("ALTER EVENT TRIGGER pggit_metrics_trigger ENABLE; SELECT pggit.resume_tracking()");
        quiet(&agent, "resumed");
        server.exec("SELECT pggit.pause_tracking('30 days')");
        assert_eq!(look(&agent).status_of("pause/tracking_paused"), "warning", "{major}: very long");
        server.exec("UPDATE pggit.system_events SET event_data = event_data || jsonb_build_object('resume_at', now() - interval '1 minute')
            WHERE event_type = 'tracking_paused'");
        let checked = look(&agent);
        for key in ["pause/tracking_paused", "event-trigger/pggit_ddl_trigger", "event-trigger/pggit_drop_trigger"] {
            assert_eq!(checked.status_of(key), "critical", "{major}: {:#}", checked.json);
        }
        server.exec("ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE; ALTER EVENT TRIGGER pggit_drop_trigger ENABLE");
        quiet(&agent, "switched on by hand");
        server.exec("SELECT pggit.emergency_disable('-1 minute')");
        let checked = look(&agent);
        assert_eq!(checked.status_of("pause/emergency_disable"), "critical", "{major}: {:#}", checked.json);
    }
}

#[test]
fn deployment_mode_that_nobody_ended_is_a_warning() {
    let server = script(majors()[0]);
    let agent = watch(&server, TRACKING);
    server.exec(
        "WITH d AS (INSERT INTO pggit.deployment_mode (deployment_name) VALUES ('autumn') RETURNING deployment_id)
        UPDATE pggit.deployment_state SET is_active = true, current_deployment_id = (SELECT deployment_id FROM d)",
    );
    quiet(&agent, "just begun");
    server.exec("UPDATE pggit.deployment_mode SET started_at = now() - interval '2 days'");
    assert_eq!(look(&agent).status_of("deployment"), "warning");
}

#[test]
fn a_trigger_switched_off_on_purpose_is_not_alarmed_on_and_an_extension_has_two() {
    let server = script(majors()[0]);
    server.exec("ALTER EVENT TRIGGER pggit_metrics_trigger DISABLE");
    quiet(&watch(&server, "groups = [\"tracking\"], disabled_triggers = [\"pggit_metrics_trigger\"]"), "on purpose");
    let server = install(majors()[0], &[CORE, EXTENSION]);
    let checked = quiet(&watch(&server, TRACKING), "extension");
    let triggers = checked.findings().iter().filter(|finding| finding["check"] == "event-trigger").count();
    assert_eq!(triggers, 2);
}
