-- The roles that the login is, inherits from or could become, each with the membership of the login's own through which it does, and who granted
-- that; none where it is the login itself. From 16 on a membership may give nothing at all: neither what the role has, nor SET ROLE, nor the right
-- to give it on.
WITH RECURSIVE reached AS (
    SELECT oid AS role, NULL::oid AS via, NULL::oid AS by FROM pg_roles WHERE rolname = session_user
    UNION
    SELECT m.roleid, COALESCE(r.via, m.roleid), COALESCE(r.by, m.grantor) FROM pg_auth_members m JOIN reached r ON r.role = m.member
    WHERE COALESCE((to_jsonb(m) ->> 'inherit_option')::bool OR (to_jsonb(m) ->> 'set_option')::bool, true) OR m.admin_option),
mine AS (SELECT DISTINCT ON (role) role, via, by FROM reached ORDER BY role, via NULLS FIRST, by),
here AS (SELECT oid AS dbid, datdba AS owner FROM pg_database WHERE datname = current_database())
