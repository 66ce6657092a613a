-- Parents of commits, in the layout with arrays.
SELECT c.commit_sha AS child, p.sha AS parent FROM pggit_v0.commit_graph c, unnest(c.parent_shas) AS p(sha) WHERE p.sha IS NOT NULL
