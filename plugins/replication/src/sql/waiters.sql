-- Commits that wait for a synchronous standby. `statement` tells one wait from the next of the same backend; with
-- track_activities = off only the pid is known, and the state is not `active`.
SELECT COALESCE(pid || '@' || query_start, pid::text) AS statement, extract(epoch FROM clock_timestamp() - state_change)::float8 AS age
FROM pg_stat_activity WHERE wait_event = 'SyncRep'
