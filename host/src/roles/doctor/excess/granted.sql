-- Every privilege that was granted to the login or to a role of it and that nobody wants ($1: kind, schema, name, arguments and privilege of each
-- that is wanted): kind and name as REVOKE takes them, privileges, grantee, the membership through which the login has it and who granted that, the
-- grantor if it is not the owner, what makes it worse, and how many there are. pg_shdepend finds the objects by the role: no catalog is read from
-- end to end.
, noted AS (
    SELECT DISTINCT d.classid, d.objid, d.objsubid FROM pg_shdepend d JOIN mine m ON m.role = d.refobjid JOIN here h ON d.dbid IN (0, h.dbid)
    WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'a'),
lists AS (
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, n.nspname::text AS schema, c.relname::text AS name, '' AS arguments,
           format('%I.%I', n.nspname, c.relname) AS shown, '' AS part, c.relowner AS owner, c.relacl AS acl, '' AS worse
    FROM noted o JOIN pg_class c ON c.oid = o.objid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE o.classid = 'pg_class'::regclass AND o.objsubid = 0
    UNION ALL
    SELECT 'TABLE', n.nspname, c.relname, '', format('%I.%I', n.nspname, c.relname), format(' (%I)', a.attname), c.relowner, a.attacl, ''
    FROM noted o JOIN pg_class c ON c.oid = o.objid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.objsubid
    WHERE o.classid = 'pg_class'::regclass AND o.objsubid > 0
    UNION ALL
    SELECT 'ROUTINE', n.nspname, p.proname, oidvectortypes(p.proargtypes), p.oid::regprocedure::text, '', p.proowner, p.proacl,
           CASE WHEN p.prosecdef AND r.rolsuper THEN 'it runs as ' || r.rolname || ', a superuser'
                WHEN l.lanispl AND NOT l.lanpltrusted THEN l.lanname || ' can do what the server''s own account can' ELSE '' END
    FROM noted o JOIN pg_proc p ON p.oid = o.objid JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner
    JOIN pg_language l ON l.oid = p.prolang WHERE o.classid = 'pg_proc'::regclass
    UNION ALL
    SELECT 'SCHEMA', '', n.nspname, '', quote_ident(n.nspname), '', n.nspowner, n.nspacl, ''
    FROM noted o JOIN pg_namespace n ON n.oid = o.objid WHERE o.classid = 'pg_namespace'::regclass
    UNION ALL
    SELECT 'DATABASE', '', d.datname, '', quote_ident(d.datname), '', d.datdba, d.datacl, ''
    FROM noted o JOIN pg_database d ON d.oid = o.objid WHERE o.classid = 'pg_database'::regclass
    UNION ALL
    SELECT 'TABLESPACE', '', t.spcname, '', quote_ident(t.spcname), '', t.spcowner, t.spcacl, ''
    FROM noted o JOIN pg_tablespace t ON t.oid = o.objid WHERE o.classid = 'pg_tablespace'::regclass
    UNION ALL
    SELECT 'LANGUAGE', '', l.lanname, '', quote_ident(l.lanname), '', l.lanowner, l.lanacl, ''
    FROM noted o JOIN pg_language l ON l.oid = o.objid WHERE o.classid = 'pg_language'::regclass
    UNION ALL
    SELECT 'TYPE', n.nspname, t.typname, '', format('%I.%I', n.nspname, t.typname), '', t.typowner, t.typacl, ''
    FROM noted o JOIN pg_type t ON t.oid = o.objid JOIN pg_namespace n ON n.oid = t.typnamespace WHERE o.classid = 'pg_type'::regclass
    UNION ALL
    SELECT 'LARGE OBJECT', '', l.oid::text, '', l.oid::text, '', l.lomowner, l.lomacl, ''
    FROM noted o JOIN pg_largeobject_metadata l ON l.oid = o.objid WHERE o.classid = 'pg_largeobject'::regclass
    UNION ALL
    SELECT 'FOREIGN DATA WRAPPER', '', f.fdwname, '', quote_ident(f.fdwname), '', f.fdwowner, f.fdwacl, ''
    FROM noted o JOIN pg_foreign_data_wrapper f ON f.oid = o.objid WHERE o.classid = 'pg_foreign_data_wrapper'::regclass
    UNION ALL
    SELECT 'FOREIGN SERVER', '', s.srvname, '', quote_ident(s.srvname), '', s.srvowner, s.srvacl, ''
    FROM noted o JOIN pg_foreign_server s ON s.oid = o.objid WHERE o.classid = 'pg_foreign_server'::regclass
    --parameters
    UNION ALL
    SELECT 'DEFAULT ' || CASE a.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'
               WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
           '', '', '', format('FOR ROLE %I', pg_get_userbyid(a.defaclrole)) || COALESCE(' IN SCHEMA ' || quote_ident(n.nspname), ''), '',
           a.defaclrole, a.defaclacl, ''
    FROM noted o JOIN pg_default_acl a ON a.oid = o.objid LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace
    WHERE o.classid = 'pg_default_acl'::regclass),
given AS (
    SELECT l.kind, l.shown, m.role, m.via, m.by, NULLIF(x.grantor, l.owner) AS grantor, l.worse,
           string_agg(x.privilege_type || l.part, ', ' ORDER BY x.privilege_type, l.part) AS privileges
    FROM lists l CROSS JOIN LATERAL aclexplode(l.acl) x JOIN mine m ON m.role = x.grantee
    WHERE x.grantee <> l.owner
      AND concat_ws(E'\x1f', l.kind, l.schema, l.name, l.arguments, x.privilege_type) <> ALL ($1::text[])
    GROUP BY 1, 2, 3, 4, 5, 6, 7)
SELECT kind, shown, privileges, pg_get_userbyid(role), pg_get_userbyid(via), CASE WHEN by <> 10 THEN pg_get_userbyid(by) END,
       pg_get_userbyid(grantor), worse, count(*) OVER ()::text
FROM given ORDER BY 1, 2, 4 LIMIT 20
