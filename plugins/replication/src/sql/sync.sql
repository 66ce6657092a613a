SELECT current_setting('synchronous_standby_names') AS names,
       current_setting('synchronous_commit') AS level,
       r.application_name,
       r.state,
       r.sync_state
FROM (SELECT) AS one LEFT JOIN pg_stat_replication AS r ON true
