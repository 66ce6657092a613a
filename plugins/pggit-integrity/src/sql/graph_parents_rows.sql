-- Parents of commits, in the layout with commit_parents.
SELECT p.commit_sha AS child, p.parent_sha AS parent FROM pggit_v0.commit_parents p
