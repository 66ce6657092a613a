-- What the login owns, itself or through a role, in this database and of the cluster: kind and identity as ALTER takes them, the owner, the
-- membership through which it is so and who granted that, who could have it instead (the database's owner, or else the cluster's), the server of
-- a user mapping, and how many there are. What initdb's own roles own is not written down in pg_shdepend, and is the server's. A sequence that
-- belongs to a column follows its table; what is temporary goes by itself; default privileges are not owned, they are for what the login makes.
, owned AS (
    SELECT d.classid, d.objid, m.role, m.via, m.by, count(*) OVER () AS total
    FROM pg_shdepend d JOIN mine m ON m.role = d.refobjid JOIN here h ON d.dbid IN (0, h.dbid)
    WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o' AND d.classid <> 'pg_default_acl'::regclass
      AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (
          SELECT FROM pg_class c WHERE c.oid = d.objid AND (c.relpersistence = 't' OR c.relkind = 'S' AND EXISTS (
              SELECT FROM pg_depend a WHERE a.classid = d.classid AND a.objid = c.oid AND a.refclassid = 'pg_class'::regclass
                AND a.deptype IN ('a', 'i')))))
    ORDER BY d.classid, d.objid LIMIT 20)
SELECT i.type, i.identity, pg_get_userbyid(o.role), pg_get_userbyid(o.via), CASE WHEN o.by <> 10 THEN pg_get_userbyid(o.by) END,
       pg_get_userbyid(CASE WHEN h.owner = o.role THEN 10 ELSE h.owner END), quote_ident(u.srvname), o.total::text
FROM owned o CROSS JOIN here h CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) i
LEFT JOIN pg_user_mappings u ON o.classid = 'pg_user_mapping'::regclass AND u.umid = o.objid
ORDER BY 1, 2
