-- What replay waits for. No row for a role without pg_read_all_stats: backend_type is hidden from it.
SELECT wait_event_type, wait_event FROM pg_stat_activity WHERE backend_type = 'startup'
