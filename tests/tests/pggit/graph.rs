//! Commits, trees, refs and HEAD in both layouts of pggit_v0.

use crate::bed::{CORE, Damage, SCRIPT, V0_ARRAYS, V0_ROWS, each_is_found, install, look, majors, quiet, some, watch};

pub(crate) const GRAPH: &str = "groups = [\"graph\"]";

/// Foreign keys keep most of this from happening: so they are off.
macro_rules! unkept {
    ($sql:literal) => {
        concat!("SET session_replication_role = replica; ", $sql)
    };
}

pub(crate) fn damage(
    what: &'static str,
    harm: &'static str,
    key: &'static str,
    status: &'static str,
    says: &'static str,
    mend: &'static str,
) -> Damage {
    Damage { what, harm, key, status, says, mend }
}

#[test]
fn what_leads_nowhere_is_found_in_the_layout_with_rows() {
    for major in majors() {
        let server = install(major, &[CORE, SCRIPT, V0_ROWS]);
        each_is_found(
            &server,
            GRAPH,
            &[
                damage(
                    "a table that is gone",
                    "ALTER TABLE pggit_v0.refs RENAME TO elsewhere",
                    "install/pggit_v0",
                    "critical",
                    "pggit_v0.refs is gone",
                    "ALTER TABLE pggit_v0.elsewhere RENAME TO refs",
                ),
                damage(
                    "blob gone",
                    unkept!(
                        "SELECT * INTO kept FROM pggit_v0.objects WHERE sha = 'blob2'; DELETE FROM pggit_v0.objects WHERE sha = 'blob2'"
                    ),
                    "trees",
                    "critical",
                    "1 that lead to nothing",
                    unkept!("INSERT INTO pggit_v0.objects SELECT * FROM kept; DROP TABLE kept"),
                ),
                damage(
                    "tree gone",
                    unkept!(
                        "SELECT * INTO kept FROM pggit_v0.objects WHERE sha = 'tree2'; DELETE FROM pggit_v0.objects WHERE sha = 'tree2'"
                    ),
                    "commits/trees",
                    "critical",
                    "commit2",
                    unkept!("INSERT INTO pggit_v0.objects SELECT * FROM kept; DROP TABLE kept"),
                ),
                damage(
                    "entry of another kind",
                    "UPDATE pggit_v0.tree_entries SET type = 'tree' WHERE name = 'app.orders'",
                    "trees",
                    "critical",
                    "another kind",
                    "UPDATE pggit_v0.tree_entries SET type = 'blob' WHERE name = 'app.orders'",
                ),
                damage(
                    "parent gone",
                    unkept!("UPDATE pggit_v0.commit_parents SET parent_sha = 'gone'"),
                    "commits/parents",
                    "critical",
                    "commit2",
                    unkept!("UPDATE pggit_v0.commit_parents SET parent_sha = 'commit1'"),
                ),
                damage(
                    "a circle",
                    "INSERT INTO pggit_v0.commit_parents VALUES ('commit1', 'commit2')",
                    "commits/cycle",
                    "critical",
                    "commit1, commit2",
                    "DELETE FROM pggit_v0.commit_parents WHERE commit_sha = 'commit1'",
                ),
                damage(
                    "branch on a blob",
                    "UPDATE pggit_v0.refs SET target_sha = 'blob1' WHERE name = 'main'",
                    "ref/main",
                    "critical",
                    "points at blob",
                    "UPDATE pggit_v0.refs SET target_sha = 'commit2' WHERE name = 'main'",
                ),
                damage(
                    "branch on nothing",
                    unkept!("UPDATE pggit_v0.refs SET target_sha = 'gone' WHERE name = 'main'"),
                    "ref/main",
                    "critical",
                    "points at nothing",
                    "UPDATE pggit_v0.refs SET target_sha = 'commit2' WHERE name = 'main'",
                ),
                damage(
                    "main gone",
                    unkept!("DELETE FROM pggit_v0.refs WHERE name = 'main'"),
                    "ref/main",
                    "critical",
                    "no branch main",
                    "INSERT INTO pggit_v0.refs VALUES ('main', 'commit2', 'branch')",
                ),
                damage(
                    "HEAD gone",
                    "DELETE FROM pggit_v0.head",
                    "ref/HEAD",
                    "critical",
                    "HEAD is gone",
                    "INSERT INTO pggit_v0.head VALUES ('main')",
                ),
                damage(
                    "HEAD astray",
                    unkept!("UPDATE pggit_v0.head SET ref_name = 'nowhere'"),
                    "ref/HEAD",
                    "critical",
                    "nowhere",
                    "UPDATE pggit_v0.head SET ref_name = 'main'",
                ),
                damage(
                    "main is a tag",
                    "UPDATE pggit_v0.refs SET type = 'tag' WHERE name = 'main'",
                    "ref/main",
                    "critical",
                    "no branch main",
                    "UPDATE pggit_v0.refs SET type = 'branch' WHERE name = 'main'",
                ),
                damage(
                    "HEAD on a tag",
                    "INSERT INTO pggit_v0.refs VALUES ('v1', 'commit1', 'tag'); UPDATE pggit_v0.head SET ref_name = 'v1'",
                    "ref/HEAD",
                    "critical",
                    "HEAD leads to v1, which is a tag and no branch",
                    "UPDATE pggit_v0.head SET ref_name = 'main'; DELETE FROM pggit_v0.refs WHERE name = 'v1'",
                ),
                damage(
                    "branch on NULL",
                    "ALTER TABLE pggit_v0.refs ALTER target_sha DROP NOT NULL; UPDATE pggit_v0.refs SET target_sha = NULL WHERE name = 'main'",
                    "ref/main",
                    "critical",
                    "points at nothing",
                    "UPDATE pggit_v0.refs SET target_sha = 'commit2' WHERE name = 'main'; ALTER TABLE pggit_v0.refs ALTER target_sha SET NOT NULL",
                ),
                damage(
                    "entries without a key",
                    "ALTER TABLE pggit_v0.tree_entries DROP CONSTRAINT tree_entries_pkey",
                    "graph-keys",
                    "critical",
                    "tree_entries (tree_sha, name)",
                    "ALTER TABLE pggit_v0.tree_entries ADD PRIMARY KEY (tree_sha, name)",
                ),
                damage(
                    "branch went back",
                    "UPDATE pggit_v0.refs SET target_sha = 'commit1' WHERE name = 'main'",
                    "ref-moved/main",
                    "warning",
                    "went from commit2 to commit1",
                    "UPDATE pggit_v0.refs SET target_sha = 'commit2' WHERE name = 'main'",
                ),
                damage(
                    "commit out of the graph",
                    unkept!(
                        "SELECT * INTO kept FROM pggit_v0.commit_graph WHERE commit_sha = 'commit1'; DELETE FROM pggit_v0.commit_graph WHERE commit_sha = 'commit1'"
                    ),
                    "commits/graph",
                    "critical",
                    "1 object of a commit",
                    "INSERT INTO pggit_v0.commit_graph SELECT * FROM kept; DROP TABLE kept",
                ),
                damage(
                    "entry taken out",
                    "DELETE FROM pggit_v0.tree_entries WHERE name = 'app.orders'",
                    "graph-content",
                    "critical",
                    "tree entries: 1 fewer",
                    "INSERT INTO pggit_v0.tree_entries VALUES ('tree2', 'app.orders', 'blob2', 'blob')",
                ),
                damage(
                    "blob told anew",
                    "UPDATE pggit_v0.objects SET data = 'other' WHERE sha = 'blob1'",
                    "graph-content",
                    "critical",
                    "objects changed",
                    "UPDATE pggit_v0.objects SET data = NULL WHERE sha = 'blob1'",
                ),
            ],
        );
    }
}

