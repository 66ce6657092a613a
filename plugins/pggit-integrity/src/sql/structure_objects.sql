-- What an install consists of: each with a fingerprint, which for a function is the beginning of the md5 of its body and a star if it is SECURITY DEFINER or has settings, for an index whether it is valid and as unique as its name says, for the columns of
-- a table their names and types,
-- for a trigger its state. pggit_v0 has checks of its own, but for
-- indexes that are invalid.
WITH own AS (SELECT n.oid, n.nspname FROM pg_namespace n WHERE n.nspname ~ '^pggit(_|$)' AND n.nspname !~ '^pggit_v0'),
relations AS (SELECT c.*, own.nspname || '.' || c.relname AS name FROM pg_class c JOIN own ON own.oid = c.relnamespace)
SELECT CASE WHEN c.relkind IN ('r', 'p') THEN 'table' WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'sequence' END AS kind, c.name, '' AS fingerprint
FROM relations c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
UNION ALL
SELECT 'columns', c.name, coalesce((SELECT string_agg(a.attname || ':' || format_type(a.atttypid, a.atttypmod), ';' ORDER BY a.attname)
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '')
FROM relations c WHERE c.relkind IN ('r', 'p')
UNION ALL
SELECT 'index', c.name, CASE WHEN x.indisvalid AND x.indisready THEN CASE WHEN NOT x.indisunique AND c.relname ~ '_(pkey|key)\d*$' THEN 'not-unique' ELSE '' END
           WHEN EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.datid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND p.relid = x.indrelid)
               THEN 'building'
           ELSE 'invalid' END
FROM relations c JOIN pg_index x ON x.indexrelid = c.oid
UNION ALL
SELECT 'index', n.nspname || '.' || c.relname, 'invalid'
FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname ~ '^pggit_v0' AND NOT (x.indisvalid AND x.indisready)
  AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.relid = x.indrelid)
UNION ALL
SELECT 'check', c.name || '.' || x.conname, '' FROM pg_constraint x JOIN relations c ON c.oid = x.conrelid WHERE x.contype = 'c'
UNION ALL
SELECT 'trigger', c.name || '.' || t.tgname, t.tgenabled::text FROM pg_trigger t JOIN relations c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'function', own.nspname || '.' || p.proname || '(' || replace(oidvectortypes(p.proargtypes), ', ', ',') || ')', left(md5(p.prosrc), 8) || CASE WHEN p.prosecdef OR p.proconfig IS NOT NULL THEN '*' ELSE '' END
FROM pg_proc p JOIN own ON own.oid = p.pronamespace
ORDER BY 1, 2
