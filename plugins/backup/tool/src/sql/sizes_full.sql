SELECT pg_catalog.pg_database_size(current_database()) AS database,
       (SELECT coalesce(sum(pg_catalog.pg_table_size(c.oid)), 0)::bigint FROM pg_catalog.pg_class AS c
         WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND (c.oid >= 16384 OR c.oid = 'pg_catalog.pg_largeobject'::regclass)) AS most
