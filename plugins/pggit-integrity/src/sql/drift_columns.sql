-- Columns as pgGit recorded them with each table's last tracked command, against those that are there, by position: the name of a column may change
-- without pgGit hearing of it. `class` is what differs; the kinds of noise are recognised by what ordinary DDL does behind pgGit's back.
WITH locked AS MATERIALIZED (
    -- By DDL that is not done yet: to ask for a default would wait for its end.
    SELECT l.relation AS oid FROM pg_locks l WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
), recorded AS (
    SELECT n.oid, o.schema_name || '.' || o.object_name AS "table", CASE WHEN o.metadata ->> 'oid' = n.oid::text THEN (c.value ->> 'position')::int
               -- Made anew from a dump: what was dropped before leaves no gap any more.
               ELSE row_number() OVER (PARTITION BY n.oid ORDER BY (c.value ->> 'position')::int) END::int AS position, c.key AS name, c.value ->> 'type' AS type,
           (c.value ->> 'nullable')::bool AS nullable, c.value ->> 'default' AS fallback,
           n.relispartition OR EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = n.oid) AS child, n.reloftype <> 0 AS typed
    FROM pggit.objects o
    JOIN LATERAL (
        SELECT r.oid, r.relispartition, r.reloftype FROM pg_class r JOIN pg_namespace s ON s.oid = r.relnamespace
        WHERE s.nspname = o.schema_name AND r.relname = o.object_name AND r.relkind IN ('r', 'p') AND r.oid NOT IN (SELECT k.oid FROM locked k)
    ) n ON true
    CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(o.metadata -> 'columns') = 'object' THEN o.metadata -> 'columns' ELSE '{}' END) AS c
    WHERE o.object_type = 'TABLE' AND coalesce(o.branch_name, 'main') = 'main' AND o.schema_name !~ '^pggit(_|$)'
      AND jsonb_typeof(c.value) = 'object' AND c.value ->> 'position' ~ '^\d{1,5}$'
), live AS (
    SELECT a.attrelid AS oid, a.attnum::int AS position, a.attname AS name, a.attinhcount > 0 AS inherited, t.typtype = 'd' AS domain,
           coalesce(b.typname, t.typname) || CASE WHEN coalesce(b.oid, t.oid) IN (1042, 1043) AND coalesce(nullif(a.atttypmod, -1), t.typtypmod) > 4
               THEN '(' || coalesce(nullif(a.atttypmod, -1), t.typtypmod) - 4 || ')'
               WHEN coalesce(b.oid, t.oid) IN (1560, 1562) AND coalesce(nullif(a.atttypmod, -1), t.typtypmod) > 0 THEN '(' || coalesce(nullif(a.atttypmod, -1), t.typtypmod) || ')'
               ELSE '' END AS type,
           NOT a.attnotnull AS nullable, a.attidentity <> '' AS identity, CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS fallback
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (SELECT r.oid FROM recorded r)
), tables AS (
    SELECT DISTINCT r.oid, r."table", r.child, r.typed FROM recorded r
), compared AS (
    SELECT coalesce(r."table", t."table") AS "table", coalesce(l.name, r.name) AS name,
           coalesce(r.child, t.child) OR coalesce(r.typed, t.typed) OR coalesce(l.inherited, false) AS child,
           CASE WHEN r.position IS NULL THEN 'added'
                WHEN l.position IS NULL THEN CASE WHEN EXISTS (SELECT 1 FROM pg_type y WHERE y.typname = regexp_replace(r.type, '\(.*', '')) THEN 'dropped' ELSE 'type-gone' END
                WHEN r.type <> l.type THEN CASE WHEN EXISTS (SELECT 1 FROM pg_type y WHERE y.typname = regexp_replace(r.type, '\(.*', '')) THEN 'type' ELSE 'type-renamed' END
                WHEN r.nullable <> l.nullable AND NOT l.domain THEN 'nullable'
                WHEN l.fallback IS NOT NULL AND r.fallback IS NULL AND NOT l.domain THEN 'default'
                WHEN l.identity AND r.fallback IS NOT NULL THEN 'default'
                WHEN l.fallback IS NULL AND r.fallback IS NOT NULL THEN CASE WHEN r.fallback LIKE '%(%' OR l.domain THEN 'default-gone' ELSE 'default' END
                -- How a value of these types is written depends on who asks; how a call is, on the search path.
                WHEN l.fallback <> r.fallback AND l.fallback || r.fallback !~ '\(|[a-z_"]\.|::(interval|date|time|timestamp|timetz|money|bytea|real|double)' THEN 'default'
                WHEN (l.fallback LIKE '%(%') <> (r.fallback LIKE '%(%') AND l.fallback || r.fallback !~ '::(interval|date|time|money)' THEN 'default'
                WHEN r.name <> l.name THEN 'renamed' END AS class,
           CASE WHEN r.type <> l.type THEN r.type || ' recorded, ' || l.type || ' there'
                WHEN r.nullable <> l.nullable THEN CASE WHEN l.nullable THEN 'NOT NULL recorded' ELSE 'NOT NULL there' END
                ELSE '' END AS detail
    FROM recorded r
    FULL JOIN live l ON l.oid = r.oid AND l.position = r.position
    LEFT JOIN tables t ON t.oid = l.oid
), differences AS (
    SELECT CASE WHEN c.child THEN 'inherited' ELSE c.class END AS class, c."table", c.name, c.detail FROM compared c WHERE c.class IS NOT NULL
    UNION ALL
    SELECT 'locked', k.oid::regclass::text, '', '' FROM locked k JOIN pg_class c ON c.oid = k.oid AND c.relkind IN ('r', 'p') JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^(pg_|pggit(_|$)|information_schema$)'
), numbered AS (
    SELECT d.*, count(*) OVER (PARTITION BY d.class) AS total, row_number() OVER (PARTITION BY d.class ORDER BY d."table", d.name) AS number FROM differences d
)
SELECT class, "table", name, detail, total FROM numbered WHERE number <= 100 ORDER BY class, number
