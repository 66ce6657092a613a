-- The last dependency that is recorded, how many there are, and how many of those that there were at an earlier look, when the last one was $1.
SELECT coalesce(max(d.id), 0)::int8 AS last, count(*) AS rows, count(*) FILTER (WHERE d.id <= $1) AS rows_then FROM pggit.dependencies d
