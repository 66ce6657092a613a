-- A sum of hashes over the commits of each branch: up to the number that was the last at an earlier look ($1), and up to the last one now ($2).
SELECT c.branch_id::int8 AS branch, (SELECT b.name FROM pggit.branches b WHERE b.id = c.branch_id) AS name,
    count(*) FILTER (WHERE c.id <= $1) AS rows_then, coalesce(sum(h.hash) FILTER (WHERE c.id <= $1), 0)::text AS hash_then,
    count(*) FILTER (WHERE c.id <= $2) AS rows_now, coalesce(sum(h.hash) FILTER (WHERE c.id <= $2), 0)::text AS hash_now
FROM pggit.commits c
CROSS JOIN LATERAL (SELECT hashtextextended(ROW(c.id, c.hash, c.branch_id, c.parent_commit_hash, c.message, c.author, extract(epoch FROM c.authored_at), c.tree_hash)::text, 0) AS hash) h
GROUP BY c.branch_id
