-- What was begun before this time is finished: microseconds since 1970.
SELECT (extract(epoch FROM least(now(), (SELECT min(a.xact_start) FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid())))::numeric * 1000000)::int8 AS finished
