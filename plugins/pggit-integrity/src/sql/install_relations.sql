SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname ~ '^pggit(_|$)' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
ORDER BY 1, 2
