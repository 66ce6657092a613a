-- Row level security leaves rows out without a word.
SELECT n.nspname || '.' || c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname ~ '^pggit(_|$)' AND c.relkind IN ('r', 'p') AND row_security_active(c.oid)
ORDER BY 1
