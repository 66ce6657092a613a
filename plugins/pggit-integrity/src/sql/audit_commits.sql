-- Changes whose commit is not in the graph. What was taken over from version 1 has none there.
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT a.backfilled_from_v1 AND NOT EXISTS (SELECT 1 FROM pggit_v0.commit_graph g WHERE g.commit_sha = a.commit_sha)) AS lost,
    min(a.commit_sha) FILTER (WHERE NOT a.backfilled_from_v1 AND NOT EXISTS (SELECT 1 FROM pggit_v0.commit_graph g WHERE g.commit_sha = a.commit_sha)) AS example
FROM pggit_audit.changes a
