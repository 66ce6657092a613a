-- Tables of pggit--0.1.3.sql that v0.2.1's script does not make; after core.sql.
CREATE TABLE pggit.deployment_plans (id serial PRIMARY KEY, name text);
CREATE TABLE pggit.branch_configs (id serial PRIMARY KEY, name text);
CREATE TABLE pggit.versioned_functions (id serial PRIMARY KEY, name text);
