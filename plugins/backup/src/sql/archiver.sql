-- `failing`: the last attempt failed. Never archived and always failing is failing too. archive_timeout is in seconds, the segment's size in bytes.
SELECT (SELECT setting FROM pg_settings WHERE name = 'archive_mode') AS mode,
       (SELECT setting <> '' FROM pg_settings WHERE name = 'archive_command') AS command,
       (SELECT setting <> '' FROM pg_settings WHERE name = 'archive_library') AS library,
       (SELECT setting::int8 FROM pg_settings WHERE name = 'archive_timeout') AS timeout,
       (SELECT setting::int8 FROM pg_settings WHERE name = 'wal_segment_size') AS segment_bytes,
       last_archived_wal,
       last_failed_wal,
       COALESCE(last_failed_time > COALESCE(last_archived_time, '-infinity'), false) AS failing,
       extract(epoch FROM clock_timestamp() - last_archived_time)::float8 AS archived_age,
       extract(epoch FROM clock_timestamp() - last_failed_time)::float8 AS failed_age
FROM pg_stat_archiver
