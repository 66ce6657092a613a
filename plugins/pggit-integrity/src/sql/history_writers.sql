-- Transactions that write to the history now: their rows may have lower numbers than those that are there.
SELECT count(*) AS writers FROM pg_locks l
WHERE l.locktype = 'relation' AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND l.relation = to_regclass('pggit.history') AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
