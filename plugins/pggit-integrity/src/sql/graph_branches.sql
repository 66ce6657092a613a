-- pgGit's own branches.
SELECT b.id::int8 AS id, b.name, b.parent_branch_id::int8 AS parent, b.status::text AS status FROM pggit.branches b ORDER BY b.id
