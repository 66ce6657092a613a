-- Commits of pggit that name a parent, which pgGit itself never writes.
SELECT c.hash, c.parent_commit_hash AS parent, EXISTS (SELECT 1 FROM pggit.commits p WHERE p.hash = c.parent_commit_hash) AS there
FROM pggit.commits c WHERE c.parent_commit_hash IS NOT NULL
