-- Sessions of a program that wait for a lock for too long, and for whom.
SELECT coalesce(l.relation::regclass::text, l.locktype) AS relation,
       'pid ' || array_to_string(pg_catalog.pg_blocking_pids(l.pid), ', ') AS who
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
 WHERE a.application_name = $APPLICATION$
   AND NOT l.granted
   AND l.waitstart < clock_timestamp() - $WAIT$ * interval '1 millisecond'
 ORDER BY l.waitstart
