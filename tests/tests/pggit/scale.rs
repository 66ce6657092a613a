//! A large pgGit: every question is answered, and how long it takes is printed. Small unless `PGREEVE_PGGIT_SCALE` says how many
//! rows the history has, and on the oldest major unless `PGREEVE_PGGIT_MAJOR` names one; 500000 makes 50,000 objects, 2,000 commits, 200,000 entries of trees, and 20,000 views and
//! functions that are really there.

use std::time::Instant;

use pgreeve_tests::testbed::{Major, Server};

use crate::bed::{CORE, SCRIPT, V0_ROWS, install, look, majors, watch};

/// Fills pgGit as if it had watched for a year.
fn fill(server: &Server, rows: u64) {
    let (objects, commits, entries) = (rows / 10, rows / 250, rows * 2 / 5);
    server.exec("UPDATE pggit.history SET created_at = now() - interval '3 years'");
    server.exec(&format!(
        "INSERT INTO pggit.objects (object_type, schema_name, object_name, version, metadata)
        SELECT 'FUNCTION', 'app', (1000000 + n)::text, 11, jsonb_build_object('oid', (1000000 + n)::text) FROM generate_series(1, {objects}) n"
    ));
    server.exec(
        "INSERT INTO pggit.history (object_id, change_type, change_severity, old_version, new_version, old_metadata, new_metadata, change_description, sql_executed, created_at)
        SELECT o.id, CASE v WHEN 1 THEN 'CREATE' ELSE 'ALTER' END::pggit.change_type, 'MINOR', v, v + 1, o.metadata, o.metadata,
            'ALTER FUNCTION function app.' || o.object_name, repeat('CREATE OR REPLACE FUNCTION ', 8), now() - make_interval(mins => (11 - v) * 40000) + make_interval(secs => o.id / 100.0)
        FROM generate_series(1, 10) v, pggit.objects o WHERE o.version = 11 ORDER BY v, o.id",
    );
    server.exec(&format!(
        "INSERT INTO pggit_v0.objects (sha, type, size, data) SELECT 'b' || n, 'blob', 200, decode(md5(n::text), 'hex') FROM generate_series(1, {objects}) n;
        INSERT INTO pggit_v0.objects (sha, type) SELECT k || n, CASE k WHEN 't' THEN 'tree' ELSE 'commit' END FROM generate_series(1, {commits}) n, (VALUES ('t'), ('c')) kinds (k);
        INSERT INTO pggit_v0.tree_entries (tree_sha, name, object_sha, type)
        SELECT 't' || (1 + n % {commits}), 'app.' || n, 'b' || (1 + n % {objects}), 'blob' FROM generate_series(1, {entries}) n;
        INSERT INTO pggit_v0.commit_graph (commit_sha, tree_sha, author, message) SELECT 'c' || n, 't' || n, 'ada', 'm' FROM generate_series(1, {commits}) n;
        INSERT INTO pggit_v0.commit_parents SELECT 'c' || n, CASE n WHEN 1 THEN 'commit2' ELSE 'c' || (n - 1) END FROM generate_series(1, {commits}) n;
        UPDATE pggit_v0.refs SET target_sha = 'c{commits}';
        INSERT INTO pggit_audit.changes (commit_sha, object_schema, object_name, object_type, change_type, created_at)
        SELECT 'c' || (1 + n % {commits}), 'app', n::text, 'FUNCTION', 'ALTER', now() - interval '40 days' FROM generate_series(1, {objects}) n"
    ));
    definitions(server, rows / 50);
    server.exec("VACUUM ANALYZE");
}

/// So many functions, and as many views, with bodies of a kilobyte, each as if pgGit had recorded it.
fn definitions(server: &Server, number: u64) {
    // A thousand at a time: each holds a lock.
    for first in (0..number).step_by(1000) {
        let last = (first + 1000).min(number) - 1;
        server.exec(&format!(
            "SET session_replication_role = replica;
            DO $$BEGIN FOR n IN {first}..{last} LOOP
                EXECUTE format('CREATE FUNCTION app.made_%s() RETURNS text LANGUAGE sql AS %L', n, 'SELECT ' || quote_literal(repeat('x', 1000) || n));
                EXECUTE format('CREATE VIEW app.seen_%s AS SELECT id, name, %L AS filler FROM app.customers', n, repeat('y', 1000));
            END LOOP; END$$"
        ));
    }
    server.exec(
        "INSERT INTO pggit.objects (object_type, schema_name, object_name, version, metadata)
        SELECT 'FUNCTION'::pggit.object_type, 'app', p.oid::text, 1, jsonb_build_object('oid', p.oid::int8) FROM pg_proc p WHERE p.proname LIKE 'made\\_%'
        UNION ALL
        SELECT 'VIEW', 'app', c.relname, 1, jsonb_build_object('oid', c.oid::int8) FROM pg_class c WHERE c.relname LIKE 'seen\\_%'",
    );
}

#[test]
fn every_question_is_answered_when_pggit_is_large() {
    let rows = std::env::var("PGREEVE_PGGIT_SCALE").map_or(10_000, |text| text.parse().unwrap());
    let major = std::env::var("PGREEVE_PGGIT_MAJOR").map_or(majors()[0], |text| Major(text.parse().unwrap()));
    let server = install(major, &[CORE, SCRIPT, V0_ROWS]);
    fill(&server, rows);
    for group in ["tracking", "drift", "history", "references", "graph", "audit", "structure", "proof", "growth"] {
        let agent = watch(&server, &format!("groups = [\"{group}\"]"));
        for run in ["first", "second"] {
            let began = Instant::now();
            let checked = look(&agent);
            println!("{rows} rows: {group}, {run} run: {:.1} s", began.elapsed().as_secs_f64());
            let unknown: Vec<_> = checked.findings().iter().filter(|finding| finding["status"] == "unknown").collect();
            assert!(unknown.is_empty(), "{group}: {unknown:#?}");
            if group == "drift" {
                let complaints: Vec<_> =
                    checked.findings().iter().filter(|finding| finding["status"] != "ok").collect();
                assert!(complaints.is_empty(), "{complaints:#?}");
            }
            if ["history", "references", "graph", "audit"].contains(&group) {
                assert_eq!(checked.complaints(), Vec::<String>::new(), "{group}");
            }
        }
    }
}
