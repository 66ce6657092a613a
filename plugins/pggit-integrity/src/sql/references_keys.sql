-- Foreign keys of pgGit's tables, and whether the triggers that keep them fire in ordinary sessions.
SELECT cn.nspname || '.' || c.relname AS child, pn.nspname || '.' || p.relname AS parent, f.conname AS name, f.convalidated AS validated,
    (SELECT array_agg(a.attname::text ORDER BY k.nth) FROM unnest(f.conkey) WITH ORDINALITY k(att, nth) JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.att) AS columns,
    (SELECT array_agg(a.attname::text ORDER BY k.nth) FROM unnest(f.confkey) WITH ORDINALITY k(att, nth) JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.att) AS targets,
    pg_get_constraintdef(f.oid) AS definition,
    EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgconstraint = f.oid AND t.tgenabled NOT IN ('O', 'A')) AS disabled
FROM pg_constraint f
JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE f.contype = 'f' AND f.conparentid = 0 AND cn.nspname ~ '^pggit(_|$)'
ORDER BY 1, 3
