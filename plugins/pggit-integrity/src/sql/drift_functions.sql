-- Functions are tracked by the digits of their OID: a rename changes nothing, a dropped one is never marked, and after a restore none is known.
WITH born AS (
    SELECT c.oid::int8 AS oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'pggit' AND c.relname = 'objects'
), tracked AS MATERIALIZED (
    SELECT coalesce(o.metadata ->> 'oid', o.object_name)::int8 AS oid, o.schema_name !~ '^pggit(_|$)' AS own
    FROM pggit.objects o WHERE o.object_type = 'FUNCTION' AND coalesce(o.metadata ->> 'oid', o.object_name) ~ '^\d{1,10}$'
), live AS MATERIALIZED (
    SELECT p.oid::int8 AS oid, quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name,
           p.oid::int8 < (SELECT oid FROM born) AS older
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'w') AND n.nspname !~ '^(pg_|pggit(_|$)|information_schema$)'
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
), known AS (
    SELECT count(*) AS tracked, count(p.oid) AS alive FROM tracked t LEFT JOIN pg_proc p ON p.oid::int8 = t.oid
)
SELECT (SELECT count(*) FROM live WHERE older) AS older,
       (SELECT count(*) FROM tracked t WHERE t.own AND NOT EXISTS (SELECT 1 FROM pg_proc p WHERE p.oid::int8 = t.oid)) AS gone,
       k.tracked > 0 AND k.alive * 2 < k.tracked AS restored,
       count(l.oid) AS untracked, coalesce((array_agg(l.name ORDER BY l.name) FILTER (WHERE l.oid IS NOT NULL))[1:20], '{}') AS names
FROM known k LEFT JOIN live l ON NOT l.older AND NOT EXISTS (SELECT 1 FROM tracked t WHERE t.oid = l.oid)
GROUP BY k.tracked, k.alive
