-- pggit_v0 in the layout with commit_parents, and pgGit's own checks of it, which work there. Layouts are the original's, bodies this tree's own.
CREATE SCHEMA pggit_v0;
CREATE TABLE pggit_v0.objects (
    sha text PRIMARY KEY,
    type text NOT NULL CHECK (type IN ('blob', 'tree', 'commit')),
    size bigint DEFAULT 0,
    data bytea,
    created_at timestamptz DEFAULT now()
);
CREATE TABLE pggit_v0.refs (
    name text PRIMARY KEY,
    target_sha text NOT NULL REFERENCES pggit_v0.objects (sha),
    type text NOT NULL CHECK (type IN ('branch', 'tag', 'remote')),
    created_at timestamptz DEFAULT now()
);
CREATE TABLE pggit_v0.head (ref_name text PRIMARY KEY REFERENCES pggit_v0.refs (name));
CREATE TABLE pggit_v0.commit_graph (
    commit_sha text PRIMARY KEY REFERENCES pggit_v0.objects (sha),
    tree_sha text NOT NULL REFERENCES pggit_v0.objects (sha),
    author text,
    message text,
    committed_at timestamptz DEFAULT now()
);
CREATE TABLE pggit_v0.commit_parents (
    commit_sha text NOT NULL REFERENCES pggit_v0.commit_graph (commit_sha),
    parent_sha text NOT NULL REFERENCES pggit_v0.commit_graph (commit_sha),
    PRIMARY KEY (commit_sha, parent_sha)
);
CREATE TABLE pggit_v0.tree_entries (
    tree_sha text NOT NULL REFERENCES pggit_v0.objects (sha),
    name text NOT NULL,
    object_sha text REFERENCES pggit_v0.objects (sha),
    type text CHECK (type IN ('blob', 'tree')),
    PRIMARY KEY (tree_sha, name)
);
CREATE TABLE pggit_v0.merge_base_cache (commit1_sha text NOT NULL, commit2_sha text NOT NULL, merge_base_sha text, PRIMARY KEY (commit1_sha, commit2_sha));
CREATE TABLE pggit_v0.performance_metrics (operation text, duration_ms bigint, measured_at timestamptz DEFAULT now());

CREATE FUNCTION pggit_v0.validate_data_integrity() RETURNS TABLE (check_name text, status text, details text) STABLE LANGUAGE sql AS $$
    SELECT c.name, CASE WHEN c.bad = 0 THEN 'OK' ELSE 'FAILED' END, c.bad || ' rows'
    FROM (VALUES
        ('TREE_ENTRIES_REFERENCE_OBJECTS',
            (SELECT count(*) FROM pggit_v0.tree_entries e WHERE NOT EXISTS (SELECT 1 FROM pggit_v0.objects o WHERE o.sha = e.object_sha))),
        ('COMMITS_REFERENCE_TREES',
            (SELECT count(*) FROM pggit_v0.commit_graph c WHERE NOT EXISTS (SELECT 1 FROM pggit_v0.objects o WHERE o.sha = c.tree_sha))),
        ('COMMIT_PARENTS_EXIST',
            (SELECT count(*) FROM pggit_v0.commit_parents p WHERE NOT EXISTS (SELECT 1 FROM pggit_v0.commit_graph c WHERE c.commit_sha = p.parent_sha))),
        ('REFS_POINT_TO_COMMITS',
            (SELECT count(*) FROM pggit_v0.refs r WHERE NOT EXISTS (SELECT 1 FROM pggit_v0.commit_graph c WHERE c.commit_sha = r.target_sha))),
        ('AUDIT_CHANGES_HAVE_COMMITS',
            (SELECT count(*) FROM pggit_audit.changes a WHERE NOT EXISTS (SELECT 1 FROM pggit_v0.commit_graph c WHERE c.commit_sha = a.commit_sha)))
    ) AS c(name, bad)
$$;
CREATE FUNCTION pggit_v0.check_for_alerts() RETURNS TABLE (severity text, alert_type text, message text) STABLE LANGUAGE sql AS $$
    SELECT 'CRITICAL', 'DATA_INTEGRITY', 'some checks failed' WHERE EXISTS (SELECT 1 FROM pggit_v0.validate_data_integrity() v WHERE v.status = 'FAILED')
    UNION ALL
    SELECT 'OK', 'NO_ALERTS', 'nothing to report' WHERE NOT EXISTS (SELECT 1 FROM pggit_v0.validate_data_integrity() v WHERE v.status = 'FAILED')
$$;

-- Two commits on main, the second with the first as its parent.
INSERT INTO pggit_v0.objects (sha, type, size) VALUES ('blob1', 'blob', 10), ('blob2', 'blob', 12), ('tree1', 'tree', 1), ('tree2', 'tree', 2),
    ('commit1', 'commit', 1), ('commit2', 'commit', 1);
INSERT INTO pggit_v0.tree_entries (tree_sha, name, object_sha, type) VALUES ('tree1', 'app.customers', 'blob1', 'blob'),
    ('tree2', 'app.customers', 'blob1', 'blob'), ('tree2', 'app.orders', 'blob2', 'blob');
INSERT INTO pggit_v0.commit_graph (commit_sha, tree_sha, author, message) VALUES ('commit1', 'tree1', 'ada', 'customers'), ('commit2', 'tree2', 'ada', 'orders');
INSERT INTO pggit_v0.commit_parents (commit_sha, parent_sha) VALUES ('commit2', 'commit1');
INSERT INTO pggit_v0.refs (name, target_sha, type) VALUES ('main', 'commit2', 'branch');
INSERT INTO pggit_v0.head (ref_name) VALUES ('main');
