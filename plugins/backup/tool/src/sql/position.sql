SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us,
       CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END::text AS lsn
