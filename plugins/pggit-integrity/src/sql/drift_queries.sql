-- The enhanced event trigger of the script install writes down every command, those that pgGit does not track among them.
SELECT DISTINCT e.event_data ->> 'object_identity' AS name
FROM pggit.system_events e
WHERE e.event_type = 'tracking_error' AND e.event_data ->> 'operation' IN ('CREATE TABLE AS', 'SELECT INTO')
LIMIT 5000
