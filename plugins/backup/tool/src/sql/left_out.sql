-- What a dump of this database does not hold, or holds in another state, besides rows of extensions.
SELECT 'foreign-rows-left-out' AS code, c.oid::regclass::text AS subject,
       'rows of a foreign table live on its server ' || s.srvname || '; back that up' AS detail
  FROM pg_catalog.pg_foreign_table AS f
  JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver
  JOIN pg_catalog.pg_class AS c ON c.oid = f.ftrelid
UNION ALL
SELECT 'subscriptions-disabled', s.subname, 'comes back disabled; enable it after a restore, when the old subscriber is gone for good'
  FROM pg_catalog.pg_subscription AS s
 WHERE s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
UNION ALL
SELECT 'prepared-transactions', p.gid, 'is prepared since ' || p.prepared || ' and not in the dump until it commits; COMMIT PREPARED or ROLLBACK PREPARED it'
  FROM pg_catalog.pg_prepared_xacts AS p
 WHERE p.database = current_database()
ORDER BY 1, 2
