-- What every complete pgGit install has: objects and history, and two event triggers that write them. Names, signatures and layouts are
-- those of pgGit 0.2.1; the bodies are this tree's own and record what the originals record, with their blind spots: functions by OID,
-- renames, renamed columns, CREATE TABLE AS, materialized views, sequences and foreign tables not followed, quoted names kept with their quotes.
CREATE SCHEMA pggit;
CREATE TYPE pggit.object_type AS ENUM ('SCHEMA', 'TABLE', 'COLUMN', 'INDEX', 'CONSTRAINT', 'VIEW', 'MATERIALIZED_VIEW', 'FUNCTION', 'PROCEDURE',
    'TRIGGER', 'TYPE', 'SEQUENCE', 'PARTITION', 'BRANCH', 'COMMIT', 'TAG');
CREATE TYPE pggit.change_type AS ENUM ('CREATE', 'ALTER', 'DROP', 'RENAME', 'COMMENT', 'BRANCH', 'MERGE', 'CONFLICT_RESOLVED');
CREATE TYPE pggit.change_severity AS ENUM ('MAJOR', 'MINOR', 'PATCH');
CREATE TYPE pggit.branch_status AS ENUM ('ACTIVE', 'MERGED', 'DELETED', 'CONFLICTED');
CREATE TYPE pggit.merge_resolution AS ENUM ('AUTO_RESOLVED', 'MANUAL_RESOLVED', 'CONFLICT_PENDING', 'MERGE_REJECTED');

CREATE TABLE pggit.objects (
    id serial PRIMARY KEY,
    object_type pggit.object_type NOT NULL,
    schema_name text NOT NULL,
    object_name text NOT NULL,
    full_name text GENERATED ALWAYS AS (CASE WHEN schema_name = '' THEN object_name ELSE schema_name || '.' || object_name END) STORED,
    parent_id int CONSTRAINT objects_parent_id_fkey REFERENCES pggit.objects (id) ON DELETE CASCADE,
    content_hash text,
    ddl_normalized text,
    branch_id int DEFAULT 1,
    branch_name text DEFAULT 'main',
    version int NOT NULL DEFAULT 1,
    version_major int NOT NULL DEFAULT 1,
    version_minor int NOT NULL DEFAULT 0,
    version_patch int NOT NULL DEFAULT 0,
    metadata jsonb DEFAULT '{}',
    is_active bool DEFAULT true,
    created_at timestamp DEFAULT current_timestamp,
    updated_at timestamp DEFAULT current_timestamp,
    ddl_hash text,
    structure_hash text,
    constraints_hash text,
    indexes_hash text,
    UNIQUE (object_type, schema_name, object_name, branch_name)
);
CREATE TABLE pggit.branches (
    id serial PRIMARY KEY,
    name text NOT NULL UNIQUE CONSTRAINT branch_name_format CHECK (name ~ '^[a-zA-Z0-9._/#-]+$'),
    parent_branch_id int REFERENCES pggit.branches (id),
    head_commit_hash text,
    status pggit.branch_status DEFAULT 'ACTIVE',
    created_at timestamp DEFAULT current_timestamp,
    created_by text DEFAULT current_user,
    merged_at timestamp,
    merged_by text,
    branch_type text DEFAULT 'standard',
    total_objects int DEFAULT 0,
    modified_objects int DEFAULT 0,
    storage_efficiency numeric(5, 2) DEFAULT 100,
    description text,
    CONSTRAINT branch_name_not_empty CHECK (name <> '')
);
CREATE TABLE pggit.commits (
    id serial PRIMARY KEY,
    hash text NOT NULL UNIQUE DEFAULT md5(random()::text),
    branch_id int NOT NULL CONSTRAINT fk_commits_branch_id REFERENCES pggit.branches (id) ON DELETE CASCADE,
    parent_commit_hash text,
    message text,
    author text DEFAULT current_user,
    authored_at timestamp DEFAULT current_timestamp,
    committer text DEFAULT current_user,
    committed_at timestamp DEFAULT current_timestamp,
    tree_hash text,
    object_hashes jsonb DEFAULT '{}',
    metadata jsonb DEFAULT '{}'
);
CREATE TABLE pggit.history (
    id serial PRIMARY KEY,
    object_id int NOT NULL CONSTRAINT history_object_id_fkey REFERENCES pggit.objects (id) ON DELETE CASCADE,
    change_type pggit.change_type NOT NULL,
    change_severity pggit.change_severity NOT NULL,
    commit_hash text,
    branch_id int CONSTRAINT fk_history_branch_id REFERENCES pggit.branches (id) ON DELETE CASCADE,
    merge_base_hash text,
    merge_resolution pggit.merge_resolution,
    old_version int,
    new_version int,
    old_metadata jsonb,
    new_metadata jsonb,
    change_description text,
    sql_executed text,
    created_at timestamp DEFAULT current_timestamp,
    created_by text DEFAULT current_user,
    old_hash text,
    new_hash text
);
CREATE TABLE pggit.history_archive (
    id int PRIMARY KEY DEFAULT nextval('pggit.history_id_seq'),
    object_id int NOT NULL,
    change_type pggit.change_type NOT NULL,
    change_severity pggit.change_severity NOT NULL,
    commit_hash text,
    branch_id int,
    merge_base_hash text,
    merge_resolution pggit.merge_resolution,
    old_version int,
    new_version int,
    old_metadata jsonb,
    new_metadata jsonb,
    change_description text,
    sql_executed text,
    created_at timestamp DEFAULT current_timestamp,
    created_by text DEFAULT current_user,
    old_hash text,
    new_hash text
);
CREATE TABLE pggit.dependencies (
    id serial PRIMARY KEY,
    dependent_id int NOT NULL REFERENCES pggit.objects (id) ON DELETE CASCADE,
    depends_on_id int NOT NULL REFERENCES pggit.objects (id) ON DELETE CASCADE,
    branch_id int DEFAULT 1 REFERENCES pggit.branches (id),
    dependency_type text NOT NULL DEFAULT 'generic',
    metadata jsonb DEFAULT '{}',
    created_at timestamp DEFAULT current_timestamp,
    UNIQUE (dependent_id, depends_on_id)
);
CREATE TABLE pggit.blobs (
    blob_hash text PRIMARY KEY,
    object_type pggit.object_type NOT NULL,
    object_name text NOT NULL,
    object_schema text NOT NULL,
    object_definition text NOT NULL,
    dependencies jsonb,
    created_at timestamp DEFAULT current_timestamp
);
CREATE INDEX idx_objects_type ON pggit.objects (object_type);
CREATE INDEX idx_objects_parent ON pggit.objects (parent_id);
CREATE INDEX idx_objects_active ON pggit.objects (is_active) WHERE is_active;
CREATE INDEX idx_history_object ON pggit.history (object_id);
CREATE INDEX idx_history_created ON pggit.history (created_at DESC);
CREATE INDEX idx_dependencies_dependent ON pggit.dependencies (dependent_id);
CREATE INDEX idx_dependencies_depends_on ON pggit.dependencies (depends_on_id);
INSERT INTO pggit.branches (id, name) VALUES (1, 'main');

