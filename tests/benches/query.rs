//! What a check with one query costs, against the same query by tokio-postgres alone; both connect, ask and close, over a Unix socket.
//! `make bench`, or `cargo bench -p pgreeve-tests --bench query` after `make build`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod pairs;

use std::sync::Arc;

use jiff::Timestamp;
use pgreeve::engine::{self, Room};
use pgreeve::grants::{Granted, memory::Memory, postgres, transcript::Mode};
use pgreeve::limits::Limits;
use pgreeve::plugin::Source;
use pgreeve::report::{Cause, Status};
use pgreeve::run::{self, Request};
use pgreeve_tests::testbed::{Options, Server, available};
use tokio_postgres::NoTls;

const QUERY: &str = "select count(*)::text as answer from pg_stat_activity";

fn main() {
    let server = Server::start(available().swap_remove(0), &Options::default());
    server.create_roles();
    let dsn = server.dsn("observer", "postgres");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (engine, _) = engine::start(Room { runs: 4, memory: 64 << 20 }).unwrap();
        let source = Source::read(&pgreeve_tests::agent::plugins().join("one-query.wasm"), None).unwrap();
        let plugin = pairs::load(&engine, &source).await;
        let target = postgres::Target::parse(&dsn, "observer").unwrap();
        let scope = Arc::new(postgres::Scope::new("main", target));
        let granted = Arc::new(Granted { job: "bench".into(), postgres: vec![scope], ..Granted::default() });
        let ours = async || {
            let request = Request {
                cause: Cause::Manual,
                now: Timestamp::UNIX_EPOCH,
                settings: format!("{{\"query\": {QUERY:?}}}").into(),
                granted: granted.clone(),
                limits: Limits::default(),
                stop: None,
                role: None,
                mode: Mode::Live,
                outcomes: Vec::new(),
            };
            let finished = run::once(&plugin, request, Memory::default()).await;
            assert_eq!(finished.outcome.status(), Some(Status::Ok), "{:?}", finished.outcome);
        };
        let bare = async || {
            let (client, connection) = tokio_postgres::connect(&dsn, NoTls).await.unwrap();
            let driver = tokio::spawn(connection);
            let row = client.query_one(QUERY, &[]).await.unwrap();
            assert!(!row.get::<_, String>(0).is_empty());
            drop(client);
            driver.await.unwrap().unwrap();
        };
        let pairs = pairs::compare(500, ours, bare).await;
        println!(
            "check with one query: {:.2?} by pgreeve, {:.2?} by tokio-postgres alone, ratio {:.2}",
            pairs.first, pairs.second, pairs.ratio
        );
    });
}
