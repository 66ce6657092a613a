-- Tables and views in pgGit's schemas that are no members of the extension; those that pgGit's functions make never are.
SELECT n.nspname || '.' || c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname ~ '^pggit(_|$)' AND c.relkind IN ('r', 'p', 'v')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
