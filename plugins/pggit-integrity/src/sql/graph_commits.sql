-- Commits, with what their objects are.
SELECT c.commit_sha AS sha, c.tree_sha AS tree, o.type AS kind, t.type AS tree_kind
FROM pggit_v0.commit_graph c LEFT JOIN pggit_v0.objects o ON o.sha = c.commit_sha LEFT JOIN pggit_v0.objects t ON t.sha = c.tree_sha
