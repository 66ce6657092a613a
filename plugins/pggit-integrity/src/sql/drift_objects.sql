-- Relations of the live catalog against pggit.objects, each difference with its class; at most 200 rows of a class, `total` counts all.
-- What pgGit keeps of an object: its name as `regclass` writes it at that moment (quoted where need be, functions as digits of their OID), and its OID
-- in the metadata. So a name that is gone while its OID lives is a rename, which pgGit does not follow.
WITH born AS (
    SELECT c.oid::int8 AS oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'pggit' AND c.relname = 'objects'
), tracked AS MATERIALIZED (
    SELECT o.id, o.object_type::text AS type, o.schema_name AS schema, o.object_name AS name, o.is_active AS active, o.parent_id,
           o.metadata ->> 'table' AS "table", CASE WHEN o.metadata ->> 'oid' ~ '^\d{1,10}$' THEN (o.metadata ->> 'oid')::int8 END AS oid
    FROM pggit.objects o
    WHERE o.object_type IN ('TABLE', 'VIEW', 'INDEX') AND coalesce(o.branch_name, 'main') = 'main' AND o.schema_name !~ '^pggit(_|$)'
), live AS MATERIALIZED (
    SELECT c.oid::int8 AS oid, CASE WHEN c.relkind IN ('r', 'p') THEN 'TABLE' WHEN c.relkind = 'v' THEN 'VIEW' ELSE 'INDEX' END AS type,
           n.nspname AS schema, c.relname AS name, c.oid AS relation
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'i', 'I') AND n.nspname !~ '^(pg_|pggit(_|$)|information_schema$)'
), named AS MATERIALIZED (
    SELECT l.oid, l.type, l.schema, f.name FROM live l
    CROSS JOIN LATERAL (SELECT l.name UNION SELECT quote_ident(l.name) UNION SELECT quote_ident(l.schema) || '.' || quote_ident(l.name)) AS f(name)
    UNION ALL
    -- The schema of an index whose name is quoted is not found, and taken for public.
    SELECT l.oid, l.type, 'public', quote_ident(l.name) FROM live l WHERE l.type = 'INDEX' AND l.schema <> 'public' AND quote_ident(l.name) <> l.name
), alive AS MATERIALIZED (
    SELECT c.oid::int8 AS oid FROM pg_class c
), restored AS (
    -- A dump gives every object another OID.
    SELECT count(*) > 0 AND 2 * count(*) FILTER (WHERE t.oid = n.oid) < count(*) AS yes
    FROM pggit.objects o
    JOIN pg_class c ON c.relname = o.object_name
    JOIN pg_namespace s ON s.oid = c.relnamespace AND s.nspname = o.schema_name
    CROSS JOIN LATERAL (SELECT c.oid::int8 AS oid) n
    CROSS JOIN LATERAL (SELECT CASE WHEN o.metadata ->> 'oid' ~ '^\d{1,10}$' THEN (o.metadata ->> 'oid')::int8 END AS oid) t
    WHERE o.object_type = 'TABLE' AND o.is_active AND t.oid IS NOT NULL
), known AS MATERIALIZED (
    -- Objects whose name is tracked. Asked by NOT IN, which is hashed: as a join of several it was taken for a few rows, and was quadratic.
    SELECT DISTINCT n.oid FROM tracked t JOIN named n ON (n.type, n.schema, n.name) = (t.type, t.schema, t.name)
), untracked AS (
    SELECT l.*, coalesce(l.oid < (SELECT oid FROM born), false) AS older FROM live l
    WHERE NOT EXISTS (SELECT 1 FROM tracked t WHERE t.type = l.type AND t.oid = l.oid)
      AND l.oid NOT IN (SELECT k.oid FROM known k)
), differences AS (
    -- IN and joins, not EXISTS: what is looked up once costs less, and is not worth compiling (JIT) in the planner's eyes.
    SELECT CASE WHEN u.relation IN (SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e') THEN 'of-extension'
                WHEN u.older THEN 'older'
                WHEN u.type = 'INDEX' AND u.relation IN (SELECT x.conindid FROM pg_constraint x) THEN 'constraint-index'
                WHEN u.type = 'INDEX' AND u.relation IN (SELECT h.inhrelid FROM pg_inherits h) THEN 'partition-index'
                WHEN u.type = 'INDEX' AND (NOT x.indisvalid OR t.relkind IN ('m', 't')) THEN 'other-index'
                ELSE 'untracked' END AS class, u.type, quote_ident(u.schema) || '.' || quote_ident(u.name) AS name, u.oid,
           quote_ident(u.schema) || '.' || quote_ident(t.relname) AS "table"
    FROM untracked u LEFT JOIN pg_index x ON x.indexrelid = u.relation LEFT JOIN pg_class t ON t.oid = x.indrelid
    UNION ALL
    SELECT CASE WHEN a.oid IS NOT NULL THEN 'renamed'
                WHEN t.name LIKE '%"%' THEN 'quoted'
                WHEN t.oid IN (SELECT o.oid FROM tracked o GROUP BY o.oid HAVING count(*) > 1) THEN 'renamed'
                WHEN t.type = 'INDEX' AND (t.parent_id IN (SELECT p.id FROM tracked p WHERE p.type = 'TABLE' AND NOT p.active)
                    OR (t.schema, t."table") IN (SELECT p.schema, p.name FROM tracked p WHERE p.type = 'TABLE' AND NOT p.active)) THEN 'renamed'
                -- An index that was renamed with its constraint before the dump was made: its OID told that, and is another one now.
                WHEN t.type = 'INDEX' AND (SELECT r.yes FROM restored r) THEN 'restored'
                -- ALTER SCHEMA … RENAME is not recorded; what was recorded of one object before and after tells it.
                WHEN NOT EXISTS (SELECT 1 FROM pg_namespace s WHERE s.nspname = t.schema)
                    AND t.schema IN (SELECT b.schema FROM tracked b JOIN tracked l ON l.oid = b.oid AND l.schema <> b.schema) THEN 'renamed'
                WHEN (SELECT r.yes FROM restored r) AND NOT EXISTS (SELECT 1 FROM pg_namespace s WHERE s.nspname = t.schema)
                    AND (t.type, t.name) IN (SELECT n.type, n.name FROM named n) THEN 'restored'
                ELSE 'vanished' END, t.type, t.schema || '.' || t.name, t.oid, NULL
    FROM tracked t LEFT JOIN alive a ON a.oid = t.oid
    WHERE t.active AND NOT EXISTS (SELECT 1 FROM named n WHERE (n.type, n.schema, n.name) = (t.type, t.schema, t.name))
    UNION ALL
    SELECT CASE WHEN r.yes THEN 'restored' WHEN a.oid IS NOT NULL THEN 'renamed' ELSE 'replaced' END, t.type, t.schema || '.' || t.name, t.oid, NULL
    FROM tracked t JOIN named n ON (n.type, n.schema, n.name) = (t.type, t.schema, t.name) CROSS JOIN restored r LEFT JOIN alive a ON a.oid = t.oid
    WHERE t.active AND t.type <> 'INDEX' AND t.oid <> n.oid
      AND NOT EXISTS (SELECT 1 FROM named x WHERE (x.type, x.schema, x.name) = (t.type, t.schema, t.name) AND x.oid = t.oid)
    UNION ALL
    SELECT CASE WHEN t.id IN (SELECT h.object_id FROM pggit.history h WHERE h.change_type = 'DROP')
                  OR t.id IN (SELECT h.object_id FROM pggit.history_archive h WHERE h.change_type = 'DROP') THEN 'recreated' ELSE 'deactivated' END, t.type, t.schema || '.' || t.name, n.oid, NULL
    FROM tracked t JOIN named n ON (n.type, n.schema, n.name) = (t.type, t.schema, t.name)
    WHERE NOT t.active
    UNION ALL
    -- A rename that pgGit saw is recorded under the new name; of one of the schema the name stays.
    SELECT 'unseen', l.type, quote_ident(l.schema) || '.' || quote_ident(l.name), l.oid, NULL
    FROM live l
    WHERE l.type IN ('TABLE', 'VIEW') AND l.oid IN (SELECT t.oid FROM tracked t WHERE t.type = l.type)
      AND NOT EXISTS (SELECT 1 FROM tracked t WHERE t.type = l.type AND t.oid = l.oid
                      AND (t.name IN (l.name, quote_ident(l.name)) OR right(t.name, length(quote_ident(l.name)) + 1) = '.' || quote_ident(l.name)))
      AND l.oid NOT IN (SELECT k.oid FROM known k)
    UNION ALL
    SELECT 'untracked-kind', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'FOREIGN TABLE' END,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.oid::int8, NULL
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('m', 'S', 'f') AND n.nspname !~ '^(pg_|pggit(_|$)|information_schema$)'
), numbered AS (
    SELECT d.*, count(*) OVER (PARTITION BY d.class) AS total, row_number() OVER (PARTITION BY d.class ORDER BY d.type, d.name) AS number FROM differences d
)
SELECT class, type, name, oid, "table", total FROM numbered WHERE number <= 200 ORDER BY class, number
