-- What VACUUM and ANALYZE have left to do in pgGit's tables.
SELECT s.schemaname || '.' || s.relname AS relation, s.n_dead_tup AS dead, s.n_live_tup AS live, c.reltuples < 0 AS never_analyzed
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid WHERE s.schemaname ~ '^pggit(_|$)' ORDER BY 1