#[test]
fn what_leads_nowhere_is_found_in_the_layout_with_arrays() {
    for major in some() {
        let server = install(major, &[CORE, SCRIPT, V0_ARRAYS]);
        each_is_found(
            &server,
            GRAPH,
            &[
                damage(
                    "parent gone",
                    "UPDATE pggit_v0.commit_graph SET parent_shas = '{gone}' WHERE commit_sha = 'commit2'",
                    "commits/parents",
                    "critical",
                    "commit2",
                    "UPDATE pggit_v0.commit_graph SET parent_shas = '{commit1}' WHERE commit_sha = 'commit2'",
                ),
                damage(
                    "tree gone",
                    "UPDATE pggit_v0.commit_graph SET tree_sha = 'gone' WHERE commit_sha = 'commit2'",
                    "commits/trees",
                    "critical",
                    "commit2",
                    "UPDATE pggit_v0.commit_graph SET tree_sha = 'tree2' WHERE commit_sha = 'commit2'",
                ),
                damage(
                    "a circle",
                    "UPDATE pggit_v0.commit_graph SET parent_shas = '{commit2}' WHERE commit_sha = 'commit1'",
                    "commits/cycle",
                    "critical",
                    "2 commits",
                    "UPDATE pggit_v0.commit_graph SET parent_shas = '{}' WHERE commit_sha = 'commit1'",
                ),
                damage(
                    "HEAD astray",
                    "UPDATE pggit_v0.head SET ref_name = 'nowhere'",
                    "ref/HEAD",
                    "critical",
                    "nowhere",
                    "UPDATE pggit_v0.head SET ref_name = 'main'",
                ),
                damage(
                    "refs without a key",
                    "ALTER TABLE pggit_v0.refs DROP CONSTRAINT refs_pkey CASCADE",
                    "graph-keys",
                    "critical",
                    "1 table without primary key: refs (name)",
                    "ALTER TABLE pggit_v0.refs ADD PRIMARY KEY (name)",
                ),
                damage(
                    "entry that leads nowhere",
                    unkept!("UPDATE pggit_v0.tree_entries SET object_sha = 'gone' WHERE path = 'app.orders'"),
                    "trees",
                    "critical",
                    "1 that lead to nothing",
                    "UPDATE pggit_v0.tree_entries SET object_sha = 'blob2' WHERE path = 'app.orders'",
                ),
            ],
        );
    }
}

