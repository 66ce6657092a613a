-- Statements that pgGit recorded of one object and that changed another as well: a partition that was detached keeps columns and indexes that were never
-- recorded as its own, and a renamed object leaves its old name behind. Names as they were typed.
SELECT DISTINCT 'detached' AS what, lower(m[1]) AS name
FROM pggit.history h CROSS JOIN LATERAL regexp_matches(h.sql_executed, 'detach\s+partition\s+([^\s;]+)', 'gi') AS m
WHERE h.sql_executed ILIKE '%detach%partition%'
UNION
SELECT 'renamed', lower(m[1])
FROM pggit.history h
CROSS JOIN LATERAL regexp_matches(h.sql_executed, 'alter\s+(?:table|view|index)\s+(?:if\s+exists\s+)?(?:only\s+)?([^\s;]+)\s+(?:rename\s+to|set\s+schema)', 'gi') AS m
WHERE h.sql_executed ILIKE '%rename%to%' OR h.sql_executed ILIKE '%set%schema%'
LIMIT 5000
