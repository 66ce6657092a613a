-- Sequences that fill a column of pgGit, and the next value that each will give.
SELECT n.nspname AS schema, s.relname AS sequence, t.relname AS "table", a.attname AS "column", q.seqmax AS most,
       coalesce(pg_sequence_last_value(s.oid) + q.seqincrement, q.seqstart) AS next
FROM pg_sequence q
JOIN pg_class s ON s.oid = q.seqrelid
JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
JOIN pg_class t ON t.oid = d.refobjid AND t.relnamespace = s.relnamespace
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE n.nspname ~ '^pggit(_|$)' AND q.seqincrement > 0
ORDER BY 1, 2
