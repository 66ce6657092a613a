//! What was committed in pggit_v0 stays, in the layout with arrays, whose sums cover more columns than they once did.

use crate::bed::{CORE, SCRIPT, V0_ARRAYS, each_is_found, install, look, majors, quiet, some, watch};
use crate::graph::{GRAPH, damage};

#[test]
fn all_that_a_commit_says_stays_in_the_layout_with_arrays() {
    for major in some() {
        let server = install(major, &[CORE, SCRIPT, V0_ARRAYS]);
        // Times bear no zone there: what was written counts from 26 hours on.
        server.exec("UPDATE pggit_v0.objects SET created_at = created_at - interval '3 days'");
        let told = |what: &'static str, harm: &'static str, says: &'static str, mend: &'static str| {
            damage(what, harm, "graph-content", "critical", says, mend)
        };
        each_is_found(
            &server,
            GRAPH,
            &[
                told(
                    "another mode",
                    "UPDATE pggit_v0.tree_entries SET mode = '120000' WHERE path = 'app.orders'",
                    "tree entries changed",
                    "UPDATE pggit_v0.tree_entries SET mode = '100644' WHERE path = 'app.orders'",
                ),
                told(
                    "another committer",
                    "UPDATE pggit_v0.commit_graph SET committer = 'bob' WHERE commit_sha = 'commit2'",
                    "commits changed",
                    "UPDATE pggit_v0.commit_graph SET committer = 'ada' WHERE commit_sha = 'commit2'",
                ),
                told(
                    "another generation",
                    "UPDATE pggit_v0.commit_graph SET generation = 7 WHERE commit_sha = 'commit2'",
                    "commits changed",
                    "UPDATE pggit_v0.commit_graph SET generation = 1 WHERE commit_sha = 'commit2'",
                ),
                told(
                    "written at another time",
                    "UPDATE pggit_v0.commit_graph SET authored_at = authored_at - interval '9 days' WHERE commit_sha = 'commit2'",
                    "commits changed",
                    "UPDATE pggit_v0.commit_graph SET authored_at = authored_at + interval '9 days' WHERE commit_sha = 'commit2'",
                ),
            ],
        );
    }
}

/// The sums of an earlier release of the plugin, which left out modes, generations, committers and the time of writing.
const EARLIER: &str = "
    WITH own AS (SELECT sha, hashtextextended(ROW(sha, type, size, md5(content))::text, 0) AS hash FROM pggit_v0.objects),
    parts AS (SELECT 'objects' AS part, hash FROM own
        UNION ALL SELECT 'tree entries', hashtextextended(ROW(tree_sha, path, object_sha)::text, 0) FROM pggit_v0.tree_entries
        UNION ALL SELECT 'commits', hashtextextended(ROW(commit_sha, tree_sha, author, message, extract(epoch FROM committed_at))::text, 0) FROM pggit_v0.commit_graph
        UNION ALL SELECT 'parents', hashtextextended(ROW(commit_sha, p)::text, 0) FROM pggit_v0.commit_graph, unnest(parent_shas) p)
    SELECT json_build_object('label', '', 'at', 1700000000000000, 'value', json_build_object('until', floor(extract(epoch FROM now() - interval '1 day') * 1000000)::int8,
        'parts', (SELECT json_object_agg(part, json_build_array(rows, hash)) FROM (
            SELECT part, count(*) AS rows, ((sum(hash) % 18446744073709551616 + 18446744073709551616 + 9223372036854775808) % 18446744073709551616 - 9223372036854775808)::int8 AS hash
            FROM parts GROUP BY part) s)))::text";

#[test]
fn what_an_earlier_release_kept_is_compared_before_more_columns_are() {
    let server = install(majors()[0], &[CORE, SCRIPT, V0_ARRAYS]);
    server.exec("UPDATE pggit_v0.objects SET created_at = created_at - interval '3 days'");
    let agent = watch(&server, GRAPH);
    quiet(&agent, "before");
    let kept = server.sql(EARLIER)[0][0].clone().unwrap();
    let store = rusqlite::Connection::open(agent.state_dir().join("pgreeve.db")).unwrap();
    let carried = store
        .execute(
            "UPDATE memory SET key = 'main/graph/content', value = CAST(?1 AS BLOB) WHERE key = 'main/graph/content/arrays'",
            [&kept],
        )
        .unwrap();
    assert_eq!(carried, 1, "{kept}");
    server.exec("UPDATE pggit_v0.tree_entries SET object_sha = 'blob1' WHERE path = 'app.orders'");
    for _ in 0..2 {
        let checked = look(&agent);
        assert_eq!(checked.status_of("graph-content"), "critical", "{:#}", checked.json);
        let summary = checked.finding("graph-content")["summary"].as_str().unwrap();
        assert!(summary.contains("since 2023-11-14 22:13 UTC: tree entries changed"), "{summary}");
    }
    server.exec("UPDATE pggit_v0.tree_entries SET object_sha = 'blob2' WHERE path = 'app.orders'");
    quiet(&agent, "mended");
    server.exec("UPDATE pggit_v0.tree_entries SET mode = '120000' WHERE path = 'app.orders'");
    assert_eq!(look(&agent).status_of("graph-content"), "critical", "and modes are part of it from then on");
}
