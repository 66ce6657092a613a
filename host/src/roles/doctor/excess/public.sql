-- What everybody may do here beyond reading, on objects that the login can reach, and that is not wanted of it ($1, as in granted.sql). One row for
-- each schema and kind of object: kind, schema, privileges, the grantor if it is not the owner, how many objects, fifty of them as REVOKE takes
-- them, whether PostgreSQL itself grants it, and how many rows there are. What initdb opens in its own schemas, and EXECUTE on functions that run as their caller, are no
-- part of it.
WITH relation AS (
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, n.nspname, c.oid, c.relname, c.relowner, c.relacl
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND has_schema_privilege(session_user, n.oid, 'USAGE')),
lists AS (
    SELECT kind, nspname::text AS schema, relname::text AS name, '' AS arguments, format('%I.%I', nspname, relname) AS shown, relowner AS owner,
           relacl AS acl
    FROM relation WHERE relacl IS NOT NULL
    UNION ALL
    SELECT r.kind, r.nspname, r.relname, '', format('%I.%I', r.nspname, r.relname), r.relowner, a.attacl
    FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT 'ROUTINE', n.nspname, p.proname, oidvectortypes(p.proargtypes), p.oid::regprocedure::text, p.proowner,
           COALESCE(p.proacl, acldefault('f', p.proowner))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner JOIN pg_language l ON l.oid = p.prolang
    WHERE (p.prosecdef AND r.rolsuper OR l.lanispl AND NOT l.lanpltrusted) AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) AND has_schema_privilege(session_user, n.oid, 'USAGE')
    UNION ALL
    SELECT 'SCHEMA', '', nspname, '', quote_ident(nspname), nspowner, nspacl FROM pg_namespace
    UNION ALL
    SELECT 'DATABASE', '', datname, '', quote_ident(datname), datdba, COALESCE(datacl, acldefault('d', datdba))
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT 'TABLESPACE', '', spcname, '', quote_ident(spcname), spcowner, spcacl FROM pg_tablespace
    UNION ALL
    SELECT 'LARGE OBJECT', '', oid::text, '', oid::text, lomowner, lomacl FROM pg_largeobject_metadata
    UNION ALL
    SELECT 'FOREIGN DATA WRAPPER', '', fdwname, '', quote_ident(fdwname), fdwowner, fdwacl FROM pg_foreign_data_wrapper
    UNION ALL
    SELECT 'FOREIGN SERVER', '', srvname, '', quote_ident(srvname), srvowner, srvacl FROM pg_foreign_server
    --parameters
    UNION ALL
    SELECT 'DEFAULT ' || CASE a.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
           format('FOR ROLE %I', pg_get_userbyid(a.defaclrole)) || COALESCE(' IN SCHEMA ' || quote_ident(n.nspname), ''), '', '', '', a.defaclrole,
           a.defaclacl
    FROM pg_default_acl a LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace WHERE a.defaclobjtype NOT IN ('f', 'T')),
given AS (
    SELECT l.*, x.privilege_type AS privilege, NULLIF(x.grantor, l.owner) AS grantor,
           x.privilege_type = 'TEMPORARY' OR l.kind = 'SCHEMA' AND l.name = 'public' AND current_setting('server_version_num')::int < 150000
               AS by_default
    FROM lists l CROSS JOIN LATERAL aclexplode(l.acl) x
    WHERE x.grantee = 0
      AND CASE l.kind WHEN 'SCHEMA' THEN x.privilege_type = 'CREATE' WHEN 'DATABASE' THEN x.privilege_type IN ('CREATE', 'TEMPORARY')
               WHEN 'DEFAULT SCHEMAS' THEN x.privilege_type = 'CREATE' ELSE x.privilege_type <> 'SELECT' END
      AND concat_ws(E'\x1f', l.kind, l.schema, l.name, l.arguments, x.privilege_type) <> ALL ($1::text[]))
SELECT kind, schema, string_agg(DISTINCT privilege, ', '), CASE WHEN grantor IS NOT NULL THEN pg_get_userbyid(grantor) END,
       count(DISTINCT shown)::text, (array_agg(DISTINCT shown::text))[1:50], by_default,
       count(*) OVER ()::text
FROM given GROUP BY kind, schema, grantor, by_default
ORDER BY 1, 2, 4 LIMIT 20
