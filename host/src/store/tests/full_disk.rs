//! A disk without room: the agent goes on, counts what it cannot record, and says so afterwards.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

/// From now on, no file of this process grows beyond `bytes`: writing there fails, as on a full disk.
fn let_files_grow_to(bytes: Option<u64>) {
    let hard = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(hard), maximum: hard }).unwrap();
}

fn large(n: i64) -> RunEnd {
    let detail = Some("x".repeat(300_000));
    end(n + 1, reported(vec![Finding { detail, ..finding("lag", Status::Ok) }]))
}

async fn lose_and_recover(state_dir: &Path) {
    let store = StoreHandle::start(Store::open(state_dir).unwrap()).unwrap();
    let loss = store.loss();
    let first = store.begin_run(start("a", 0)).await;
    store.finish_run(first, end(1, reported(Vec::new())), vec![keep("k", b"before")]).await.unwrap();
    assert_eq!(*loss.borrow(), None);

    // Room for a beginning, not for the end.
    let log = fs::metadata(state_dir.join("pgreeve.db-wal")).unwrap().len();
    let_files_grow_to(Some(log + 100_000));
    for n in [10, 20] {
        let run = store.begin_run(start("a", n)).await;
        run.id().unwrap();
        let error = store.finish_run(run, large(n), vec![keep("k", b"lost")]).await.unwrap_err();
        assert!(error.to_string().contains("could not record"), "{error}");
    }
    // Room for nothing.
    let_files_grow_to(Some(0));
    let run = store.begin_run(start("a", 30)).await;
    run.id().unwrap_err();
    store.finish_run(run, large(30), Vec::new()).await.unwrap_err();
    store.record_run(start("b", 40), large(40), Vec::new()).await.unwrap_err();
    let lost = loss.borrow().clone().unwrap();
    assert_eq!((lost.runs, lost.since, lost.until), (4, at(10), at(41)));
    assert!(lost.error.contains("file system"), "{}", lost.error);
    // Everything else is still answered.
    assert_eq!(store.call(|store| store.memory("a")).await.unwrap()["k"], b"before");
    assert!(store.call(|store| store.set_note("n", "v", at(0))).await.is_err());

    // The run begins without room and ends with it: recorded whole.
    let run = store.begin_run(start("a", 50)).await;
    run.id().unwrap_err();
    let_files_grow_to(None);
    store.finish_run(run, large(50), vec![keep("k", b"after")]).await.unwrap();
    assert_eq!(*loss.borrow(), None);
    assert_eq!(store.call(|store| store.gaps(None)).await.unwrap(), [lost]);
    store.close().await;
}

#[test]
fn a_full_disk_costs_the_runs_that_it_names_and_nothing_else() {
    if let Some(state_dir) = other_part() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(lose_and_recover(&state_dir));
        println!("\ndone 1");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let name = "a_full_disk_costs_the_runs_that_it_names_and_nothing_else";
    let mut agent = Other::spawn(other_process(module_path!(), name, dir.path()));
    assert_eq!(agent.next("done "), Some(1), "the agent's side failed, see its output");

    let mut store = Store::open(dir.path()).unwrap();
    assert_sound(&store);
    assert_eq!(store.mark_interrupted(at(99)).unwrap(), 0, "runs of the gap stayed under way");
    let starts: Vec<_> = store.runs(&everything()).unwrap().iter().map(|run| run.start.started).collect();
    assert_eq!(starts, [at(50), at(0)]);
    assert_eq!(store.memory("a").unwrap()["k"], b"after");
    assert_eq!(store.last_runs().unwrap().len(), 1);
}

async fn start_without_room(state_dir: &Path) {
    let mut former = Store::open(state_dir).unwrap();
    former.begin_run(&start("a", 0)).unwrap();
    drop(former);
    let_files_grow_to(Some(0));
    let error = Store::open(state_dir).unwrap_err();
    assert!(error.is_file_system_failure(), "{error}");

    let store = StoreHandle::start_without_store(state_dir).unwrap();
    let run = store.begin_run(start("a", 10)).await;
    assert!(run.id().unwrap_err().is_file_system_failure());
    store.finish_run(run, large(10), Vec::new()).await.unwrap_err();
    assert!(store.call(|store| store.memory("a")).await.is_err());
    assert_eq!(store.loss().borrow().as_ref().unwrap().runs, 1);

    let_files_grow_to(None);
    let run = store.begin_run(start("a", 20)).await;
    run.id().unwrap();
    store.finish_run(run, large(20), Vec::new()).await.unwrap();
    assert_eq!(*store.loss().borrow(), None);
    store.close().await;
}

#[test]
fn an_agent_starts_on_a_full_disk_and_has_its_history_back_with_the_room() {
    if let Some(state_dir) = other_part() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(start_without_room(&state_dir));
        println!("\ndone 1");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let name = "an_agent_starts_on_a_full_disk_and_has_its_history_back_with_the_room";
    let mut agent = Other::spawn(other_process(module_path!(), name, dir.path()));
    assert_eq!(agent.next("done "), Some(1), "the agent's side failed, see its output");

    let store = Store::open_reader(dir.path()).unwrap();
    let runs = store.runs(&everything()).unwrap();
    let story: Vec<_> = runs.iter().map(|run| (run.start.started, run.end.as_ref().unwrap().outcome.word())).collect();
    assert_eq!(story, [(at(20), "reported"), (at(0), "interrupted")]);
    let gaps: Vec<_> = store.gaps(None).unwrap().iter().map(|gap| (gap.since, gap.until, gap.runs)).collect();
    assert_eq!(gaps, [(at(10), at(11), 1)]);
}

#[test]
fn a_closed_store_answers_with_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = StoreHandle::start(Store::open(dir.path()).unwrap()).unwrap();
        let run = store.begin_run(start("a", 0)).await;
        store.clone().close().await;
        assert!(!dir.path().join("pgreeve.db-wal").exists(), "the file is closed when close returns");
        assert!(matches!(store.finish_run(run, large(0), Vec::new()).await, Err(StoreError::Closed)));
    });
}
