-- Entries of trees that lead nowhere, or elsewhere than they say, and objects of commits that are in no graph.
SELECT count(*) AS entries,
    count(*) FILTER (WHERE t.sha IS NULL) AS no_tree,
    count(*) FILTER (WHERE t.type <> 'tree') AS not_tree,
    count(*) FILTER (WHERE o.sha IS NULL) AS no_object,
    count(*) FILTER (WHERE o.type NOT IN ('blob', 'tree') OR o.type <> e.kind) AS other_kind,
    min(e.tree_sha) FILTER (WHERE t.sha IS NULL OR t.type <> 'tree' OR o.sha IS NULL OR o.type NOT IN ('blob', 'tree') OR o.type <> e.kind) AS example,
    (SELECT count(*) FROM pggit_v0.objects c WHERE c.type = 'commit' AND NOT EXISTS (SELECT 1 FROM pggit_v0.commit_graph g WHERE g.commit_sha = c.sha)) AS lost_commits
FROM (SELECT e.tree_sha, e.object_sha, /*kind*/NULL::text AS kind FROM pggit_v0.tree_entries e) e
LEFT JOIN pggit_v0.objects t ON t.sha = e.tree_sha LEFT JOIN pggit_v0.objects o ON o.sha = e.object_sha
