-- Each subscription of the cluster with its apply worker; workers of an initial copy have a relid, parallel ones (16) a leader.
-- pg_subscription.subconninfo is for superusers alone, so no column is taken by SELECT *.
SELECT clock_timestamp() AS at,
       s.subname AS name,
       d.datname AS database,
       s.subenabled AS enabled,
       w.pid::int8 AS worker,
       extract(epoch FROM clock_timestamp() - w.last_msg_receipt_time)::float8 AS contact_age,
       a.wait_event_type
FROM pg_subscription AS s JOIN pg_database AS d ON d.oid = s.subdbid
     LEFT JOIN pg_stat_subscription AS w ON w.subid = s.oid AND w.relid IS NULL AND to_jsonb(w) ->> 'leader_pid' IS NULL
     LEFT JOIN pg_stat_activity AS a ON a.pid = w.pid
ORDER BY s.subname, d.datname
