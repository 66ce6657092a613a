-- Everybody who streams physical WAL from here. A walsender with a logical slot is no standby, and one with a database neither: that is
-- a subscription's initial copy. Every role may see datid.
SELECT clock_timestamp() AS at,
       r.pid::int8 AS pid,
       r.application_name,
       s.slot_name,
       host(r.client_addr) AS client_addr,
       r.state,
       r.sync_state,
       r.sent_lsn,
       r.flush_lsn,
       r.replay_lsn,
       extract(epoch FROM r.replay_lag)::float8 AS replay_lag,
       r.reply_time,
       extract(epoch FROM clock_timestamp() - r.reply_time)::float8 AS reply_age,
       CASE WHEN pg_is_in_recovery() THEN GREATEST(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            ELSE pg_current_wal_lsn() END AS lsn
FROM pg_stat_replication AS r LEFT JOIN pg_replication_slots AS s ON s.active_pid = r.pid
     LEFT JOIN pg_stat_activity AS a ON a.pid = r.pid
WHERE s.slot_type IS DISTINCT FROM 'logical' AND a.datid IS NULL
ORDER BY r.application_name, r.pid
