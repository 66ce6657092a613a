//! The canary: a trial whether pgGit records, which leaves nothing behind.

use pgreeve_sdk::{Action, ParameterKind, Right, action, need, sql};

/// Seconds that the whole trial may take; it takes some fifty milliseconds.
const SECONDS: u32 = 30;

/// Creates, alters and drops a table in a subtransaction, reads what pgGit recorded of it, and ends the subtransaction by
/// an error of its own, so that table and rows never were. What remains: numbers taken from sequences, which are never
/// given back. The statement fails if pgGit recorded anything else than CREATE, ALTER and DROP, or if DDL itself fails.
const TRIAL: &str = "DO $canary$
DECLARE
    place text := current_setting('pgreeve.canary_schema');
    name text := 'pgreeve_canary_' || pg_backend_pid();
    seen text;
BEGIN
    IF current_database() <> current_setting('pgreeve.canary_database') THEN
        RAISE EXCEPTION 'canary: this is the database %, another one was meant', current_database();
    END IF;
    BEGIN
        EXECUTE format('CREATE TABLE %I.%I (a int)', place, name);
        EXECUTE format('ALTER TABLE %I.%I ADD COLUMN b text', place, name);
        EXECUTE format('DROP TABLE %I.%I', place, name);
        SELECT string_agg(h.change_type::text, ' ' ORDER BY h.id) INTO seen
        FROM pggit.history h JOIN pggit.objects o ON o.id = h.object_id
        WHERE o.object_type = 'TABLE' AND o.schema_name = place AND o.object_name = name;
        RAISE EXCEPTION USING ERRCODE = 'PGRV1', MESSAGE = coalesce(seen, 'nothing');
    EXCEPTION WHEN SQLSTATE 'PGRV1' THEN
        seen := SQLERRM;
    END;
    IF seen <> 'CREATE ALTER DROP' THEN
        RAISE EXCEPTION 'canary: a table was created, altered and dropped, and pgGit recorded %', seen;
    END IF;
END $canary$";

pub(super) fn actions() -> Vec<Action> {
    vec![
        action(
            "canary",
            "Prove that pgGit records: create, alter and drop a scratch table, read the history, roll it all back",
            sql(
                SECONDS,
                &[
                    "SELECT set_config('pgreeve.canary_schema', :'schema', true), \
                     set_config('pgreeve.canary_database', :'database', true)",
                    TRIAL,
                ],
            ),
        )
        .parameter("schema", ParameterKind::Identifier, "where the scratch table is made")
        .parameter("database", ParameterKind::Identifier, "the database that is meant")
        .need(need(
            Right::Owner(
                "nothing, but CREATE on the schema, USAGE on the schema pggit, and ALL on its tables and sequences"
                    .into(),
            ),
            "what everybody needs who runs DDL under pgGit",
        )),
    ]
}
