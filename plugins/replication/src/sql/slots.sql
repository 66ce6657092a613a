-- to_jsonb gives the columns of 16 (conflicting) and 17 (the others), and NULL before them.
SELECT clock_timestamp() AS at,
       s.slot_name,
       s.slot_type,
       s.database,
       s.active,
       s.temporary,
       s.wal_status,
       s.safe_wal_size,
       s.restart_lsn,
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN GREATEST(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                            ELSE pg_current_wal_lsn() END, s.restart_lsn)::int8 AS retained,
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                            ELSE pg_current_wal_lsn() END, s.confirmed_flush_lsn)::int8 AS unconfirmed,
       s.confirmed_flush_lsn AS confirmed_lsn,
       (to_jsonb(s) ->> 'conflicting')::bool AS conflicting,
       to_jsonb(s) ->> 'invalidation_reason' AS invalidation_reason,
       extract(epoch FROM clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz)::float8 AS inactive_for,
       COALESCE((to_jsonb(s) ->> 'synced')::bool, false) AS synced
FROM pg_replication_slots AS s
ORDER BY s.slot_name
