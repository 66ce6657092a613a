//! Contents: pieces, limits, digests, and files that change while they are read.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::{Ask, Rules, Told};
use super::{Error, Files, Ground, code, denied, output};
use crate::grants::error::Limit;

#[tokio::test]
async fn a_piece_ends_at_the_end_of_the_file() {
    let mut ground = Ground::new();
    ground.write("f", "0123456789");
    let cases: [(u64, u32, &[u8]); 8] = [
        (0, 4, b"0123"),
        (4, 4, b"4567"),
        (8, 4, b"89"),
        (10, 4, b""),
        (11, 4, b""),
        (u64::MAX, u32::MAX, b""),
        (0, 0, b""),
        (0, u32::MAX, b"0123456789"),
    ];
    for (offset, length, piece) in cases {
        assert_eq!(ground.read_part("f", offset, length).await.unwrap(), piece, "{length} from {offset}");
    }
    assert_eq!(code(ground.read("none").await), "ENOENT");
    assert_eq!(code(ground.read("f/below").await), "ENOTDIR");
    assert_eq!(code(ground.read("").await), "EISDIR");
}

#[tokio::test]
async fn a_run_reads_no_more_than_its_bytes() {
    let mut ground = Ground::new();
    ground.write("f", vec![b'x'; 1000]);
    ground.run = Files::new(1500);
    assert_eq!(ground.read("f").await.unwrap().len(), 1000);
    assert_eq!(ground.read("f").await, Err(Error::LimitExceeded(Limit::Bytes)));
    // What is left can still be had, and the end of a file costs nothing.
    assert_eq!(ground.read_part("f", 500, 500).await.unwrap().len(), 500);
    assert_eq!(ground.read_part("f", 0, 1).await, Err(Error::LimitExceeded(Limit::Bytes)));
    assert_eq!(ground.read_part("f", 1000, 1).await.unwrap(), b"");
}

#[tokio::test]
async fn a_large_sparse_file_takes_no_memory_that_the_run_may_not_have() {
    let mut ground = Ground::new();
    File::create(ground.inside("f")).unwrap().set_len(1 << 40).unwrap();
    ground.run = Files::new(16 << 20);
    assert_eq!(ground.read("f").await, Err(Error::LimitExceeded(Limit::Bytes)));
    assert_eq!(ground.read_part("f", (1 << 40) - 3, 100).await.unwrap(), [0; 3]);
}

#[tokio::test]
async fn the_digest_is_that_of_sha256sum() {
    let mut ground = Ground::new();
    ground.write("empty", "");
    ground.write("f", (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    for path in ["empty", "f"] {
        let truth = output(Command::new("sha256sum").arg(ground.inside(path)));
        assert_eq!(Some(ground.sha256(path).await.unwrap().as_str()), truth.split_whitespace().next());
    }
}

#[tokio::test]
async fn a_digest_has_a_cap_on_size_and_on_time() {
    let rules = Rules { max_hash: 1 << 40, timeout: Duration::from_millis(100), ..Rules::default() };
    let mut ground = Ground::with(rules);
    File::create(ground.inside("large")).unwrap().set_len((1 << 40) + 1).unwrap();
    File::create(ground.inside("slow")).unwrap().set_len(1 << 40).unwrap();
    assert!(denied(ground.sha256("large").await).contains("`max_hash` under [files.backups]"));
    let answer = ground.sha256("slow").await;
    assert!(
        matches!(&answer, Err(Error::TimedOut(why)) if why.contains("100ms") && why.contains("`timeout` under")),
        "{answer:?}"
    );
    // The thread looks at its clock and comes back: the directory does not count as hanging.
    while ground.directory.gate.threads() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(ground.metadata("slow").await.unwrap().size, 1 << 40);
}

#[tokio::test]
async fn a_file_that_grows_while_it_is_hashed_has_no_digest() {
    let mut ground = Ground::new();
    ground.write("f", vec![0; 32 << 20]);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (mut file, stop) = (fs::OpenOptions::new().append(true).open(ground.inside("f")).unwrap(), stop.clone());
        move || {
            while !stop.load(Ordering::Relaxed) {
                file.write_all(b"more").unwrap();
            }
        }
    });
    let answer = ground.sha256("f").await;
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert_eq!(code(answer), "changed");
    assert_eq!(ground.sha256("f").await.unwrap().len(), 64);
}

#[tokio::test]
async fn a_file_that_is_truncated_while_it_is_read_ends_early() {
    const FULL: u64 = 8 << 20;
    let mut ground = Ground::new();
    ground.write("f", "");
    let stop = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (file, stop) = (fs::OpenOptions::new().write(true).open(ground.inside("f")).unwrap(), stop.clone());
        move || {
            while !stop.load(Ordering::Relaxed) {
                file.set_len(FULL).unwrap();
                file.set_len(10).unwrap();
            }
        }
    });
    let mut lengths = Vec::new();
    for _ in 0..300 {
        let piece = ground.read_part("f", 0, u32::MAX).await.unwrap();
        ground.rerun();
        assert!(piece.iter().all(|byte| *byte == 0));
        lengths.push(piece.len() as u64);
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(lengths.iter().all(|length| (0..=FULL).contains(length)));
    assert!(lengths.iter().any(|length| *length < FULL), "never truncated in time");
}

#[tokio::test]
async fn free_space_agrees_with_df() {
    let mut ground = Ground::new();
    let columns = "--output=size,itotal,avail,iavail";
    let df = output(Command::new("df").args(["-B1", columns]).arg(ground.inside("")));
    let truth: Vec<u64> = df.lines().last().unwrap().split_whitespace().map(|figure| figure.parse().unwrap()).collect();
    let Told::FreeSpace(space) = ground.ask(Ask::FreeSpace { directory: "backups".to_owned() }).await.unwrap() else {
        panic!()
    };
    assert_eq!([space.total, space.inodes_total], truth[..2]);
    // Others write to the same disk meanwhile.
    let near = |ours: u64, theirs: u64, total: u64| ours.abs_diff(theirs) <= total / 50;
    assert!(near(space.available, truth[2], space.total), "{space:?} {df}");
    assert!(near(space.inodes_available, truth[3], space.inodes_total), "{space:?} {df}");
}

#[test]
fn calls_and_answers_come_back_from_json() {
    let ask = Ask::Read { directory: "d".to_owned(), path: "p".to_owned(), offset: u64::MAX, length: 1 };
    let json = serde_json::to_string(&ask).unwrap();
    assert_eq!(json, r#"{"read":{"directory":"d","path":"p","offset":18446744073709551615,"length":1}}"#);
    assert_eq!(serde_json::from_str::<Ask>(&json).unwrap(), ask);
    for bytes in [b"text".to_vec(), b"\xff\x00".to_vec()] {
        let told = Told::Read(bytes);
        let json = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Told>(&json).unwrap(), told, "{json}");
    }
}
