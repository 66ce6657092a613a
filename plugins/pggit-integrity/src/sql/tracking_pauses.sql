-- The last of each kind. resume_at is text in a jsonb: what is no time counts as none, and the pause as one without an end.
SELECT DISTINCT ON (e.event_type) e.event_type AS kind, e.event_id::int8 AS id, e.created_at AS at,
       CASE WHEN e.event_data ->> 'resume_at' ~ '^\d{4,6}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d(:?\d\d)?|Z)?$'
            THEN (e.event_data ->> 'resume_at')::timestamptz END AS resume_at,
       coalesce(e.event_data ->> 'paused_by', e.event_data ->> 'disabled_by') AS by, now() AS now
FROM pggit.system_events e
WHERE e.event_type IN ('tracking_paused', 'tracking_resumed', 'emergency_disable', 'emergency_enable')
ORDER BY e.event_type, e.event_id DESC
