-- Where event_triggers (17 on) and session_replication_role are set, for roles, for this database, and for the server.
SELECT d.datname AS database, r.rolname AS role, lower(split_part(s.setting, '=', 1)) AS name, lower(split_part(s.setting, '=', 2)) AS value
FROM pg_db_role_setting x CROSS JOIN LATERAL unnest(x.setconfig) AS s(setting)
LEFT JOIN pg_database d ON d.oid = x.setdatabase
LEFT JOIN pg_roles r ON r.oid = x.setrole
WHERE (x.setdatabase = 0 OR d.datname = current_database()) AND lower(split_part(s.setting, '=', 1)) IN ('event_triggers', 'session_replication_role')
UNION ALL
SELECT NULL, NULL, name, setting FROM pg_settings
WHERE name IN ('event_triggers', 'session_replication_role') AND source NOT IN ('default', 'user', 'database', 'database user', 'client', 'session')
ORDER BY 1, 2, 3
