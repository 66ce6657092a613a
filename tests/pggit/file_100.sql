-- Tables that pggit--1.0.0.sql makes and pggit--0.1.3.sql does not; after core.sql.
CREATE TABLE pggit.storage_tiers (id serial PRIMARY KEY, name text);
CREATE TABLE pggit.ai_ground_truth (id serial PRIMARY KEY, name text);
CREATE TABLE pggit.block_references (id serial PRIMARY KEY, name text);
