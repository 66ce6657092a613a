-- Refs that lead to no commit, and are no tags on another object that is there: pgGit calls both a failure.
SELECT count(*) AS astray
FROM pggit_v0.refs r
WHERE NOT EXISTS (SELECT 1 FROM pggit_v0.commit_graph c WHERE c.commit_sha = r.target_sha)
  AND NOT (r.type = 'tag' AND EXISTS (SELECT 1 FROM pggit_v0.objects o WHERE o.sha = r.target_sha))
