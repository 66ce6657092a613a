-- Rows that archiving would move: older than so many days, and not the newest of their object.
WITH newest AS (SELECT n.object_id, max(n.id) AS id FROM pggit.history n GROUP BY n.object_id)
SELECT count(*) AS rows FROM pggit.history h JOIN newest ON newest.object_id = h.object_id AND h.id < newest.id
WHERE h.created_at < now()::timestamp - make_interval(days => $1::int)