#[test]
fn a_primary_key_that_includes_more_columns_is_one() {
    let server = install(majors()[0], &[CORE, SCRIPT, V0_ROWS]);
    server.exec("ALTER TABLE pggit_v0.tree_entries DROP CONSTRAINT tree_entries_pkey, ADD PRIMARY KEY (tree_sha, name) INCLUDE (object_sha)");
    let agent = watch(&server, GRAPH);
    quiet(&agent, "with a column included");
    server.exec("ALTER TABLE pggit_v0.tree_entries DROP CONSTRAINT tree_entries_pkey, ADD PRIMARY KEY (tree_sha, name, object_sha)");
    assert_eq!(look(&agent).status_of("graph-keys"), "critical", "one name can stand twice");
}

#[test]
fn triggers_and_rules_on_the_tables_of_pggit_v0_stand_in_its_way() {
    let server = install(majors()[0], &[CORE, SCRIPT, V0_ROWS]);
    each_is_found(
        &server,
        "groups = [\"tracking\"]",
        &[
            damage(
                "a trigger that swallows",
                "CREATE FUNCTION public.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
                 CREATE TRIGGER s BEFORE INSERT OR UPDATE ON pggit_v0.refs FOR EACH ROW EXECUTE FUNCTION public.swallow()",
                "obstacle/pggit_v0.refs/trigger/s",
                "warning",
                "make commits fail",
                "DROP TRIGGER s ON pggit_v0.refs; DROP FUNCTION public.swallow",
            ),
            damage(
                "a rule on the audit",
                "CREATE RULE nowhere AS ON INSERT TO pggit_audit.changes DO INSTEAD NOTHING",
                "obstacle/pggit_audit.changes/rule/nowhere",
                "critical",
                "go another way, or nowhere",
                "DROP RULE nowhere ON pggit_audit.changes",
            ),
        ],
    );
}

#[test]
fn ordinary_work_is_no_damage() {
    for major in some() {
        let server = install(major, &[CORE, SCRIPT, V0_ROWS]);
        let agent = watch(&server, GRAPH);
        quiet(&agent, "at first");
        server.exec("INSERT INTO pggit_v0.refs VALUES ('feature', 'commit2', 'branch'), ('v1', 'blob1', 'tag')");
        server.exec(
            "INSERT INTO pggit_v0.objects (sha, type) VALUES ('commit3', 'commit');
            INSERT INTO pggit_v0.commit_graph (commit_sha, tree_sha) VALUES ('commit3', 'tree2');
            INSERT INTO pggit_v0.commit_parents VALUES ('commit3', 'commit2');
            UPDATE pggit_v0.refs SET target_sha = 'commit3' WHERE name = 'feature'",
        );
        quiet(&agent, "a branch with a commit, a tag on a blob");
        server.exec("INSERT INTO pggit_v0.objects (sha, type) VALUES ('merge', 'commit'); INSERT INTO pggit_v0.commit_graph (commit_sha, tree_sha) VALUES ('merge', 'tree2'); INSERT INTO pggit_v0.commit_parents VALUES ('merge', 'commit2'), ('merge', 'commit3'); UPDATE pggit_v0.refs SET target_sha = 'merge' WHERE name = 'main'; DELETE FROM pggit_v0.refs WHERE name = 'feature'");
        quiet(&agent, "merged, and the branch deleted");
        server.exec("INSERT INTO pggit_v0.refs VALUES ('lost', 'commit1', 'branch'); UPDATE pggit_v0.refs SET target_sha = 'commit3' WHERE name = 'main'");
        let checked = look(&agent);
        assert_eq!(checked.status_of("ref-moved/main"), "warning");
        assert_eq!(checked.status_of("commits/unreachable"), "warning");
        let accepting = watch(&server, "groups = [\"graph\"], baseline = \"reset\"");
        assert_eq!(look(&accepting).status_of("ref-moved"), "ok");
    }
}

#[test]
fn commits_that_never_have_a_parent_are_pggits_own_way() {
    let server = install(majors()[0], &[CORE, SCRIPT, V0_ROWS]);
    server.exec("TRUNCATE pggit_v0.commit_parents; DELETE FROM pggit_v0.head");
    let agent = watch(&server, GRAPH);
    quiet(&agent, "two roots");
    server.exec(
        "INSERT INTO pggit_v0.objects (sha, type) VALUES ('tree3', 'tree'), ('commit3', 'commit');
        INSERT INTO pggit_v0.commit_graph (commit_sha, tree_sha) VALUES ('commit3', 'tree3');
        UPDATE pggit_v0.refs SET target_sha = 'commit3'",
    );
    let checked = quiet(&agent, "main went on to another root");
    assert!(checked.finding("commits")["summary"].as_str().unwrap().contains("none has a parent"));
}
