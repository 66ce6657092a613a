-- Rows that are dated long before the row that was written before them, or into the future. What a transaction writes bears the time when it began, without a
-- time zone: so a day and two hours are nothing.
WITH dated AS (
    SELECT h.id, h.created_at, lag(h.id) OVER own AS earlier, lag(h.created_at) OVER own AS before FROM pggit.history h WINDOW own AS (ORDER BY h.id)
),
odd AS (
    SELECT d.id, CASE WHEN d.created_at > now()::timestamp + interval '26 hours' THEN 'future' ELSE 'back' END AS class, d.created_at, d.earlier, d.before
    FROM dated d
    WHERE d.created_at < d.before - interval '26 hours' OR d.created_at > now()::timestamp + interval '26 hours'
)
SELECT o.id::int8 AS id, o.class, to_char(o.created_at, 'YYYY-MM-DD HH24:MI') AS at, o.earlier::int8 AS earlier, to_char(o.before, 'YYYY-MM-DD HH24:MI') AS before, count(*) OVER () AS total
FROM odd o ORDER BY o.id LIMIT 20
