-- Through pg_settings a setting that the role may not see is NULL; current_setting() would fail with 42501.
SELECT (SELECT setting::int8 FROM pg_settings WHERE name = 'wal_receiver_timeout') AS timeout_ms,
       (SELECT setting::int8 FROM pg_settings WHERE name = 'wal_retrieve_retry_interval') AS retry_ms,
       (SELECT setting::int8 FROM pg_settings WHERE name = 'recovery_min_apply_delay') AS delay_ms,
       (SELECT setting <> '' FROM pg_settings WHERE name = 'primary_conninfo') AS streams,
       (SELECT setting <> '' FROM pg_settings WHERE name = 'restore_command') AS ships,
       (SELECT NULLIF(setting, '') FROM pg_settings WHERE name = 'primary_slot_name') AS slot,
       (SELECT string_agg(name, ', ') FROM pg_settings
        WHERE name IN ('recovery_target', 'recovery_target_lsn', 'recovery_target_name', 'recovery_target_time', 'recovery_target_xid')
          AND setting <> '') AS target
