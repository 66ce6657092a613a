-- pggit_v0 in the layout with commit_graph.parent_shas. pgGit's own checks are there and fail: they read commit_parents, which is not.
CREATE SCHEMA pggit_v0;
CREATE TABLE pggit_v0.objects (
    sha text PRIMARY KEY,
    type text NOT NULL CHECK (type IN ('commit', 'tree', 'blob', 'tag')),
    size int NOT NULL,
    content text NOT NULL,
    created_at timestamp DEFAULT current_timestamp
);
CREATE TABLE pggit_v0.refs (
    name text PRIMARY KEY,
    target_sha text NOT NULL REFERENCES pggit_v0.objects (sha),
    type text NOT NULL CHECK (type IN ('branch', 'tag', 'remote'))
);
CREATE TABLE pggit_v0.head (id int PRIMARY KEY DEFAULT 1 CHECK (id = 1), ref_name text NOT NULL, direct_sha text);
CREATE TABLE pggit_v0.commit_graph (
    commit_sha text PRIMARY KEY REFERENCES pggit_v0.objects (sha),
    parent_shas text[] NOT NULL DEFAULT '{}',
    tree_sha text NOT NULL,
    generation int NOT NULL DEFAULT 0,
    author text NOT NULL,
    committer text NOT NULL,
    authored_at timestamp NOT NULL,
    committed_at timestamp NOT NULL,
    message text NOT NULL
);
CREATE TABLE pggit_v0.tree_entries (
    tree_sha text NOT NULL REFERENCES pggit_v0.objects (sha),
    path text NOT NULL,
    mode text NOT NULL,
    object_sha text NOT NULL REFERENCES pggit_v0.objects (sha),
    PRIMARY KEY (tree_sha, path)
);
CREATE TABLE pggit_v0.merge_base_cache (
    commit1_sha text NOT NULL,
    commit2_sha text NOT NULL,
    merge_base_sha text NOT NULL,
    computed_at timestamp DEFAULT current_timestamp,
    PRIMARY KEY (commit1_sha, commit2_sha)
);
CREATE TABLE pggit_v0.performance_metrics (operation text, duration_ms int, object_count int, "timestamp" timestamp DEFAULT current_timestamp);
CREATE FUNCTION pggit_v0.validate_data_integrity() RETURNS TABLE (check_name text, status text, details text) STABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT 'COMMIT_PARENTS_EXIST', 'OK', count(*)::text FROM pggit_v0.commit_parents;
END $$;
CREATE FUNCTION pggit_v0.check_for_alerts() RETURNS TABLE (alert_level text, alert_message text) STABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT v.status, v.details FROM pggit_v0.validate_data_integrity() v;
END $$;

INSERT INTO pggit_v0.objects (sha, type, size, content) VALUES ('blob1', 'blob', 10, 'customers'), ('blob2', 'blob', 12, 'orders'),
    ('tree1', 'tree', 1, ''), ('tree2', 'tree', 2, ''), ('commit1', 'commit', 1, ''), ('commit2', 'commit', 1, '');
INSERT INTO pggit_v0.tree_entries (tree_sha, path, mode, object_sha) VALUES ('tree1', 'app.customers', '100644', 'blob1'),
    ('tree2', 'app.customers', '100644', 'blob1'), ('tree2', 'app.orders', '100644', 'blob2');
INSERT INTO pggit_v0.commit_graph (commit_sha, parent_shas, tree_sha, generation, author, committer, authored_at, committed_at, message) VALUES
    ('commit1', '{}', 'tree1', 0, 'ada', 'ada', current_timestamp, current_timestamp, 'customers'),
    ('commit2', '{commit1}', 'tree2', 1, 'ada', 'ada', current_timestamp, current_timestamp, 'orders');
INSERT INTO pggit_v0.refs (name, target_sha, type) VALUES ('main', 'commit2', 'branch');
INSERT INTO pggit_v0.head (ref_name) VALUES ('main');
