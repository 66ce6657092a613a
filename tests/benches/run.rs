//! What a run costs without input and output, against bare wasmtime with the same engine; and how soon a plugin is ready.
//! `make bench`, or `cargo bench -p pgreeve-tests --bench run` after `make build`.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

mod pairs;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use pgreeve::contract::PluginPre;
use pgreeve::contract::pgreeve::plugin::report::{Cause as GuestCause, Context};
use pgreeve::engine::{self, Room};
use pgreeve::grants::{Granted, memory::Memory, transcript::Mode};
use pgreeve::limits::Limits;
use pgreeve::plugin::cache::{Cache, component_from};
use pgreeve::plugin::{Loader, Source};
use pgreeve::report::{Cause, Outcome};
use pgreeve::run::{self, Request};
use wasmtime::Store;
use wasmtime::component::Linker;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let plugins = pgreeve_tests::agent::plugins();
        let (engine, allocation) = engine::start(Room { runs: 4, memory: 64 << 20 }).unwrap();
        println!("engine: {allocation:?}");

        let source = Source::read(&plugins.join("quiet.wasm"), None).unwrap();
        let code = engine.precompile_component(&source.bytes).unwrap();
        let component = component_from(&engine, &code).unwrap();
        let pre = PluginPre::new(Linker::<()>::new(&engine).instantiate_pre(&component).unwrap()).unwrap();
        let plugin = pairs::load(&engine, &source).await;
        let granted = Arc::new(Granted { job: "bench".into(), ..Granted::default() });
        let context = Context {
            job: "bench".into(),
            now: 0,
            cause: GuestCause::Manual,
            settings: "{}".into(),
            grants: Vec::new(),
            outcomes: Vec::new(),
        };
        let ours = async || {
            let request = Request {
                cause: Cause::Manual,
                now: Timestamp::UNIX_EPOCH,
                settings: "{}".into(),
                granted: granted.clone(),
                limits: Limits::default(),
                stop: None,
                role: None,
                mode: Mode::Live,
                outcomes: Vec::new(),
            };
            let finished = run::once(&plugin, request, Memory::default()).await;
            assert!(matches!(finished.outcome, Outcome::Reported { .. }), "{:?}", finished.outcome);
        };
        let bare = async || {
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(u64::MAX / 2);
            let instance = pre.instantiate_async(&mut store).await.unwrap();
            instance.call_run(&mut store, &context).await.unwrap().unwrap();
        };
        let pairs = pairs::compare(5_000, ours, bare).await;
        println!(
            "run without I/O: {:.1?} by pgreeve, {:.1?} by bare wasmtime, ratio {:.2}",
            pairs.first, pairs.second, pairs.ratio
        );

        let source = Source::read(&plugins.join("replication.wasm"), None).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(&directory.path().join("cache")).unwrap();
        let began = Instant::now();
        let code = engine.precompile_component(&source.bytes).unwrap();
        println!("compile replication.wasm ({} KiB): {:.0?}", source.bytes.len() / 1024, began.elapsed());
        cache.put(&engine, source.digest, &code).unwrap();
        let loader = Loader::new(engine, Some(cache)).unwrap();
        let mut times = Vec::new();
        for _ in 0..200 {
            let began = Instant::now();
            loader.load(&source).await.unwrap();
            times.push(began.elapsed());
        }
        times.sort();
        println!("ready from the cache, manifest asked and checked: {:.2?}", times[times.len() / 2]);
    });
}
