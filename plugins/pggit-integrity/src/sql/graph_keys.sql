-- Tables of pggit_v0 in which one name can stand twice: the primary key that both layouts have is gone, or no longer valid. Columns
-- that an index only includes are no part of its key.
SELECT w.relation || ' (' || array_to_string(w.columns, ', ') || ')' AS name
FROM (VALUES ('objects', '{sha}'::text[]), ('refs', '{name}'), ('commit_graph', '{commit_sha}'), ('tree_entries', '{tree_sha,/*path*/name}')) AS w(relation, columns)
JOIN pg_namespace n ON n.nspname = 'pggit_v0'
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.relation AND c.relkind IN ('r', 'p')
WHERE NOT EXISTS (
    SELECT 1 FROM pg_index x
    WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
      AND w.columns @> (SELECT array_agg(a.attname::text) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY ((x.indkey::int2[])[0:x.indnkeyatts - 1])))
ORDER BY 1
