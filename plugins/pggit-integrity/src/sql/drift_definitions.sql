-- Views and functions that pgGit would record if they were replaced: a hash of what CREATE OR REPLACE alone can change (a view's rule; a function's
-- body, defaults and result), and how much pgGit has recorded of each. A rename, another owner, schema, setting or grant changes none of it.
-- Views and functions have OIDs of their own each, so the key is twice the OID, and one more for a function.
WITH recorded AS MATERIALIZED (
    SELECT 2 * coalesce(o.metadata ->> 'oid', o.object_name)::int8 + CASE WHEN o.object_type = 'FUNCTION' THEN 1 ELSE 0 END AS key,
           sum(coalesce(o.version, 0) + 1)::int8 AS number
    FROM pggit.objects o
    WHERE o.object_type IN ('VIEW', 'FUNCTION') AND coalesce(o.branch_name, 'main') = 'main' AND coalesce(o.metadata ->> 'oid', o.object_name) ~ '^\d{1,10}$'
    GROUP BY 1
), live AS (
    SELECT 2 * c.oid::int8 AS key, hashtextextended(r.ev_action::text, 0) AS hash
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename = '_RETURN'
    WHERE c.relkind = 'v' AND n.nspname !~ '^(pg_|pggit(_|$)|information_schema$)'
      AND c.oid NOT IN (SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e')
    UNION ALL
    SELECT 2 * p.oid::int8 + 1, hashtextextended(concat_ws(E'\n', p.prosrc, p.probin, p.prosqlbody::text, p.proargdefaults::text, p.prolang, p.prorettype, p.proretset), 0)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'w') AND n.nspname !~ '^(pg_|pggit(_|$)|information_schema$)'
      AND p.oid NOT IN (SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e')
)
SELECT l.key, l.hash & 4294967295 AS hash, coalesce(r.number, 0) AS recorded, count(*) OVER () AS total
FROM live l LEFT JOIN recorded r ON r.key = l.key
ORDER BY l.key LIMIT 20000
