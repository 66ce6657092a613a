-- The enhanced event triggers of the script install write down every command, those that pgGit does not track among them: tables made from queries, columns that
-- went with a type or domain, schemas that got another name.
SELECT DISTINCT CASE e.event_data ->> 'operation' WHEN 'DROP' THEN 'column' WHEN 'ALTER SCHEMA' THEN 'schema' ELSE 'made' END AS what, e.event_data ->> 'object_identity' AS name
FROM pggit.system_events e
WHERE e.event_type = 'tracking_error' AND (e.event_data ->> 'operation' IN ('CREATE TABLE AS', 'SELECT INTO', 'ALTER SCHEMA')
    OR e.event_data ->> 'operation' = 'DROP' AND e.event_data ->> 'object_type' = 'table column')
ORDER BY 1 DESC LIMIT 20000
