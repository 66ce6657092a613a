-- Objects whose versions do not chain through the history and its archive: each row begins where the one before ended, the first one at 1, and the last one
-- ends where the object is, and says of it what the object says. Objects of branches other than main are copies that begin without a history. Rows without versions, as some of pgGit's functions write them, are no part of it.
WITH recorded AS (
    SELECT h.id, h.object_id, h.old_version, coalesce(h.new_version, h.old_version) AS version, h.change_type = 'DROP' AS drop FROM pggit.history h WHERE h.old_version IS NOT NULL OR h.new_version IS NOT NULL
    /*archive UNION ALL
    SELECT a.id, a.object_id, a.old_version, coalesce(a.new_version, a.old_version), a.change_type = 'DROP' FROM pggit.history_archive a WHERE a.old_version IS NOT NULL OR a.new_version IS NOT NULL*/
),
chain AS (
    SELECT r.object_id, r.id, r.old_version, r.version, r.drop, lag(r.version) OVER own AS before, row_number() OVER own AS nth,
        lead(r.id) OVER own IS NULL AS last
    FROM recorded r WINDOW own AS (PARTITION BY r.object_id ORDER BY r.id)
),
ends AS (
    SELECT c.object_id,
        bool_or(c.nth = 1 AND c.old_version IS DISTINCT FROM 1 AND c.old_version IS NOT NULL) AS start,
        bool_or(c.nth > 1 AND c.old_version IS DISTINCT FROM c.before) AS middle,
        max(c.version) FILTER (WHERE c.last) AS version, max(c.id) FILTER (WHERE c.last) AS last, bool_or(c.drop) AS dropped
    FROM chain c GROUP BY c.object_id
),
broken AS (
    SELECT o.id, o.object_type::text AS type, o.full_name AS name, o.version,
        CASE WHEN e.object_id IS NULL THEN 'all' WHEN e.version IS DISTINCT FROM o.version OR NOT o.is_active AND NOT e.dropped THEN 'end' WHEN e.start THEN 'start' WHEN e.middle THEN 'middle' ELSE 'object' END AS place
    FROM pggit.objects o LEFT JOIN ends e ON e.object_id = o.id LEFT JOIN pggit.history l ON l.id = e.last
    WHERE CASE WHEN e.object_id IS NULL THEN o.version > 1 AND coalesce(o.branch_name, 'main') = 'main'
        ELSE e.start AND coalesce(o.branch_name, 'main') = 'main' OR e.middle OR e.version IS DISTINCT FROM o.version
            -- Dropped, and no row says so; one that was made again stays marked as dropped.
            OR NOT o.is_active AND NOT e.dropped AND coalesce(o.branch_name, 'main') = 'main'
            OR l.change_type <> 'DROP' AND l.new_metadata <> o.metadata END
)
SELECT b.id::int8 AS id, b.type, b.name, b.place, count(*) OVER () AS total FROM broken b ORDER BY b.id LIMIT 1000
