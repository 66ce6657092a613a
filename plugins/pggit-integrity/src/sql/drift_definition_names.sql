-- Names of views and functions, by the keys of drift_definitions.sql.
SELECT 'view ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE 2 * c.oid::int8 = ANY ($1::int8[])
UNION ALL
SELECT 'function ' || quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')'
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE 2 * p.oid::int8 + 1 = ANY ($1::int8[])
ORDER BY 1
