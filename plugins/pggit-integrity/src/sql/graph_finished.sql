-- What was begun before this time is finished: microseconds since 1970.
SELECT (extract(epoch FROM least(now(), (SELECT min(a.xact_start) FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()),
    -- When a prepared transaction began nobody keeps; it is taken for a day and two hours old when it was prepared.
    (SELECT min(p.prepared) - interval '26 hours' FROM pg_prepared_xacts p WHERE p.database = current_database())))::numeric * 1000000)::int8 AS finished
