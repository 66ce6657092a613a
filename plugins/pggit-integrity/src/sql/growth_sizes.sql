-- Bytes of pgGit's tables with their indexes, and of the database.
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::int8 AS pggit, pg_database_size(current_database()) AS database
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname ~ '^pggit(_|$)' AND c.relkind IN ('r', 'm', 'S')
