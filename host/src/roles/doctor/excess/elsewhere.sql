-- The databases of the cluster that the login may enter and that none of its scopes names ($1), templates left out: how many objects there it, or
-- a role of it, was granted something on or owns, which pg_shdepend has of every database; whether everybody may enter, and may make schemas. Those
-- in which it has something come first; the last column is how many there are.
, held AS (
    SELECT d.dbid, count(DISTINCT (d.classid, d.objid)) FILTER (WHERE d.deptype = 'a') AS granted,
           count(DISTINCT (d.classid, d.objid)) FILTER (WHERE d.deptype = 'o') AS owned
    FROM pg_shdepend d JOIN mine m ON m.role = d.refobjid
    WHERE d.refclassid = 'pg_authid'::regclass AND d.dbid <> 0 AND d.deptype IN ('a', 'o') AND m.role >= 16384
    GROUP BY d.dbid),
others AS (
    SELECT d.datname, COALESCE(h.granted, 0) AS granted, COALESCE(h.owned, 0) AS owned,
           EXISTS (SELECT FROM aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) x WHERE x.grantee = 0 AND x.privilege_type = 'CONNECT') AS enter,
           EXISTS (SELECT FROM aclexplode(d.datacl) x WHERE x.grantee = 0 AND x.privilege_type = 'CREATE') AS make
    FROM pg_database d LEFT JOIN held h ON h.dbid = d.oid
    WHERE d.datallowconn AND NOT d.datistemplate AND d.datname <> ALL ($1::text[]) AND has_database_privilege(session_user, d.oid, 'CONNECT'))
SELECT quote_ident(datname), granted::text, owned::text, enter, make, count(*) OVER ()::text
FROM others ORDER BY granted + owned = 0, datname LIMIT 200
