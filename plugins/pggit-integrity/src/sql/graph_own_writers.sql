-- The last commit of pggit, transactions that write commits now (locks are read after the rows: who has a lower number and is not seen is either counted here or has
-- ended before the next statement), and the branches that there are.
SELECT coalesce((SELECT max(c.id) FROM pggit.commits c), 0)::int8 AS last, (SELECT count(*) FROM pg_locks l
    WHERE l.locktype = 'relation' AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND l.relation = to_regclass('pggit.commits') AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')) AS writers,
    coalesce((SELECT array_agg(b.id::int8) FROM pggit.branches b), '{}') AS branches
