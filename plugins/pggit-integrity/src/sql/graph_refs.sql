-- Refs, with what they point at.
SELECT r.name, coalesce(r.target_sha, '') AS target, r.type AS kind, o.type AS target_kind FROM pggit_v0.refs r LEFT JOIN pggit_v0.objects o ON o.sha = r.target_sha ORDER BY r.name
