-- Each role that matters and is wanted neither itself nor as a part of one that is ($1): its name, whether it is a superuser, the attributes that
-- SET ROLE to it would lend, the membership of the login's own through which it comes, and who granted that if it is not the cluster's owner.
SELECT r.rolname, r.rolsuper,
       concat_ws(', ', CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
                 CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END),
       pg_get_userbyid(g.via), CASE WHEN g.by <> 10 THEN pg_get_userbyid(g.by) END
FROM reached g JOIN pg_roles r ON r.oid = g.role
WHERE g.via IS NOT NULL
  AND (r.rolname LIKE 'pg\_%' OR r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls)
  AND NOT EXISTS (SELECT FROM pg_roles n WHERE n.rolname = ANY ($1::text[]) AND pg_has_role(n.oid, r.oid, 'MEMBER'))
ORDER BY 1, 4, 5
