-- Sequences that fill a column of pgGit, by its default or as its identity, the next value that each will give, and the last that the column can take. Who owns
-- a sequence does not matter.
WITH fills AS (
    SELECT f.adrelid AS relation, f.adnum AS attribute, d.refobjid AS sequence
    FROM pg_attrdef f JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
    UNION
    SELECT d.refobjid, d.refobjsubid, d.objid FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' AND d.refobjsubid > 0
)
SELECT n.nspname AS schema, s.relname AS sequence, tn.nspname AS table_schema, t.relname AS "table", a.attname AS "column", q.seqincrement AS step,
       CASE WHEN q.seqincrement > 0 THEN least(q.seqmax, CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 ELSE q.seqmax END) ELSE q.seqmin END AS most, coalesce(pg_sequence_last_value(s.oid) + q.seqincrement, q.seqstart) AS next
FROM fills f
JOIN pg_sequence q ON q.seqrelid = f.sequence
JOIN pg_class s ON s.oid = q.seqrelid
JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_class t ON t.oid = f.relation
JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = f.attribute
WHERE tn.nspname ~ '^pggit(_|$)'
ORDER BY 1, 2, 3, 4
