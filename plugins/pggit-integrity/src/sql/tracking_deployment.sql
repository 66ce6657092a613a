SELECT m.deployment_name AS name, m.started_at AS since, m.started_by AS by, now() AS now
FROM pggit.deployment_state s LEFT JOIN pggit.deployment_mode m ON m.deployment_id = s.current_deployment_id
WHERE s.is_active
