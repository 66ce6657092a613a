-- From 15 on.
SELECT e.subname AS name, d.datname AS database, e.apply_error_count + e.sync_error_count AS errors
FROM pg_stat_subscription_stats AS e JOIN pg_subscription AS s ON s.oid = e.subid JOIN pg_database AS d ON d.oid = s.subdbid
