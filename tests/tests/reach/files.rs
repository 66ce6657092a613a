//! Files: every way out of a granted directory, and everything in it that is no file.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bed::{ask, hold};

const MAIN: &str = "files = [\"main\"]";
const SECRET: &str = "outside, not yours";

/// `outside/secret`, and `granted` with everything that could lead there.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (granted, outside) = (directory.path().join("granted"), directory.path().join("outside"));
    fs::create_dir_all(granted.join("below/deeper")).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("secret"), SECRET).unwrap();
    fs::write(granted.join("plain"), "0123456789").unwrap();
    fs::write(granted.join("below/file"), "below").unwrap();
    fs::write(granted.join("once"), SECRET).unwrap();
    fs::hard_link(outside.join("secret"), granted.join("linked")).unwrap();
    for (target, name) in [
        ("../outside/secret", "relative"),
        ("../outside", "beside"),
        ("/", "root"),
        ("/proc/self/root", "magic"),
        ("/etc/passwd", "absolute"),
        ("turn", "turn"),
        ("below/file", "inside"),
        ("below/../../outside/secret", "detour"),
    ] {
        symlink(target, granted.join(name)).unwrap();
    }
    symlink(outside.join("secret"), granted.join("full")).unwrap();
    assert!(Command::new("mkfifo").arg(granted.join("fifo")).status().unwrap().success());
    drop(UnixListener::bind(granted.join("socket")).unwrap());
    fs::write(granted.join("below").join(OsStr::from_bytes(b"not\xffutf8")), SECRET).unwrap();
    directory
}

fn table(path: &Path, more: &str) -> String {
    format!("[files.main]\npath = {path:?}\n{more}\n")
}

fn granted(directory: &TempDir, more: &str) -> String {
    table(&directory.path().join("granted"), more)
}

fn read(path: &str) -> Value {
    json!({ "ask": "read", "name": "main", "path": path, "length": 4_294_967_295_u32 })
}

fn entries(path: &str) -> Value {
    json!({ "ask": "entries", "name": "main", "path": path })
}

#[test]
fn what_is_in_the_directory_can_be_read() {
    let directory = directory();
    let part = json!({ "ask": "read", "name": "main", "path": "plain", "offset": 8, "length": 5 });
    let past = json!({ "ask": "read", "name": "main", "path": "plain", "offset": u32::MAX, "length": 5 });
    // printf below | sha256sum
    let digest = Command::new("sha256sum").arg(directory.path().join("granted/below/file")).output().unwrap();
    let digest = String::from_utf8(digest.stdout).unwrap()[..64].to_owned();
    hold(
        &granted(&directory, ""),
        MAIN,
        &[
            (read("plain"), "told", "0123456789"),
            (read("below/file"), "told", "below"),
            (part, "told", "89"),
            (past, "told", ""),
            (json!({ "ask": "sha256", "name": "main", "path": "below/file" }), "told", &digest),
            (json!({ "ask": "metadata", "name": "main", "path": "fifo" }), "told", "Other"),
            (json!({ "ask": "metadata", "name": "main", "path": "relative" }), "told", "Symlink"),
            (json!({ "ask": "free-space", "name": "main" }), "told", "inodes"),
            (entries("below"), "told", "skipped: 1"),
            (entries("below"), "told", "below/file"),
        ],
    );
}

