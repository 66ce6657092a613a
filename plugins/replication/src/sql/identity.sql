-- Asked last in each round: a role other than the one that `identify` told means a promotion in between.
SELECT clock_timestamp() AS at,
       pg_is_in_recovery() AS standby,
       (SELECT timeline_id FROM pg_control_checkpoint())::int8 AS timeline,
       CASE WHEN pg_is_in_recovery() THEN GREATEST(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            ELSE pg_current_wal_lsn() END AS lsn