CREATE FUNCTION pggit.ensure_object_with_branch(p_object_type pggit.object_type, p_schema_name text, p_object_name text,
    p_parent_name text DEFAULT NULL, p_metadata jsonb DEFAULT '{}', p_branch_name text DEFAULT 'main') RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    known int;
BEGIN
    SELECT o.id INTO known FROM pggit.objects o
    WHERE (o.object_type, o.schema_name, o.object_name, o.branch_name) = (p_object_type, p_schema_name, p_object_name, p_branch_name);
    IF known IS NULL THEN
        INSERT INTO pggit.objects (object_type, schema_name, object_name, parent_id, metadata, branch_name)
        VALUES (p_object_type, p_schema_name, p_object_name,
                (SELECT o.id FROM pggit.objects o WHERE o.full_name = p_parent_name AND o.is_active AND o.branch_name = p_branch_name LIMIT 1),
                p_metadata, p_branch_name)
        RETURNING id INTO known;
    END IF;
    RETURN known;
END $$;

CREATE FUNCTION pggit.ensure_object(p_object_type pggit.object_type, p_schema_name text, p_object_name text, p_parent_name text DEFAULT NULL,
    p_metadata jsonb DEFAULT '{}') RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RETURN pggit.ensure_object_with_branch(p_object_type, p_schema_name, p_object_name, p_parent_name, p_metadata, 'main');
END $$;

CREATE FUNCTION pggit.add_dependency(p_dependent_name text, p_depends_on_name text, p_dependency_type text DEFAULT 'generic') RETURNS void
    LANGUAGE sql AS $$
    INSERT INTO pggit.dependencies (dependent_id, depends_on_id, dependency_type)
    SELECT d.id, o.id, p_dependency_type FROM pggit.objects d, pggit.objects o
    WHERE d.full_name = p_dependent_name AND o.full_name = p_depends_on_name AND d.is_active AND o.is_active
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION pggit.increment_version(p_object_id int, p_change_type pggit.change_type, p_change_severity pggit.change_severity,
    p_description text DEFAULT NULL, p_new_metadata jsonb DEFAULT NULL, p_sql_executed text DEFAULT NULL) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    was pggit.objects;
