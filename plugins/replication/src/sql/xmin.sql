-- Who holds the horizon, cluster-wide: a physical slot and a walsender have no database, and hold it for every database.
-- A running VACUUM holds nothing back for others. A standby's sessions hold nothing unless hot_standby_feedback hands it up. Walsenders are left out
-- by pid, because backend_type is hidden from a role without pg_monitor; one with a database is a logical one.
-- GREATEST of xid and xmin, because an idle transaction with an xid has no xmin. A lost slot keeps its xmin and holds nothing.
SELECT kind, who, age::int8 AS age, more FROM (
  SELECT 'backend' AS kind, pid::text AS who, GREATEST(age(backend_xmin), age(backend_xid)) AS age,
         concat_ws(', ', usename, datname, state, 'transaction since ' || to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS TZ')) AS more
  FROM pg_stat_activity WHERE backend_type IS DISTINCT FROM 'walsender' AND pid <> pg_backend_pid()
    AND pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum) AND pid NOT IN (SELECT pid FROM pg_stat_replication)
    AND (NOT pg_is_in_recovery() OR current_setting('hot_standby_feedback')::bool)
  UNION ALL
  SELECT 'prepared', gid, age(transaction), concat_ws(', ', owner, database, 'prepared ' || to_char(prepared, 'YYYY-MM-DD HH24:MI:SS TZ'))
  FROM pg_prepared_xacts
  UNION ALL
  SELECT 'slot', slot_name, age(xmin), concat_ws(', ', 'xmin', CASE WHEN active THEN 'active' ELSE 'inactive' END)
  FROM pg_replication_slots WHERE wal_status IS DISTINCT FROM 'lost'
  UNION ALL
  SELECT 'slot', slot_name, age(catalog_xmin), concat_ws(', ', 'catalog_xmin', CASE WHEN active THEN 'active' ELSE 'inactive' END)
  FROM pg_replication_slots WHERE wal_status IS DISTINCT FROM 'lost'
  UNION ALL
  SELECT CASE WHEN a.datid IS NULL THEN 'standby' ELSE 'logical' END, r.application_name, age(r.backend_xmin),
         CASE WHEN a.datid IS NULL THEN 'hot_standby_feedback' ELSE 'a snapshot of a logical walsender' END
  FROM pg_stat_replication AS r LEFT JOIN pg_stat_activity AS a USING (pid)
) AS holders WHERE age IS NOT NULL ORDER BY age DESC LIMIT 5
