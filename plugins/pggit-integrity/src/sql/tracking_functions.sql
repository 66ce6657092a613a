-- What an event trigger of pgGit runs, and what that runs in turn: if one of these does nothing, nothing is recorded; if one is gone, DDL fails.
-- `records`: whether the body names what it has to write or to call, as a body that was emptied does not.
SELECT p.proname AS name, md5(p.prosrc) AS fingerprint, p.prosrc ~* CASE p.proname
           WHEN 'handle_ddl_command' THEN 'increment_version|insert\s+into\s+pggit\.history'
           WHEN 'handle_sql_drop' THEN 'insert\s+into\s+pggit\.history'
           WHEN 'increment_version' THEN 'insert\s+into\s+pggit\.history'
           WHEN 'ensure_object' THEN 'ensure_object_with_branch|insert\s+into\s+pggit\.objects'
           WHEN 'ensure_object_with_branch' THEN 'insert\s+into\s+pggit\.objects'
           WHEN 'extract_table_columns' THEN 'columns|pg_attribute'
           ELSE '' END AS records,
       -- What no release gives it, and what makes it fail or skip checks. With SECURITY DEFINER and an owner who has the rights it is well.
       CASE WHEN p.proisstrict AND p.pronargs > 0 THEN 'is STRICT, so that it does nothing where an argument is NULL'
            WHEN p.prosecdef AND NOT (coalesce(has_table_privilege(p.proowner, to_regclass('pggit.objects'), 'INSERT'), true) AND coalesce(has_table_privilege(p.proowner, to_regclass('pggit.history'), 'INSERT'), true))
                THEN 'runs as ' || quote_ident(pg_get_userbyid(p.proowner)) || ', who may not write pgGit''s tables'
            WHEN EXISTS (SELECT 1 FROM unnest(p.proconfig) AS c(setting) WHERE c.setting ~ '^(session_replication_role|event_triggers|row_security)=')
                THEN 'runs with ' || array_to_string(p.proconfig, ', ') END AS odd
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'pggit' AND p.proname IN ('handle_ddl_command', 'handle_sql_drop', 'enhanced_ddl_trigger_func', 'enhanced_drop_trigger_func',
    'collect_ddl_metrics', 'record_metric', 'should_track_object', 'check_object_comment_directive', 'ensure_object', 'ensure_object_with_branch', 'increment_version', 'extract_table_columns', 'add_dependency')
ORDER BY 1, 2