#[test]
fn nothing_leads_out_and_nothing_but_files_is_opened() {
    let directory = directory();
    let mut paths: Vec<String> = [
        "..",
        "../outside/secret",
        "below/../../outside/secret",
        "below/../plain",
        "./plain",
        "/etc/passwd",
        "//etc/passwd",
        "plain/",
        "below//file",
        "plain\u{0}",
        "plain\u{0}/../../outside/secret",
        "...",
        "..\\outside\\secret",
        "%2e%2e/outside/secret",
        "\u{ff0e}\u{ff0e}/outside/secret",
        "~/",
        "relative",
        "full",
        "absolute",
        "detour",
        "beside/secret",
        "root/etc/passwd",
        "magic/etc/passwd",
        "turn",
        "turn/x",
        "linked",
        "fifo",
        "socket",
        "below",
        "",
        "below/not\u{fffd}utf8",
        "<<a/*2000>>plain",
        "<<a*5000>>",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.push(directory.path().join("granted/plain").display().to_string());
    let mut calls: Vec<Value> = paths.iter().map(|path| read(path)).collect();
    calls.extend(paths.iter().map(|path| json!({ "ask": "sha256", "name": "main", "path": path })));
    calls.extend(["..", "beside", "root", "magic", "/", "plain", "fifo", "turn"].map(entries));
    let began = Instant::now();
    let answers = ask(&granted(&directory, ""), MAIN, &calls);
    for (call, answer) in calls.iter().zip(&answers) {
        assert!(answer.kind != "told", "{call}: {answer:?}");
        assert!(!answer.text.contains(SECRET) && answer.kind != "timed-out", "{call}: {answer:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn kernel_directories_are_no_way_out() {
    // Whatever is readable there, it is nothing that the agent's own descriptors or another root lead to.
    for path in ["/proc/self", "/proc", "/dev"] {
        let calls = [
            "root/etc/passwd",
            "cwd/Cargo.toml",
            "self/root/etc/passwd",
            "fd/0",
            "self/fd/1",
            "zero",
            "null",
            "stdin",
            "fd/../root/etc/passwd",
            "exe",
            "self/exe",
            "task/../root/etc/passwd",
        ]
        .map(read);
        for (call, answer) in calls.iter().zip(ask(&table(Path::new(path), ""), MAIN, &calls)) {
            assert!(answer.kind != "told", "{path}: {call}: {answer:?}");
        }
    }
}

#[test]
fn a_link_that_is_swapped_meanwhile_leads_nowhere() {
    let directory = directory();
    let place = directory.path().join("granted");
    let stop = Arc::new(AtomicBool::new(false));
    let (swapping, swapped) = (stop.clone(), place.clone());
    let swapper = std::thread::spawn(move || {
        let (link, good) = (swapped.join("swap.link"), swapped.join("swap.file"));
        while !swapping.load(Ordering::Relaxed) {
            symlink("../outside/secret", &link).unwrap();
            fs::rename(&link, swapped.join("swap")).unwrap();
            fs::write(&good, "inside").unwrap();
            fs::rename(&good, swapped.join("swap")).unwrap();
        }
    });
    let calls = vec![read("swap"); 900];
    let answers = ask(&granted(&directory, ""), MAIN, &calls);
    stop.store(true, Ordering::Relaxed);
    swapper.join().unwrap();
    assert!(answers.iter().all(|answer| !answer.text.contains(SECRET)), "the swapped link was followed");
    assert!(answers.iter().any(|answer| answer.is("told", "inside")), "it was never read at all");
}

#[test]
fn large_things_are_taken_in_pieces() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    fs::File::create(place.join("sparse")).unwrap().set_len(1 << 40).unwrap();
    fs::create_dir(place.join("many")).unwrap();
    for number in 0..3_000 {
        fs::write(place.join(format!("many/{number:05}")), "").unwrap();
    }
    let after = json!({ "ask": "entries", "name": "main", "path": "many", "after": "02998" });
    hold(
        &table(place, "max_entries = 1000\nmax_hash = \"1MiB\""),
        MAIN,
        &[
            (
                json!({ "ask": "read", "name": "main", "path": "sparse", "length": 4_294_967_295_u32 }),
                "limit-exceeded",
                "bytes",
            ),
            (json!({ "ask": "sha256", "name": "main", "path": "sparse" }), "denied", "max_hash"),
            (json!({ "ask": "metadata", "name": "main", "path": "sparse" }), "told", "1099511627776"),
            (after, "told", "many/02999"),
        ],
    );
    let listing = &ask(&table(place, "max_entries = 1000"), MAIN, &[entries("many")])[0];
    assert_eq!(listing.count, 1000);
}

#[test]
fn a_file_that_grows_while_it_is_read_is_read_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grows");
    fs::write(&file, "begin").unwrap();
    // Large enough that it takes long to be hashed, slow enough that it does not fill the disk.
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(128 << 20).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (growing, grown) = (stop.clone(), file.clone());
    let grower = std::thread::spawn(move || {
        let mut file = fs::OpenOptions::new().append(true).open(grown).unwrap();
        while !growing.load(Ordering::Relaxed) {
            std::io::Write::write_all(&mut file, &[b'x'; 4096]).unwrap();
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
    });
    let part = json!({ "ask": "read", "name": "main", "path": "grows", "length": 100_000 });
    let calls = [part, json!({ "ask": "sha256", "name": "main", "path": "grows" })];
    let answers = ask(&table(directory.path(), "timeout = \"2s\""), MAIN, &calls);
    stop.store(true, Ordering::Relaxed);
    grower.join().unwrap();
    assert!(answers[0].is("told", "begin") && answers[0].count <= 100_000, "{answers:?}");
    // What was never the content of the file at one time has no digest.
    assert!(answers[1].kind != "told", "{answers:?}");
}
