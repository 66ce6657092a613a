-- Databases that a dump can be made of. A database that DROP DATABASE left half-removed has a connection limit of -2 and takes no connection.
SELECT datname::text AS name
FROM pg_database
WHERE datallowconn AND NOT datistemplate AND datconnlimit <> -2
ORDER BY datname
