-- Changes per day on which there were some, of the last three months; the day by the server's time zone.
SELECT to_char(h.created_at, 'YYYY-MM-DD') AS day, count(*) AS changes, count(*) FILTER (WHERE h.change_type = 'DROP') AS drops,
    h.created_at::date > now()::date - $1::int AS recent
FROM pggit.history h WHERE h.created_at >= now()::timestamp - interval '90 days' GROUP BY 1, 4 ORDER BY 1
