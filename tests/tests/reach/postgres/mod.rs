//! SQL that would write, escape, linger or exhaust; and a superuser's independent look at what it left.

mod escapes;
mod exhaustion;
mod sessions;
mod state;

use pgreeve_tests::testbed::{Major, Options, Server};
use serde_json::{Value, json};

/// A server with something to lose: rows, a sequence, a large object, and functions of a superuser that the login may call.
fn server(major: Major) -> Server {
    let server = Server::start(major, &Options { settings: &[("max_connections", "20")], ..Options::default() });
    server.create_roles();
    server.exec(
        "CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2), (3); GRANT ALL ON t TO observer; \
         CREATE TABLE secret (x text); INSERT INTO secret VALUES ('the crown jewels'); \
         CREATE SEQUENCE s; GRANT ALL ON s TO observer; GRANT ALL ON SCHEMA public TO observer; \
         CREATE PROCEDURE p() LANGUAGE sql AS 'DELETE FROM public.t'; \
         CREATE FUNCTION writes() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM public.t'; \
         CREATE FUNCTION unlocks() RETURNS void LANGUAGE plpgsql SECURITY DEFINER \
           AS 'BEGIN SET LOCAL transaction_read_only = off; DELETE FROM public.t; END'; \
         CREATE FUNCTION ends() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN COMMIT; DELETE FROM public.t; END'; \
         CREATE FUNCTION tries() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS \
           'BEGIN BEGIN DELETE FROM public.t; EXCEPTION WHEN OTHERS THEN NULL; END; PERFORM set_config(''transaction_read_only'', ''off'', true); DELETE FROM public.t; END'; \
         CREATE FUNCTION makes() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN CREATE TEMP TABLE u (x int); END'",
    );
    server.exec("SELECT lo_create(4711); GRANT ALL ON LARGE OBJECT 4711 TO observer");
    server
}

/// `[postgres.main]` for the role `observer`.
fn scope(server: &Server, more: &str) -> String {
    format!("[postgres.main]\ndsn = {:?}\n{more}\n", server.dsn("observer", "postgres"))
}

const MAIN: &str = "postgres = [\"main\"]";

fn query(sql: &str) -> Value {
    json!({ "ask": "query", "name": "main", "sql": sql })
}
