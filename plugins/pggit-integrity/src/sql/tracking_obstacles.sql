-- What stands between pgGit and its own tables, so that rows are lost or DDL fails; a fresh install has none of it. Columns and types are the
-- same in all releases.
WITH wanted(relation, name, type) AS (VALUES
    ('objects', 'id', 'integer'), ('objects', 'object_type', 'pggit.object_type'), ('objects', 'schema_name', 'text'), ('objects', 'object_name', 'text'),
    ('objects', 'full_name', 'text'), ('objects', 'parent_id', 'integer'), ('objects', 'branch_name', 'text'), ('objects', 'version', 'integer'),
    ('objects', 'version_major', 'integer'), ('objects', 'version_minor', 'integer'), ('objects', 'version_patch', 'integer'),
    ('objects', 'metadata', 'jsonb'), ('objects', 'is_active', 'boolean'), ('objects', 'created_at', 'timestamp without time zone'),
    ('objects', 'updated_at', 'timestamp without time zone'),
    ('history', 'id', 'integer'), ('history', 'object_id', 'integer'), ('history', 'change_type', 'pggit.change_type'),
    ('history', 'change_severity', 'pggit.change_severity'), ('history', 'branch_id', 'integer'), ('history', 'old_version', 'integer'),
    ('history', 'new_version', 'integer'), ('history', 'old_metadata', 'jsonb'), ('history', 'new_metadata', 'jsonb'),
    ('history', 'change_description', 'text'), ('history', 'sql_executed', 'text'), ('history', 'created_at', 'timestamp without time zone'),
    ('history', 'created_by', 'text')
), core AS (
    SELECT c.oid, c.relname, n.nspname || '.' || c.relname AS name, c.relpersistence, c.relrowsecurity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'pggit' AND c.relname IN ('objects', 'history', 'dependencies', 'system_events') AND c.relkind IN ('r', 'p')
)
SELECT core.name AS relation, 'trigger' AS kind, t.tgname::text AS name
FROM core JOIN pg_trigger t ON t.tgrelid = core.oid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND (t.tgtype & CASE WHEN core.relname IN ('objects', 'dependencies') THEN 20 ELSE 4 END) <> 0
UNION ALL
SELECT core.name, 'rule', r.rulename FROM core JOIN pg_rewrite r ON r.ev_class = core.oid WHERE r.ev_enabled <> 'D'
UNION ALL
-- Of the other schemas pggit_v0 has no trigger in either layout, and no table has a rule.
SELECT n.nspname || '.' || c.relname, 'trigger', t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'pggit_v0' AND NOT t.tgisinternal AND t.tgenabled <> 'D'
UNION ALL
SELECT n.nspname || '.' || c.relname, 'rule', r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('pggit_v0', 'pggit_audit') AND c.relkind IN ('r', 'p') AND r.ev_enabled <> 'D'
UNION ALL
SELECT core.name, 'check', x.conname FROM core JOIN pg_constraint x ON x.conrelid = core.oid WHERE x.contype IN ('c', 'x') AND core.relname <> 'system_events'
UNION ALL
-- Those of the releases refer to pgGit's own tables.
SELECT core.name, 'foreign-key', x.conname FROM core JOIN pg_constraint x ON x.conrelid = core.oid
JOIN pg_class f ON f.oid = x.confrelid JOIN pg_namespace n ON n.oid = f.relnamespace
WHERE x.contype = 'f' AND n.nspname !~ '^pggit(_|$)'
UNION ALL
SELECT core.name, 'unique', i.relname FROM core JOIN pg_index x ON x.indrelid = core.oid JOIN pg_class i ON i.oid = x.indexrelid
WHERE x.indisunique AND NOT x.indisprimary AND core.relname = 'history'
UNION ALL
SELECT core.name, 'not-null', a.attname FROM core JOIN pg_attribute a ON a.attrelid = core.oid
WHERE core.relname IN ('objects', 'history') AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
  AND a.attname NOT IN ('object_type', 'schema_name', 'object_name', 'object_id', 'change_type', 'change_severity')
UNION ALL
SELECT core.name, 'policies', 'row level security' FROM core WHERE core.relrowsecurity
UNION ALL
SELECT core.name, 'unlogged', 'UNLOGGED' FROM core WHERE core.relpersistence <> 'p'
UNION ALL
-- Without these a row says nothing of when and who, an object is never taken for active, so that its drop is not recorded, and versions do not begin at 1.
SELECT core.name, 'default', d.name
FROM (VALUES ('objects', 'is_active', '^true$'), ('objects', 'version', '^1$'), ('objects', 'created_at', 'CURRENT_TIMESTAMP|now'), ('history', 'created_at', 'CURRENT_TIMESTAMP|now'),
             ('history', 'created_by', 'CURRENT_USER')) AS d(relation, name, expression)
JOIN core ON core.relname = d.relation
JOIN pg_attribute a ON a.attrelid = core.oid AND a.attname = d.name AND NOT a.attisdropped
LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
WHERE coalesce(pg_get_expr(f.adbin, f.adrelid), '') !~* d.expression
UNION ALL
SELECT 'pggit.' || e.type, 'enum', e.label
FROM (VALUES ('object_type', 'TABLE'), ('object_type', 'COLUMN'), ('object_type', 'INDEX'), ('object_type', 'VIEW'), ('object_type', 'FUNCTION'),
             ('change_type', 'CREATE'), ('change_type', 'ALTER'), ('change_type', 'DROP'),
             ('change_severity', 'MAJOR'), ('change_severity', 'MINOR'), ('change_severity', 'PATCH')) AS e(type, label)
WHERE NOT EXISTS (SELECT 1 FROM pg_enum v JOIN pg_type t ON t.oid = v.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
                  WHERE n.nspname = 'pggit' AND t.typname = e.type AND v.enumlabel = e.label)
UNION ALL
-- The enhanced event triggers read and write tables of their own.
SELECT 'pggit.' || t.name, 'table', t.name
FROM (VALUES ('objects'), ('history'), ('system_events'), ('deployment_state'), ('deployment_mode'), ('tracking_config'), ('monitoring_metrics')) AS t(name)
WHERE to_regclass('pggit.' || t.name) IS NULL
  AND (t.name IN ('objects', 'history') OR EXISTS (SELECT 1 FROM pg_event_trigger e WHERE e.evtname LIKE 'pggit_enhanced%'))
UNION ALL
SELECT core.name, 'column', w.name || ' ' || w.type FROM wanted w JOIN core ON core.relname = w.relation
WHERE NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = core.oid AND a.attname = w.name AND NOT a.attisdropped
                  AND format_type(a.atttypid, a.atttypmod) = w.type)
ORDER BY 1, 2, 3
