-- pg_stat_replication has a row for every walsender, base backups too, and shows every role that it is there.
SELECT current_setting('wal_level') AS wal_level,
       current_setting('max_wal_senders')::int8 AS max_wal_senders,
       (SELECT count(*) FROM pg_stat_replication) AS senders,
       (SELECT setting::int8 FROM pg_settings WHERE name = 'wal_segment_size') AS segment_bytes,
       (SELECT setting::int8 FROM pg_settings WHERE name = 'wal_sender_timeout') AS sender_timeout_ms,
       current_setting('max_slot_wal_keep_size') AS slot_limit
