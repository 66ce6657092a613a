-- A sum of hashes over ten thousand numbers each, archive included, up to $2; those up to $1 apart. A row that moved to the archive counts there.
WITH recorded AS (
    SELECT h.id, hashtextextended(ROW(h.id, h.object_id, h.change_type, h.change_severity, h.old_version, h.new_version, h.old_metadata, h.new_metadata, h.change_description, h.sql_executed,
        extract(epoch FROM h.created_at), h.created_by,
        h.commit_hash, h.branch_id, h.merge_base_hash, h.merge_resolution, h.old_hash, h.new_hash)::text, 0) AS hash
    FROM pggit.history h WHERE h.id <= $2
    /*archive UNION ALL
    SELECT a.id, hashtextextended(ROW(a.id, a.object_id, a.change_type, a.change_severity, a.old_version, a.new_version, a.old_metadata, a.new_metadata, a.change_description, a.sql_executed,
        extract(epoch FROM a.created_at), a.created_by,
        a.commit_hash, a.branch_id, a.merge_base_hash, a.merge_resolution, a.old_hash, a.new_hash)::text, 0)
    FROM pggit.history_archive a WHERE a.id <= $2*/
)
SELECT (r.id / 10000)::int8 AS block, r.id > $1 AS added, count(*) AS rows, sum(r.hash)::text AS hash FROM recorded r GROUP BY 1, 2 ORDER BY 1, 2
