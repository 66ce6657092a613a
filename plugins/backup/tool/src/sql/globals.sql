-- The globals of a cluster, a line each, as they have to come back. $ROLES$ is pg_authid where this login may read it, else pg_roles.
SELECT 'role ' || concat_ws(' ', pg_catalog.quote_ident(rolname), CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolinherit THEN 'inherit' END,
                            CASE WHEN rolcreaterole THEN 'createrole' END, CASE WHEN rolcreatedb THEN 'createdb' END,
                            CASE WHEN rolcanlogin THEN 'login' END, CASE WHEN rolreplication THEN 'replication' END,
                            CASE WHEN rolbypassrls THEN 'bypassrls' END, 'connections=' || rolconnlimit,
                            'valid-until=' || extract(epoch FROM rolvaliduntil), $PASSWORD$) AS line
  FROM $ROLES$
 WHERE rolname !~ '^pg_'
UNION
-- From 16 on a membership has more options.
SELECT 'membership ' || concat_ws(' ', pg_catalog.quote_ident(member.rolname), 'in', pg_catalog.quote_ident(role.rolname),
                                  CASE WHEN m.admin_option THEN 'admin' END, 'inherit=' || (to_jsonb(m) ->> 'inherit_option'),
                                  'set=' || (to_jsonb(m) ->> 'set_option'))
  FROM pg_catalog.pg_auth_members AS m
  JOIN pg_catalog.pg_roles AS member ON member.oid = m.member
  JOIN pg_catalog.pg_roles AS role ON role.oid = m.roleid
 WHERE member.rolname !~ '^pg_'
UNION
SELECT 'setting ' || pg_catalog.quote_ident(r.rolname) || ' ' || setting
  FROM pg_catalog.pg_db_role_setting AS s
  JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
  CROSS JOIN unnest(s.setconfig) AS setting
 WHERE s.setdatabase = 0
UNION
SELECT 'tablespace ' || concat_ws(' ', pg_catalog.quote_ident(t.spcname), 'owner=' || pg_catalog.quote_ident(r.rolname),
                                  (SELECT string_agg(option, ' ' ORDER BY option) FROM unnest(t.spcoptions) AS option),
                                  (SELECT string_agg(coalesce(g.rolname, 'public') || ':' || a.privilege_type, ' ' ORDER BY g.rolname, a.privilege_type)
                                     FROM pg_catalog.aclexplode(t.spcacl) AS a LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = a.grantee))
  FROM pg_catalog.pg_tablespace AS t
  JOIN pg_catalog.pg_roles AS r ON r.oid = t.spcowner
 WHERE t.spcname !~ '^pg_'
 ORDER BY 1
