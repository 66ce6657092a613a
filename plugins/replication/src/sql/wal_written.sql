-- When WAL was last written here: survives a restart, which pg_stat_wal_receiver does not.
SELECT extract(epoch FROM clock_timestamp() - max(modification))::float8 AS age FROM pg_ls_waldir()
