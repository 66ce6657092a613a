-- No row on a primary, exactly one on a standby, also when it has no walreceiver. GREATEST passes over NULL, and the replayed position
-- is in it because after a restart the received one is the start of its segment, below what is replayed.
SELECT clock_timestamp() AS at,
       w.pid::int8 AS receiver,
       w.status,
       extract(epoch FROM clock_timestamp() - w.last_msg_receipt_time)::float8 AS contact_age,
       COALESCE(w.latest_end_lsn, w.written_lsn, w.flushed_lsn, pg_last_wal_receive_lsn()) IS NOT NULL AS received,
       GREATEST(w.latest_end_lsn, w.written_lsn, w.flushed_lsn, pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) AS end_lsn,
       pg_last_wal_replay_lsn() AS replay_lsn,
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS commit_age,
       CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() END AS pause,
       w.received_tli::int8 AS timeline,
       w.slot_name,
       w.sender_host,
       w.sender_port::int8 AS sender_port
FROM (SELECT) AS one LEFT JOIN pg_stat_wal_receiver AS w ON true
WHERE pg_is_in_recovery()
