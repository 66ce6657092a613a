-- What is checked out: a ref, or in one layout a commit.
SELECT h.ref_name AS ref, to_jsonb(h) ->> 'direct_sha' AS direct FROM pggit_v0.head h
