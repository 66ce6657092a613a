-- Segments that wait for the archiver. They are marked in pg_wal/archive_status, never in pg_wal itself.
SELECT count(*) AS waiting, extract(epoch FROM clock_timestamp() - min(modification))::float8 AS oldest_age
FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'
