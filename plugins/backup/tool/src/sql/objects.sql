-- How many objects of each kind there are that are neither the system's nor an extension's; the same of a restored database must come out the same.
WITH member AS (
  SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
), space AS (
  SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n
   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(temp|toast_temp)_'
), rel AS (
  SELECT c.oid, c.relkind, s.nspname FROM pg_catalog.pg_class AS c JOIN space AS s ON s.oid = c.relnamespace
   WHERE c.relpersistence <> 't'
     AND (('pg_catalog.pg_class'::regclass)::oid, c.oid) NOT IN (SELECT classid, objid FROM member)
), counted AS (
  SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned_table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized_view'
                      WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign_table' WHEN 'c' THEN 'composite_type' END AS kind, nspname
    FROM rel WHERE relkind NOT IN ('i', 'I', 't')
  UNION ALL
  SELECT 'index', rel.nspname FROM pg_catalog.pg_index AS i JOIN rel ON rel.oid = i.indrelid WHERE i.indisvalid AND i.indisready
  UNION ALL
  SELECT 'constraint_' || c.contype::text, rel.nspname FROM pg_catalog.pg_constraint AS c JOIN rel ON rel.oid = c.conrelid WHERE c.contype <> 't'
  UNION ALL
  SELECT 'constraint_not_validated', rel.nspname FROM pg_catalog.pg_constraint AS c JOIN rel ON rel.oid = c.conrelid WHERE NOT c.convalidated
  UNION ALL
  SELECT 'trigger', rel.nspname FROM pg_catalog.pg_trigger AS t JOIN rel ON rel.oid = t.tgrelid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'trigger_disabled', rel.nspname FROM pg_catalog.pg_trigger AS t JOIN rel ON rel.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgenabled = 'D'
  UNION ALL
  SELECT 'policy', rel.nspname FROM pg_catalog.pg_policy AS p JOIN rel ON rel.oid = p.polrelid
  UNION ALL
  SELECT 'rule', rel.nspname FROM pg_catalog.pg_rewrite AS r JOIN rel ON rel.oid = r.ev_class WHERE r.rulename <> '_RETURN'
  UNION ALL
  SELECT 'statistics', s.nspname FROM pg_catalog.pg_statistic_ext AS x JOIN space AS s ON s.oid = x.stxnamespace
  UNION ALL
  SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END, s.nspname
    FROM pg_catalog.pg_proc AS p JOIN space AS s ON s.oid = p.pronamespace
   WHERE (('pg_catalog.pg_proc'::regclass)::oid, p.oid) NOT IN (SELECT classid, objid FROM member)
     -- Constructors of range types come and go with their type.
     AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
  UNION ALL
  SELECT CASE t.typtype WHEN 'd' THEN 'domain' WHEN 'e' THEN 'enum' ELSE 'range' END, s.nspname
    FROM pg_catalog.pg_type AS t JOIN space AS s ON s.oid = t.typnamespace
   WHERE t.typtype IN ('d', 'e', 'r')
     AND (('pg_catalog.pg_type'::regclass)::oid, t.oid) NOT IN (SELECT classid, objid FROM member)
)
SELECT kind, count(*) AS count FROM counted WHERE $SCHEMAS$ GROUP BY kind ORDER BY kind
