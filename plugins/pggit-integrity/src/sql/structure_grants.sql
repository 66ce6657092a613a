-- What everybody may take away from pgGit's tables. An install of v0.2.1 itself grants INSERT and UPDATE to PUBLIC, and all of backup_tags.
SELECT n.nspname || '.' || c.relname AS relation, string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS privileges
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(c.relacl) AS a
WHERE n.nspname ~ '^pggit(_|$)' AND c.relname <> 'backup_tags' AND c.relkind IN ('r', 'p') AND a.grantee = 0 AND a.privilege_type IN ('DELETE', 'TRUNCATE')
  -- Without USAGE on the schema nobody gets that far.
  AND EXISTS (SELECT 1 FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS s WHERE s.grantee = 0 AND s.privilege_type = 'USAGE')
GROUP BY 1 ORDER BY 1
