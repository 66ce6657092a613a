-- The timeline from the WAL file's name: pg_control_checkpoint() is old until the first checkpoint after a promotion.
SELECT clock_timestamp() AS at,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END AS lsn,
       CASE WHEN NOT pg_is_in_recovery()
            THEN ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int8 END AS timeline
