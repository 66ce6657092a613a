-- What the script install of v0.2.1 has beyond core.sql: pauses, deployments, three more event triggers, the audit schema.
CREATE SCHEMA pggit_audit;
CREATE SCHEMA pggit_branches;
CREATE SCHEMA pggit_errors;
CREATE SCHEMA pggit_migration;
CREATE SCHEMA pggit_storage;
CREATE TABLE pggit.system_events (event_id serial PRIMARY KEY, event_type text NOT NULL, event_data jsonb, created_at timestamptz DEFAULT now());
CREATE TABLE pggit.deployment_mode (
    deployment_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deployment_name text NOT NULL,
    started_at timestamptz DEFAULT now(),
    started_by text DEFAULT current_user,
    ended_at timestamptz,
    auto_commit bool DEFAULT false,
    changes_count int DEFAULT 0,
    status text DEFAULT 'active' CHECK (status IN ('active', 'completed', 'cancelled'))
);
CREATE TABLE pggit.deployment_state (
    id int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    current_deployment_id uuid REFERENCES pggit.deployment_mode (deployment_id),
    is_active bool DEFAULT false
);
INSERT INTO pggit.deployment_state (id) VALUES (1);
CREATE TABLE pggit.tracking_config (
    config_id serial PRIMARY KEY,
    config_type text NOT NULL CHECK (config_type IN ('schema', 'operation', 'pattern')),
    action text NOT NULL CHECK (action IN ('track', 'ignore')),
    pattern text NOT NULL,
    priority int DEFAULT 0,
    created_at timestamptz DEFAULT now(),
    created_by text DEFAULT current_user,
    UNIQUE (config_type, pattern)
);
CREATE TABLE pggit.monitoring_metrics (
    metric_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    metric_type text NOT NULL,
    metric_value numeric NOT NULL,
    tags jsonb DEFAULT '{}',
    recorded_at timestamp DEFAULT current_timestamp
);
CREATE TABLE pggit_audit.changes (
    change_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    commit_sha text NOT NULL,
    object_schema text NOT NULL,
    object_name text NOT NULL,
    object_type text NOT NULL,
    change_type text NOT NULL,
    old_definition text,
    new_definition text,
    author text,
    committed_at timestamp,
    commit_message text,
    backfilled_from_v1 bool DEFAULT false,
    verified bool DEFAULT false,
    created_at timestamp DEFAULT current_timestamp
);
CREATE TABLE pggit_audit.object_versions (
    version_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    object_schema text NOT NULL,
    object_name text NOT NULL,
    version_number bigint NOT NULL,
    definition text NOT NULL,
    commit_sha text NOT NULL,
    created_at timestamp NOT NULL,
    UNIQUE (object_schema, object_name, version_number)
);
CREATE TABLE pggit_audit.compliance_log (
    log_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    change_id uuid NOT NULL CONSTRAINT compliance_log_change_id_fkey REFERENCES pggit_audit.changes (change_id),
    verified_at timestamp NOT NULL DEFAULT current_timestamp,
    verified_by text NOT NULL,
    verification_status text NOT NULL,
    verification_notes text,
    created_at timestamp DEFAULT current_timestamp
);
CREATE INDEX idx_changes_commit_sha ON pggit_audit.changes (commit_sha);
CREATE FUNCTION pggit_audit.prevent_compliance_modification() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of the compliance log stay as they are';
END $$;
CREATE TRIGGER compliance_immutability BEFORE UPDATE OR DELETE ON pggit_audit.compliance_log
    FOR EACH ROW EXECUTE FUNCTION pggit_audit.prevent_compliance_modification();

CREATE FUNCTION pggit.record_metric(p_metric_type text, p_value numeric, p_tags jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
    INSERT INTO pggit.monitoring_metrics (metric_type, metric_value, tags) VALUES (p_metric_type, p_value, p_tags)
$$;
CREATE FUNCTION pggit.check_object_comment_directive(object_type text, object_schema text, object_name text) RETURNS boolean LANGUAGE sql AS $$
    SELECT NULL::boolean
$$;
CREATE FUNCTION pggit.should_track_object(schema_name text, object_type text, operation text) RETURNS boolean LANGUAGE sql AS $$
    SELECT NOT EXISTS (SELECT 1 FROM pggit.tracking_config c WHERE c.config_type = 'schema' AND c.action = 'ignore' AND c.pattern = schema_name)
$$;
CREATE FUNCTION pggit.enhanced_ddl_trigger_func() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    command record;
BEGIN
    FOR command IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE schema_name IS DISTINCT FROM 'pggit' LOOP
        CONTINUE WHEN NOT coalesce(pggit.check_object_comment_directive(command.object_type, command.schema_name, command.object_identity),
            pggit.should_track_object(command.schema_name, command.object_type, TG_TAG));
        -- As the original, which calls a function that no release has, and writes that down.
        INSERT INTO pggit.system_events (event_type, event_data)
        VALUES ('tracking_error', jsonb_build_object('operation', TG_TAG, 'object_identity', command.object_identity));
    END LOOP;
END $$;
CREATE FUNCTION pggit.enhanced_drop_trigger_func() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    -- As the original, which calls another function that no release has.
    INSERT INTO pggit.system_events (event_type, event_data)
    SELECT 'tracking_error', jsonb_build_object('operation', 'DROP', 'object_type', d.object_type, 'object_identity', d.object_identity)
    FROM pg_event_trigger_dropped_objects() d WHERE d.schema_name IS DISTINCT FROM 'pggit';
END $$;
CREATE FUNCTION pggit.collect_ddl_metrics() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pggit.record_metric('ddl_processing_ms', 0, jsonb_build_object('command', TG_TAG));
END $$;
CREATE FUNCTION pggit.pause_tracking(duration interval DEFAULT '1 hour') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE;
    ALTER EVENT TRIGGER pggit_drop_trigger DISABLE;
    INSERT INTO pggit.system_events (event_type, event_data)
    VALUES ('tracking_paused', jsonb_build_object('paused_at', now(), 'resume_at', now() + duration, 'duration', duration, 'paused_by', current_user));
END $$;
CREATE FUNCTION pggit.resume_tracking() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE;
    ALTER EVENT TRIGGER pggit_drop_trigger ENABLE;
    INSERT INTO pggit.system_events (event_type, event_data)
    VALUES ('tracking_resumed', jsonb_build_object('resumed_at', now(), 'resumed_by', current_user));
END $$;
CREATE FUNCTION pggit.emergency_disable(duration interval DEFAULT '1 hour') RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE;
    ALTER EVENT TRIGGER pggit_drop_trigger DISABLE;
    ALTER EVENT TRIGGER pggit_enhanced_ddl_trigger DISABLE;
    ALTER EVENT TRIGGER pggit_enhanced_drop_trigger DISABLE;
    INSERT INTO pggit.system_events (event_type, event_data)
    VALUES ('emergency_disable', jsonb_build_object('disabled_at', now(), 'resume_at', now() + duration, 'disabled_by', current_user));
    RETURN now() + duration;
END $$;
CREATE EVENT TRIGGER pggit_enhanced_ddl_trigger ON ddl_command_end EXECUTE FUNCTION pggit.enhanced_ddl_trigger_func();
CREATE EVENT TRIGGER pggit_enhanced_drop_trigger ON sql_drop EXECUTE FUNCTION pggit.enhanced_drop_trigger_func();
CREATE EVENT TRIGGER pggit_metrics_trigger ON ddl_command_end EXECUTE FUNCTION pggit.collect_ddl_metrics();
