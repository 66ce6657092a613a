-- With WAL that is written meanwhile: at least what checkpoints are allowed to let stand.
SELECT sum(pg_catalog.pg_database_size(oid))::bigint AS database,
       (sum(pg_catalog.pg_database_size(oid)) + pg_catalog.pg_size_bytes(current_setting('max_wal_size')))::bigint AS most
  FROM pg_catalog.pg_database
