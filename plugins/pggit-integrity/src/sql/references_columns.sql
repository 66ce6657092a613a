-- Columns of pgGit's tables: which references that should be there can be asked for.
SELECT n.nspname || '.' || c.relname AS relation, a.attname AS name
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname ~ '^pggit(_|$)' AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
