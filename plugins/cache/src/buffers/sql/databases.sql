-- The row without a name counts shared catalogs, and no database's own reads.
SELECT d.oid::int8 AS oid, s.datname, s.blks_hit, s.blks_read, s.stats_reset
FROM pg_stat_database AS s JOIN pg_database AS d ON d.oid = s.datid
WHERE NOT d.datistemplate
ORDER BY s.blks_hit + s.blks_read DESC, s.datname
LIMIT 200
