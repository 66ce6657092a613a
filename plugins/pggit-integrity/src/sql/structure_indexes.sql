-- B-tree indexes of pgGit that can be looked into, the smallest first.
SELECT n.nspname || '.' || c.relname AS name, c.oid::int8 AS oid, pg_relation_size(c.oid) + pg_relation_size(x.indrelid) AS bytes
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index x ON x.indexrelid = c.oid
JOIN pg_am m ON m.oid = c.relam
WHERE n.nspname ~ '^pggit(_|$)' AND c.relkind = 'i' AND m.amname = 'btree' AND x.indisvalid AND x.indisready AND c.relpersistence = 'p'
ORDER BY 3, 1
