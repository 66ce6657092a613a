//! The branches of pggit itself, and their commits.

use crate::bed::{each_is_found, look, quiet, script, some, watch};
use crate::graph::{GRAPH, damage};

#[test]
fn branches_of_pggit_are_looked_at_where_there_is_no_pggit_v0() {
    for major in some() {
        let server = script(major);
        server.exec("INSERT INTO pggit.commits (hash, branch_id) VALUES ('child', 1), ('one', 1), ('two', 1)");
        let agent = watch(&server, GRAPH);
        let checked = quiet(&agent, "without pggit_v0");
        assert_eq!(checked.finding("commits")["reason"], "not-applicable");
        each_is_found(
            &server,
            GRAPH,
            &[
                damage(
                    "main renamed",
                    "UPDATE pggit.branches SET name = 'trunk' WHERE name = 'main'",
                    "branches/main",
                    "critical",
                    "is gone",
                    "UPDATE pggit.branches SET name = 'main' WHERE name = 'trunk'",
                ),
                damage(
                    "main deleted",
                    "UPDATE pggit.branches SET status = 'DELETED' WHERE name = 'main'",
                    "branches/main",
                    "critical",
                    "not active",
                    "UPDATE pggit.branches SET status = 'ACTIVE' WHERE name = 'main'",
                ),
                damage(
                    "its own parent",
                    "UPDATE pggit.branches SET parent_branch_id = 1 WHERE name = 'main'",
                    "branches/cycle",
                    "critical",
                    "main",
                    "UPDATE pggit.branches SET parent_branch_id = NULL WHERE name = 'main'",
                ),
                damage(
                    "a parent that is gone",
                    "UPDATE pggit.commits SET parent_commit_hash = 'nowhere' WHERE hash = 'child'",
                    "own-commits/parents",
                    "critical",
                    "1 commit of pggit whose parent is gone: child",
                    "UPDATE pggit.commits SET parent_commit_hash = NULL",
                ),
                damage(
                    "a circle",
                    "UPDATE pggit.commits SET parent_commit_hash = CASE hash WHEN 'one' THEN 'two' ELSE 'one' END WHERE hash IN ('one', 'two')",
                    "own-commits/cycle",
                    "critical",
                    "2 commits of pggit that descend from themselves: one, two",
                    "UPDATE pggit.commits SET parent_commit_hash = NULL",
                ),
                damage(
                    "a head that leads nowhere",
                    "UPDATE pggit.branches SET head_commit_hash = 'nowhere' WHERE name = 'main'",
                    "own-commits/heads",
                    "critical",
                    "the head of main",
                    "UPDATE pggit.branches SET head_commit_hash = NULL WHERE name = 'main'",
                ),
                damage(
                    "too many",
                    "INSERT INTO pggit.branches (name, parent_branch_id) SELECT 'f' || n, 1 FROM generate_series(1, 49) n",
                    "branches/number",
                    "warning",
                    "50 branches",
                    "DELETE FROM pggit.branches WHERE name LIKE 'f%'",
                ),
            ],
        );
    }
}

#[test]
fn commits_of_pggit_stay_as_long_as_their_branch_does() {
    for major in some() {
        let server = script(major);
        server.exec(
            "INSERT INTO pggit.branches (id, name, parent_branch_id, head_commit_hash) VALUES (2, 'f', 1, 'made up'), (3, 'g', 1, 'g2');
            SELECT setval('pggit.branches_id_seq', 3);
            INSERT INTO pggit.commits (hash, branch_id, message) VALUES ('m1', 1, 'm'), ('f1', 2, 'm'), ('g1', 3, 'm'), ('g2', 3, 'm')",
        );
        let agent = watch(&server, GRAPH);
        let checked = quiet(&agent, "a head that create_branch made up");
        assert!(
            checked.finding("own-commits")["summary"].as_str().unwrap().contains("1 branch has a head that is none"),
            "{major}"
        );
        server.exec("INSERT INTO pggit.commits (hash, branch_id, message) VALUES ('m2', 1, 'm')");
        quiet(&agent, "another commit");
        server.exec("DELETE FROM pggit.branches WHERE name = 'f'");
        quiet(&agent, "a branch deleted with its commits");
        server.exec("UPDATE pggit.commits SET message = 'another' WHERE hash = 'm1'");
        let summary = |key: &str| look(&agent).finding(key)["summary"].as_str().unwrap().to_owned();
        assert!(summary("own-commits/rows").contains("main changed"), "{major}");
        server.exec(
            "UPDATE pggit.commits SET message = 'm' WHERE hash = 'm1'; DELETE FROM pggit.commits WHERE hash = 'g2'",
        );
        assert!(summary("own-commits/rows").contains("g has 1 fewer"), "{major}");
        assert!(summary("own-commits/heads").contains("the head of g"), "{major}");
        quiet(&watch(&server, "groups = [\"graph\"], baseline = \"cleaned\""), "as it is, it is accepted");
    }
}
