//! Somebody who owns the directory swaps what stands at a path, as fast as the kernel can, while it is read.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use rustix::fs::{CWD, FileType, RenameFlags, renameat_with};

use super::kinds::{has_reader, node};
use super::{Error, Ground};

const ROUNDS: u32 = 5_000;

/// A thread that does something over and over.
struct Adversary {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Adversary {
    fn new(mut act: impl FnMut() + Send + 'static) -> Self {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let thread = std::thread::spawn({
            let (stop, count) = (stop.clone(), count.clone());
            move || {
                while !stop.load(Ordering::Relaxed) {
                    act();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { stop, count, thread }
    }

    fn swapping(one: PathBuf, other: PathBuf) -> Self {
        Self::new(move || renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap())
    }

    /// How often it did it. Panics with it.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.count.load(Ordering::Relaxed)
    }
}

/// Reads a path over and over: how often it was what stands inside, and how often it was denied. Nothing else may ever come back.
async fn read_often(ground: &mut Ground, path: &str) -> (u32, u32) {
    let (mut inside, mut denied) = (0, 0);
    for _ in 0..ROUNDS {
        match ground.read(path).await {
            Ok(bytes) if bytes == b"inside" => inside += 1,
            Err(Error::Denied(_)) => denied += 1,
            other => panic!("{other:?}"),
        }
    }
    (inside, denied)
}

#[tokio::test]
async fn a_directory_swapped_with_a_link_never_leads_out() {
    let mut ground = Ground::new();
    ground.write("d/f", "inside");
    ground.link("../outside", "link");
    let adversary = Adversary::swapping(ground.inside("d"), ground.inside("link"));
    let (inside, denied) = read_often(&mut ground, "d/f").await;
    let swaps = adversary.stop();
    assert!(inside > 0 && denied > 0 && swaps > 1000, "no race: {inside} read, {denied} denied, {swaps} swaps");
}

#[tokio::test]
async fn a_file_swapped_with_a_link_never_leads_out() {
    let mut ground = Ground::new();
    ground.write("f", "inside");
    ground.link("../outside/f", "link");
    let adversary = Adversary::swapping(ground.inside("f"), ground.inside("link"));
    let (inside, denied) = read_often(&mut ground, "f").await;
    let swaps = adversary.stop();
    assert!(inside > 0 && denied > 0 && swaps > 1000, "no race: {inside} read, {denied} denied, {swaps} swaps");
}

#[tokio::test]
async fn a_file_swapped_with_a_fifo_is_never_opened_as_one() {
    let mut ground = Ground::new();
    ground.write("f", "inside");
    node(&ground.inside("fifo"), FileType::Fifo, 0);
    // By a name of its own that stays, for the watcher.
    fs::hard_link(ground.inside("fifo"), ground.outside("fifo")).unwrap();
    let watched = ground.outside("fifo");
    let watcher = Adversary::new(move || assert!(!has_reader(&watched), "the FIFO was opened"));
    let adversary = Adversary::swapping(ground.inside("f"), ground.inside("fifo"));
    let (inside, denied) = read_often(&mut ground, "f").await;
    let (swaps, looks) = (adversary.stop(), watcher.stop());
    assert!(inside > 0 && denied > 0 && swaps > 1000 && looks > 1000, "no race: {inside}, {denied}, {swaps}, {looks}");
}

/// The kernel gives up a look-up with `..` in it when a directory is renamed anywhere at that moment; it is repeated.
#[tokio::test]
async fn renames_elsewhere_do_not_break_links_with_parents_in_them() {
    let mut ground = Ground::new();
    ground.write("f", "inside");
    ground.write("a/b/x", "");
    ground.link("../../f", "a/b/up");
    for path in ["one/x", "two/x"] {
        ground.write(path, "");
    }
    let adversary = Adversary::swapping(ground.inside("one"), ground.inside("two"));
    let (inside, _) = read_often(&mut ground, "a/b/up").await;
    assert!(adversary.stop() > 1000);
    assert_eq!(inside, ROUNDS);
}
