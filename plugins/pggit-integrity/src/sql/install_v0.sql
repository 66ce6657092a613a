SELECT c.relname AS relation, a.attname AS name
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'pggit_v0' AND c.relname IN ('commit_graph', 'tree_entries') AND a.attnum > 0 AND NOT a.attisdropped
