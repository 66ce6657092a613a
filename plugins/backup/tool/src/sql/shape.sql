-- Column names of pg_database differ between majors: from 15 datlocprovider and daticulocale, from 16 daticurules, from 17 datlocale.
SELECT pg_catalog.pg_encoding_to_char(d.encoding) AS encoding,
       d.datcollate::text AS collate,
       d.datctype::text AS ctype,
       coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') AS provider,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,
       to_jsonb(d) ->> 'daticurules' AS icu_rules
  FROM pg_catalog.pg_database AS d
 WHERE d.datname = current_database()