BEGIN
    SELECT * INTO was FROM pggit.objects WHERE id = p_object_id;
    UPDATE pggit.objects SET version = was.version + 1, version_minor = was.version_minor + 1, metadata = coalesce(p_new_metadata, was.metadata),
        updated_at = current_timestamp
    WHERE id = p_object_id;
    INSERT INTO pggit.history (object_id, change_type, change_severity, old_version, new_version, old_metadata, new_metadata, change_description,
        sql_executed)
    VALUES (p_object_id, p_change_type, p_change_severity, was.version, was.version + 1, was.metadata, coalesce(p_new_metadata, was.metadata),
        p_description, p_sql_executed);
    RETURN was.version + 1;
END $$;

CREATE FUNCTION pggit.extract_table_columns(p_schema_name text, p_table_name text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT coalesce(jsonb_object_agg(c.column_name, jsonb_build_object(
        'type', c.udt_name || coalesce('(' || c.character_maximum_length || ')', ''),
        'nullable', c.is_nullable = 'YES',
        'default', c.column_default,
        'position', c.ordinal_position)), '{}')
    FROM information_schema.columns c
    WHERE (c.table_schema, c.table_name) = (p_schema_name, p_table_name)
$$;

CREATE FUNCTION pggit.handle_ddl_command() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    command record;
    part record;
    change pggit.change_type;
    kind pggit.object_type;
    name text;
    facts jsonb;
    object int;
BEGIN
    FOR command IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
        CONTINUE WHEN command.schema_name LIKE 'pg_temp%' OR command.schema_name LIKE 'pg_toast_temp%';
        CONTINUE WHEN command.command_tag !~ '^(CREATE|ALTER) (TABLE|VIEW|INDEX|FUNCTION)$'
            OR command.object_type NOT IN ('table', 'view', 'index', 'function') OR command.schema_name IS NULL;
        change := split_part(command.command_tag, ' ', 1)::pggit.change_type;
        kind := upper(command.object_type)::pggit.object_type;
        -- A function's OID is no relation's: the cast leaves its digits.
        name := regexp_replace(command.objid::regclass::text, '^' || command.schema_name || '\.', '');
        facts := jsonb_build_object('oid', command.objid::text);
        IF kind = 'TABLE' THEN
            facts := facts || jsonb_build_object('columns', pggit.extract_table_columns(command.schema_name, name));
        END IF;
        IF kind = 'INDEX' THEN
            SELECT facts || jsonb_build_object('table', t.relname) INTO facts
            FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE i.indexrelid = command.objid;
        END IF;
        object := pggit.ensure_object(kind, command.schema_name, name, NULL, facts);
        IF kind = 'TABLE' THEN
            FOR part IN SELECT key, value FROM jsonb_each(facts -> 'columns') LOOP
                PERFORM pggit.ensure_object('COLUMN', command.schema_name, name || '.' || part.key, command.schema_name || '.' || name,
                    part.value - 'position');
            END LOOP;
        END IF;
        PERFORM pggit.increment_version(object, change, 'MINOR',
            format('%s %s %s.%s', command.command_tag, command.object_type, command.schema_name, name), facts, current_query());
    END LOOP;
END $$;

CREATE FUNCTION pggit.handle_sql_drop() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    gone record;
    object pggit.objects;
BEGIN
    FOR gone IN SELECT * FROM pg_event_trigger_dropped_objects() WHERE object_type IN ('table', 'view', 'index', 'function') LOOP
        CONTINUE WHEN gone.schema_name LIKE 'pg_temp%';
        SELECT * INTO object FROM pggit.objects o
        WHERE o.object_type::text = upper(gone.object_type) AND o.schema_name = gone.schema_name AND o.object_name = gone.object_name AND o.is_active;
        CONTINUE WHEN object.id IS NULL;
        UPDATE pggit.objects SET is_active = false, updated_at = current_timestamp WHERE id = object.id;
        INSERT INTO pggit.history (object_id, change_type, change_severity, old_version, change_description, sql_executed)
        VALUES (object.id, 'DROP', 'MAJOR', object.version, 'Dropped ' || object.full_name, current_query());
    END LOOP;
END $$;

CREATE FUNCTION pggit.get_version(p_object_name text)
    RETURNS TABLE (object_name text, schema_name text, version int, version_string text, created_at timestamp) LANGUAGE sql AS $$
    SELECT split_part(o.full_name, '.', 2), split_part(o.full_name, '.', 1), o.version,
        concat_ws('.', o.version_major, o.version_minor, o.version_patch), o.created_at
    FROM pggit.objects o WHERE o.full_name = p_object_name AND o.is_active
$$;

CREATE EVENT TRIGGER pggit_ddl_trigger ON ddl_command_end EXECUTE FUNCTION pggit.handle_ddl_command();
CREATE EVENT TRIGGER pggit_drop_trigger ON sql_drop EXECUTE FUNCTION pggit.handle_sql_drop();
