-- A table with its indexes and its TOAST table. Those with the most reads ever: what reads much now is among them, or new.
SELECT relid::int8 AS id, schemaname, relname, hits, reads
FROM (SELECT relid, schemaname, relname,
             COALESCE(heap_blks_hit, 0) + COALESCE(idx_blks_hit, 0) + COALESCE(toast_blks_hit, 0) + COALESCE(tidx_blks_hit, 0) AS hits,
             COALESCE(heap_blks_read, 0) + COALESCE(idx_blks_read, 0) + COALESCE(toast_blks_read, 0) + COALESCE(tidx_blks_read, 0) AS reads
      FROM pg_statio_user_tables) AS t
WHERE reads > 0
ORDER BY reads DESC, relid
LIMIT 200
