//! Uploads: byte for byte, in their order, never over anything; and what is left of one that did not come to its end.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use pgreeve::grants::error::Error;
use pgreeve::grants::objects::{Placed, Reached, Store, upload};
use pgreeve::grants::secret::Secret;
use pgreeve_tests::testbed::S3;
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};

use crate::bed::{LAST, backup, granted, run, send, send_these, store, write};

fn keys(placed: &[Placed]) -> Vec<(&str, bool)> {
    placed.iter().map(|one| (one.key.as_str(), one.sent)).collect()
}

#[test]
fn what_arrives_is_what_was_there_and_the_last_file_goes_last() {
    let Some(s3) = S3::start() else { return };
    let directory = backup();
    let uploaded = send(&store(&s3), directory.path()).unwrap();
    let order = ["base/deep/two", "base/one", "a=C3=B6 1.dump", LAST];
    assert_eq!(keys(&uploaded.placed), order.map(|key| (key, true)));
    for one in &uploaded.placed {
        let (here, there) =
            (fs::read(directory.path().join(&one.key)).unwrap(), fs::read(s3.object(&one.key)).unwrap());
        assert!(here == there, "{} differs", one.key);
        assert_eq!(
            (one.bytes, &one.sha256),
            (here.len() as u64, &format!("{:x}", Sha256::digest(&here))),
            "{}",
            one.key
        );
    }
    // Again: all of it is there, and nothing is sent.
    let again = send(&store(&s3), directory.path()).unwrap();
    assert_eq!(keys(&again.placed), order.map(|key| (key, false)));
    // A part of it is gone: that part alone is sent.
    fs::remove_file(s3.object("base/one")).unwrap();
    let again = send(&store(&s3), directory.path()).unwrap();
    assert_eq!(keys(&again.placed), order.map(|key| (key, key == "base/one")));
}

#[test]
fn a_large_file_goes_in_parts_and_leaves_none_behind() {
    let Some(s3) = S3::start() else { return };
    let directory = backup();
    write(directory.path(), "large", (11 << 20) + 7);
    let store = Store { part: 5 << 20, ..store(&s3) };
    let uploaded = send_these(&store, directory.path(), &["large"], LAST).unwrap();
    assert_eq!(keys(&uploaded.placed), [("large", true), (LAST, true)]);
    assert!(fs::read(directory.path().join("large")).unwrap() == fs::read(s3.object("large")).unwrap());
    assert!(!s3.beside().iter().any(|name| name.contains("upload")), "{:?}", s3.beside());
    let again = send_these(&store, directory.path(), &["large"], LAST).unwrap();
    assert_eq!(keys(&again.placed), [("large", false), (LAST, false)]);
}

#[test]
fn another_object_is_never_written_over() {
    let Some(s3) = S3::start() else { return };
    let directory = backup();
    send(&store(&s3), directory.path()).unwrap();
    for (tampered, same_size) in [("base/one", true), ("base/one", false), (LAST, true)] {
        let before = fs::read(s3.object(tampered)).unwrap();
        let mut other = before.clone();
        other[0] ^= 1;
        other.extend((!same_size).then_some(0));
        fs::write(s3.object(tampered), &other).unwrap();
        let fault = send(&store(&s3), directory.path()).unwrap_err();
        assert!(
            matches!(&fault.error, Error::Denied(why) if why.contains("another object") && why.contains(tampered)),
            "{fault:?}"
        );
        assert_eq!(fault.reached, Reached::Nothing, "{fault:?}");
        assert_eq!(fs::read(s3.object(tampered)).unwrap(), other);
        fs::write(s3.object(tampered), before).unwrap();
    }
}

#[test]
fn nothing_is_sent_without_the_operators_word() {
    let Some(s3) = S3::start() else { return };
    let directory = backup();
    let refused = |store: &Store, says: &str| {
        let fault = send(store, directory.path()).unwrap_err();
        assert_eq!((fault.reached, fault.placed.len()), (Reached::Nothing, 0), "{fault:?}");
        assert!(fault.error.to_string().contains(says), "{fault:?}");
        assert_eq!(s3.objects(), Vec::<String>::new());
    };
    refused(&Store { write: false, ..store(&s3) }, "add write = true under [objects.off]");
    refused(&Store { max_upload: 1000, ..store(&s3) }, "raise `max_upload`");
    refused(&Store { secret_key: Secret::File(s3.key("wrong")), ..store(&s3) }, "cannot look at");
    refused(&Store { secret_key: Secret::File("/nowhere".into()), ..store(&s3) }, "its secret key is missing");
}

