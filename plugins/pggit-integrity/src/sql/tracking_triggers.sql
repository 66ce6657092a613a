SELECT t.evtname AS name, t.evtevent AS event, t.evtenabled AS enabled, n.nspname || '.' || p.proname AS function, t.evttags AS tags,
       pg_get_userbyid(t.evtowner) AS owner
FROM pg_event_trigger t
JOIN pg_proc p ON p.oid = t.evtfoid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE t.evtname LIKE 'pggit%' OR n.nspname ~ '^pggit(_|$)'
ORDER BY 1
