-- Changes per author in so many days, and whether somebody is new.
SELECT h.created_by AS author, count(*) AS changes, count(*) FILTER (WHERE h.change_type = 'DROP') AS drops,
    NOT EXISTS (SELECT 1 FROM pggit.history e WHERE e.created_by = h.created_by AND e.created_at < now()::timestamp - make_interval(days => $1::int)) AS new
FROM pggit.history h WHERE h.created_at >= now()::timestamp - make_interval(days => $1::int)
GROUP BY h.created_by ORDER BY 2 DESC, 1 LIMIT 100
