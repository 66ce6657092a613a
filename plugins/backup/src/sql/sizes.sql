-- Every database, also one that takes no connection. Where the role may not ask for the size, there is none: one such database takes no other's away.
SELECT datname::text AS name,
       CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') OR has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END AS bytes
FROM pg_database
