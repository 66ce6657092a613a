//! Listings: order, pages, names that are not UTF-8, and directories that change.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use super::super::Rules;
use super::{Error, Files, Ground, code};
use crate::grants::error::Limit;

/// Every entry's path, page by page.
async fn all(ground: &mut Ground, path: &str) -> Vec<Vec<String>> {
    let (mut pages, mut after) = (Vec::new(), None::<String>);
    loop {
        let listing = ground.page(path, after.as_deref()).await.unwrap();
        after = listing.entries.last().map(|entry| entry.path.rsplit('/').next().unwrap().to_owned());
        pages.push(listing.entries.into_iter().map(|entry| entry.path).collect());
        if !listing.more {
            return pages;
        }
    }
}

#[tokio::test]
async fn entries_come_in_byte_order_without_those_below() {
    let mut ground = Ground::new();
    for path in ["d/b", "d/Z", "d/ä", "d/a/below", "d/a.b", "d/-"] {
        ground.write(path, "");
    }
    assert_eq!(all(&mut ground, "d").await, [["d/-", "d/Z", "d/a", "d/a.b", "d/b", "d/ä"]]);
    assert_eq!(all(&mut ground, "").await, [["d"]]);
    // After a name that is not there (any more).
    assert_eq!(ground.page("d", Some("aa")).await.unwrap().entries.len(), 2);
    assert_eq!(code(ground.page("none", None).await), "ENOENT");
    assert_eq!(code(ground.page("d/b", None).await), "ENOTDIR");
}

#[tokio::test]
async fn names_that_are_not_utf8_are_left_out_and_counted() {
    let mut ground = Ground::new();
    ground.write("good", "");
    for name in [&b"\xff"[..], b"a\xc3", b"\xed\xa0\x80"] {
        fs::write(ground.inside("").join(OsStr::from_bytes(name)), "").unwrap();
    }
    let listing = ground.page("", None).await.unwrap();
    assert_eq!((listing.entries.len(), listing.more, listing.skipped), (1, false, 3));
}

#[tokio::test]
async fn a_hundred_thousand_entries_come_in_pages() {
    let mut ground = Ground::new();
    let mut names: Vec<String> = (0..100_000).map(|number| format!("{:06}", (number * 7919) % 100_003)).collect();
    for name in &names {
        fs::File::create(ground.inside(name)).unwrap();
    }
    names.sort_unstable();
    let pages = all(&mut ground, "").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10_000; 10]);
    assert_eq!(pages.concat(), names);
}

#[tokio::test]
async fn listings_count_against_the_runs_bytes() {
    let mut ground = Ground::with(Rules { max_entries: 10, ..Rules::default() });
    for number in 0..25 {
        ground.write(&format!("{number:02}"), "");
    }
    ground.run = Files::new(2 * 10 * (2 + 32));
    assert_eq!(ground.page("", None).await.unwrap().entries.len(), 10);
    assert!(ground.page("", Some("09")).await.unwrap().more);
    assert_eq!(ground.page("", Some("19")).await, Err(Error::LimitExceeded(Limit::Bytes)));
}

#[tokio::test]
async fn entries_that_go_away_meanwhile_are_no_error() {
    let mut ground = Ground::with(Rules { max_entries: 3, ..Rules::default() });
    ground.write("stays", "");
    let (directory, stop) = (ground.inside(""), std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let churn = std::thread::spawn({
        let stop = stop.clone();
        move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                for number in 0..20 {
                    fs::write(directory.join(number.to_string()), "").unwrap();
                }
                for number in 0..20 {
                    fs::remove_file(directory.join(number.to_string())).unwrap();
                }
            }
        }
    });
    for _ in 0..300 {
        let pages = all(&mut ground, "").await;
        assert_eq!(pages.concat().last().map(String::as_str), Some("stays"));
        assert!(pages.iter().all(|page| page.len() <= 3));
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    churn.join().unwrap();
}

#[tokio::test]
async fn a_run_keeps_the_directory_that_it_opened() {
    let mut ground = Ground::new();
    ground.write("old", "old");
    assert_eq!(all(&mut ground, "").await, [["old"]]);
    fs::rename(ground.inside(""), ground.outside("moved")).unwrap();
    ground.write("new", "new");
    assert_eq!(ground.read("old").await.unwrap(), b"old");
    assert_eq!(code(ground.read("new").await), "ENOENT");
    ground.rerun();
    assert_eq!(all(&mut ground, "").await, [["new"]]);
}

#[tokio::test]
async fn a_directory_that_is_removed_is_an_error_and_not_an_empty_one() {
    let mut ground = Ground::new();
    assert!(ground.page("", None).await.unwrap().entries.is_empty());
    fs::remove_dir(ground.inside("")).unwrap();
    assert_eq!(code(ground.page("", None).await), "ENOENT");
    ground.rerun();
    let answer = ground.page("", None).await;
    assert!(matches!(&answer, Err(Error::Unreachable(why)) if why.contains("No such file")), "{answer:?}");
}
