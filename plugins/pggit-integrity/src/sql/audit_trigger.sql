-- Triggers that keep rows of the compliance log from being updated (16) and deleted (8), and that fire.
SELECT coalesce(bit_or(t.tgtype::int4) FILTER (WHERE t.tgenabled IN ('O', 'A') AND t.tgtype & 2 <> 0), 0) & 24 = 24 AS kept
FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
WHERE t.tgrelid = to_regclass('pggit_audit.compliance_log') AND NOT t.tgisinternal AND f.proname = 'prevent_compliance_modification'
