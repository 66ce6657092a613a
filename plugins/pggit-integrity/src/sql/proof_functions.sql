-- Which of pgGit's own checks are there; a body tells one that works from one that always fails.
SELECT n.nspname || '.' || p.proname AS name, md5(p.prosrc) AS fingerprint
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.pronargs = 0 AND n.nspname || '.' || p.proname IN ('pggit.health_check', 'pggit_v0.validate_data_integrity', 'pggit_v0.check_for_alerts',
    'pggit_v0.detect_anomalies', 'pggit_audit.validate_audit_integrity')
ORDER BY 1
