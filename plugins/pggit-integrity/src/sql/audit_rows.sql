-- Sums of hashes over what was there before two times. Whether a change is verified may change.
WITH parts AS (
    SELECT 'changes' AS part, (extract(epoch FROM a.created_at)::numeric * 1000000)::int8 AS at, hashtextextended((to_jsonb(a) - 'verified')::text, 0) AS hash FROM pggit_audit.changes a
    UNION ALL
    SELECT 'object_versions', (extract(epoch FROM v.created_at)::numeric * 1000000)::int8, hashtextextended(to_jsonb(v)::text, 0) FROM pggit_audit.object_versions v
    UNION ALL
    SELECT 'compliance_log', (extract(epoch FROM l.created_at)::numeric * 1000000)::int8, hashtextextended(to_jsonb(l)::text, 0) FROM pggit_audit.compliance_log l
)
SELECT p.part, count(*) FILTER (WHERE p.at < $1) AS rows_then, coalesce(sum(p.hash) FILTER (WHERE p.at < $1), 0)::text AS hash_then,
    count(*) FILTER (WHERE p.at < $2) AS rows_now, coalesce(sum(p.hash) FILTER (WHERE p.at < $2), 0)::text AS hash_now
FROM parts p GROUP BY p.part ORDER BY p.part
