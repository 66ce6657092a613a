-- Tables that belong to an extension: pg_dump leaves their rows out, but for those that the extension marked as configuration.
SELECT e.extname AS extension, n.nspname AS schema, c.relname AS name,
       pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
       coalesce(c.oid = ANY (e.extconfig), false) AS marked,
       coalesce(e.extcondition[array_position(e.extconfig, c.oid)], '') <> '' AS filtered
  FROM pg_catalog.pg_depend AS d
  JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
  JOIN pg_catalog.pg_class AS c ON c.oid = d.objid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE d.classid = 'pg_catalog.pg_class'::regclass
   AND d.refclassid = 'pg_catalog.pg_extension'::regclass
   AND d.deptype = 'e'
   AND c.relkind = 'r'
 ORDER BY 1, 2, 3
