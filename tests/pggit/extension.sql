-- Makes an extension of core.sql, as CREATE EXTENSION of v0.1.3 leaves it in the catalog: no control file is needed for that.
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT (SELECT max(c.oid)::int8 + 10000 FROM pg_class c)::oid, 'pggit', r.oid, 'pggit'::regnamespace, false, '0.1.3' FROM pg_roles r WHERE r.rolname = current_user;
RESET allow_system_table_mods;
DO $$
DECLARE
    member text;
BEGIN
    FOR member IN
        SELECT 'TABLE ' || c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'pggit'::regnamespace AND c.relkind = 'r'
        UNION ALL
        SELECT 'FUNCTION ' || p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'pggit'::regnamespace
        UNION ALL
        SELECT 'EVENT TRIGGER ' || quote_ident(t.evtname) FROM pg_event_trigger t
    LOOP
        EXECUTE 'ALTER EXTENSION pggit ADD ' || member;
    END LOOP;
END $$;
