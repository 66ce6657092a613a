-- Commits that wait for a synchronous standby. `statement` tells one wait from the next of the same backend.
SELECT pid || '@' || query_start AS statement, extract(epoch FROM clock_timestamp() - state_change)::float8 AS age
FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND state = 'active'
