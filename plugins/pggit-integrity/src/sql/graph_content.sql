-- Sums of hashes over what was there before two times, by the time of the object: what is recorded once stays.
WITH own AS (SELECT o.sha, (extract(epoch FROM o.created_at)::numeric * 1000000)::int8 AS at, hashtextextended(ROW(o.sha, o.type, o.size, md5(o./*content*/data::text))::text, 0) AS hash FROM pggit_v0.objects o),
parts AS (
    SELECT 'objects' AS part, o.at, o.hash FROM own o
    UNION ALL
    SELECT 'tree entries', o.at, hashtextextended(ROW(e.tree_sha, e./*path*/name, e.object_sha/*mode*/)::text, 0) FROM pggit_v0.tree_entries e JOIN own o ON o.sha = e.tree_sha
    UNION ALL
    SELECT 'commits', o.at, hashtextextended(ROW(c.commit_sha, c.tree_sha, c.author, c.message, extract(epoch FROM c.committed_at)/*more*/)::text, 0) FROM pggit_v0.commit_graph c JOIN own o ON o.sha = c.commit_sha
    UNION ALL
    SELECT 'parents', o.at, hashtextextended(ROW(p.child, p.parent)::text, 0) FROM (/*parents*/) p JOIN own o ON o.sha = p.child
)
SELECT p.part, count(*) FILTER (WHERE p.at < $1) AS rows_then, coalesce(sum(p.hash) FILTER (WHERE p.at < $1), 0)::text AS hash_then,
    count(*) FILTER (WHERE p.at < $2) AS rows_now, coalesce(sum(p.hash) FILTER (WHERE p.at < $2), 0)::text AS hash_now
FROM parts p GROUP BY p.part ORDER BY p.part
