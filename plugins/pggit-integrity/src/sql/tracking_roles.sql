-- Roles that own something outside of pgGit, so that DDL is theirs to run, and lack what pgGit's functions, which run as the caller, need.
WITH owners AS (
    SELECT DISTINCT r.oid, r.rolname FROM pg_roles r
    WHERE NOT r.rolsuper AND r.rolname !~ '^pg_' AND (
        EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname !~ '^(pg_|pggit(_|$)|information_schema$)')
        OR EXISTS (SELECT 1 FROM pg_namespace n WHERE n.nspowner = r.oid AND n.nspname !~ '^(pg_|pggit(_|$)|information_schema$)'))
)
SELECT o.rolname AS role FROM owners o
WHERE NOT has_schema_privilege(o.oid, 'pggit', 'USAGE')
   OR NOT has_table_privilege(o.oid, 'pggit.objects', 'SELECT') OR NOT has_table_privilege(o.oid, 'pggit.objects', 'INSERT')
   OR NOT has_table_privilege(o.oid, 'pggit.objects', 'UPDATE') OR NOT has_table_privilege(o.oid, 'pggit.history', 'INSERT')
   OR NOT coalesce(has_sequence_privilege(o.oid, to_regclass('pggit.objects_id_seq'), 'USAGE'), true)
   OR NOT coalesce(has_sequence_privilege(o.oid, to_regclass('pggit.history_id_seq'), 'USAGE'), true)
   OR NOT coalesce(has_table_privilege(o.oid, to_regclass('pggit.system_events'), 'SELECT'), true)
   OR NOT coalesce(has_table_privilege(o.oid, to_regclass('pggit.monitoring_metrics'), 'INSERT'), true)
   OR EXISTS (SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE n.nspname = 'pggit' AND p.proname IN ('ensure_object', 'ensure_object_with_branch', 'increment_version', 'extract_table_columns',
                  'record_metric', 'should_track_object', 'check_object_comment_directive') AND NOT has_function_privilege(o.oid, p.oid, 'EXECUTE'))
ORDER BY 1
