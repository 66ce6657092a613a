-- Schemas by name: there is nothing else that says whose they are. pggit_v0_migrated and pggit_audit_v0 are what a second install leaves.
SELECT n.nspname AS name, (SELECT count(*) FROM pg_proc p WHERE p.pronamespace = n.oid) AS functions
FROM pg_namespace n
WHERE n.nspname ~ '^pggit(_|$)'
ORDER BY 1
