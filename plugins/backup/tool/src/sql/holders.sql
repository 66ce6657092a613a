-- Locks on this database's relations that keep others from reading them: those held, then those waited for, behind which everybody queues.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS relation,
       CASE WHEN l.pid IS NULL THEN 'a prepared transaction'
            ELSE concat_ws(', ', 'pid ' || l.pid || ' (' || concat_ws(', ', a.usename, nullif(a.application_name, ''), a.state) || ')',
                           'in a transaction since ' || date_trunc('second', a.xact_start),
                           CASE WHEN NOT l.granted THEN 'which waits for pid ' || array_to_string(pg_catalog.pg_blocking_pids(l.pid), ', ') END)
       END AS who
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
 WHERE l.locktype = 'relation'
   AND l.mode = 'AccessExclusiveLock'
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
   AND c.relkind IN ('r', 'p', 'm', 'v', 'S', 'f')
   AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
 ORDER BY l.granted DESC, a.xact_start, 1
