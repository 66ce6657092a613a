-- What belongs to the database itself, with how the statement that brings it back begins and what it holds.
WITH db AS (
  SELECT * FROM pg_catalog.pg_database WHERE datname = current_database()
)
SELECT 'owner ' || r.rolname AS property, 'ALTER DATABASE ' AS begins, ' OWNER TO ' || pg_catalog.quote_ident(r.rolname) || ';' AS holds
  FROM db JOIN pg_catalog.pg_roles AS r ON r.oid = db.datdba
UNION ALL
SELECT 'connection limit', 'ALTER DATABASE ', ' CONNECTION LIMIT = ' || datconnlimit || ';' FROM db WHERE datconnlimit <> -1
UNION ALL
SELECT 'is a template', 'ALTER DATABASE ', ' IS_TEMPLATE = true;' FROM db WHERE datistemplate
UNION ALL
SELECT 'comment', 'COMMENT ON DATABASE ', '' FROM db WHERE pg_catalog.shobj_description(oid, 'pg_database') IS NOT NULL
UNION ALL
SELECT 'privileges', '', ' ON DATABASE ' FROM db
 WHERE (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) AS a)
       <> (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(pg_catalog.acldefault('d', datdba)) AS a)
UNION ALL
SELECT 'security label', 'SECURITY LABEL ', ' ON DATABASE ' FROM db
 WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_shseclabel AS l WHERE l.classoid = 'pg_catalog.pg_database'::regclass AND l.objoid = db.oid)
UNION ALL
SELECT concat_ws(' ', 'setting', split_part(setting, '=', 1), 'of ' || r.rolname),
       coalesce('ALTER ROLE ' || pg_catalog.quote_ident(r.rolname) || ' IN DATABASE ', 'ALTER DATABASE '),
       ' SET ' || pg_catalog.quote_ident(split_part(setting, '=', 1)) || ' TO '
  FROM db
  JOIN pg_catalog.pg_db_role_setting AS s ON s.setdatabase = db.oid
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
 CROSS JOIN unnest(s.setconfig) AS setting
 ORDER BY 1
