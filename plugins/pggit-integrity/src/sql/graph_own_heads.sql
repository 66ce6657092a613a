-- Branches of pggit with their heads. pggit.create_branch writes a head that is no commit, and nothing moves heads on.
SELECT b.name, b.head_commit_hash AS head, EXISTS (SELECT 1 FROM pggit.commits c WHERE c.hash = b.head_commit_hash) AS there FROM pggit.branches b