#[test]
fn only_regular_files_inside_of_the_directory_go() {
    let Some(s3) = S3::start() else { return };
    let directory = backup();
    let at = |path: &str| directory.path().join(path);
    fs::create_dir(at("links")).unwrap();
    symlink("/etc/passwd", at("links/out")).unwrap();
    symlink("base", at("aside")).unwrap();
    symlink("a.json", at("b.json")).unwrap();
    fs::create_dir(at("hard")).unwrap();
    fs::hard_link(at(LAST), at("hard/one")).unwrap();
    fs::create_dir(at("odd")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, at("odd/fifo"), rustix::fs::Mode::RUSR).unwrap();
    for (before, last, says) in [
        (&["links"][..], LAST, "symbolic link"),
        (&["links/out"], LAST, "symbolic link"),
        (&["aside"], LAST, "symbolic link"),
        (&["aside/one"], LAST, "loop of symbolic links"),
        (&["odd"], LAST, "FIFO"),
        (&["hard"], LAST, "hard links"),
        (&["../etc/passwd"], LAST, "holds `..`"),
        (&["/etc/passwd"], LAST, "is absolute"),
        (&[""], LAST, "path is empty"),
        (&["gone"], LAST, "No such file"),
        (&[], "b.json", "symbolic link"),
        (&[], "base", "is a directory"),
    ] {
        let fault = send_these(&store(&s3), directory.path(), before, last).unwrap_err();
        assert!(fault.error.to_string().contains(says), "{before:?} {last}: {fault:?}");
        assert_eq!(fault.reached, Reached::Nothing, "{before:?} {last}: {fault:?}");
    }
    assert_eq!(s3.objects(), Vec::<String>::new());
}

#[test]
fn a_server_that_goes_away_leaves_nothing_that_looks_whole() {
    let Some(mut s3) = S3::start() else { return };
    let directory = backup();
    // Already gone.
    s3.kill();
    let short = Store { timeout: Duration::from_secs(2), ..store(&s3) };
    let fault = send(&short, directory.path()).unwrap_err();
    assert!(matches!(fault.error, Error::Unreachable(_)), "{fault:?}");
    assert_eq!(fault.reached, Reached::Nothing);
    // Stands still while the large file is on its way, until the time is up.
    s3.restart();
    write(directory.path(), "large", 64 << 20);
    let store = Store { part: 5 << 20, ..short };
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| send_these(&store, directory.path(), &["large"], LAST));
        crate::bed::await_that("a part has arrived", || s3.beside().iter().any(|name| name.contains("upload")));
        s3.kill();
        let fault = sending.join().unwrap().unwrap_err();
        assert!(matches!(fault.error, Error::Unreachable(_) | Error::TimedOut(_)), "{fault:?}");
        assert_eq!(fault.reached, Reached::Before, "{fault:?}");
        assert!(fault.abandoned.is_some_and(|named| named.contains("large")));
    });
    assert!(!s3.object(LAST).exists() && !s3.object("large").exists());
    s3.restart();
    let uploaded = send_these(&store, directory.path(), &["large"], LAST).unwrap();
    assert_eq!(keys(&uploaded.placed), [("large", true), (LAST, true)]);
}

#[test]
fn the_time_of_the_whole_is_kept_and_the_parts_are_given_up() {
    let Some(s3) = S3::start() else { return };
    let directory = backup();
    write(directory.path(), "large", 64 << 20);
    let store = Store { part: 5 << 20, ..store(&s3) };
    let before = vec!["large".to_owned()];
    let heap = granted(directory.path());
    let uploading = upload(&store, &heap, &before, LAST, Duration::from_secs(10));
    let fault = std::thread::scope(|scope| {
        let sending = scope.spawn(|| run(uploading).map_err(Box::new));
        crate::bed::await_that("a part has arrived", || s3.beside().iter().any(|name| name.contains("upload")));
        s3.signal(Signal::STOP);
        // Longer than the upload may take, which nothing outside shows; then there is an answer to giving it up.
        std::thread::sleep(Duration::from_secs(12));
        s3.signal(Signal::CONT);
        sending.join().unwrap().unwrap_err()
    });
    assert!(matches!(&fault.error, Error::TimedOut(why) if why.contains("10s")), "{fault:?}");
    assert_eq!((fault.reached, fault.abandoned), (Reached::Before, None));
    assert!(!s3.object(LAST).exists());
}

#[test]
fn a_file_that_is_written_to_meanwhile_is_not_passed_off_as_a_copy() {
    let Some(s3) = S3::start() else { return };
    let directory = backup();
    write(directory.path(), "large", 64 << 20);
    let store = Store { part: 5 << 20, ..store(&s3) };
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| send_these(&store, directory.path(), &["large"], LAST));
        crate::bed::await_that("a part has arrived", || s3.beside().iter().any(|name| name.contains("upload")));
        fs::OpenOptions::new().append(true).open(directory.path().join("large")).unwrap().set_len(65 << 20).unwrap();
        let fault = sending.join().unwrap().unwrap_err();
        assert!(matches!(&fault.error, Error::Remote { code, .. } if code == "changed"), "{fault:?}");
        assert_eq!(fault.abandoned, None);
    });
    assert!(!s3.object("large").exists() && !s3.object(LAST).exists());
}
