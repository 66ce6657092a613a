-- Which life of which server the counters belong to. Without track_counts nothing is counted, and a server at full speed looks idle.
SELECT clock_timestamp() AS at,
       pg_postmaster_start_time() AS started,
       -- When a session crashes, all are ended and all statistics are dropped; the postmaster lives on. This is the time of that.
       (SELECT stats_reset FROM pg_stat_archiver) AS kept_since,
       pg_is_in_recovery() AS standby,
       current_setting('track_counts')::bool AS counted,
       (SELECT setting::int8 FROM pg_settings WHERE name = 'shared_buffers') * current_setting('block_size')::int8 AS shared_buffers
