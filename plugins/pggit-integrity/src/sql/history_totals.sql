-- How far the history goes, and how many objects say that something happened to them.
SELECT (SELECT count(*) FROM pggit.history) AS rows, (SELECT max(h.id) FROM pggit.history h)::int8 AS last, (SELECT count(*) FROM pggit.objects o WHERE o.version > 1) AS changed
