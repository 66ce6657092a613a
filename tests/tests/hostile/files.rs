//! Plugin files that are no plugins, files that change while the agent runs, and a cache that somebody else wrote to.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pgreeve_tests::agent::Agent;
use rustix::fs::{CWD, FileType, mknodat};

use crate::component::Guest;
use crate::{agent, refusal};

#[test]
fn files_that_are_no_components_are_named() {
    for (what, bytes, said) in [
        ("an empty file", &b""[..], "not a WebAssembly component"),
        ("garbage", b"\x1b[2J\nagent.toml: valid", "not a WebAssembly component"),
        ("a script", b"#!/bin/sh\nrm -rf /\n", "not a WebAssembly component"),
        ("a core module", b"\0asm\x01\0\0\0", "core WebAssembly module"),
        ("machine code", b"\x7fELF\x02\x01\x01\0", "machine code"),
        ("a component cut short", &Guest::default().component()[..300], "cannot be compiled"),
        ("garbage behind the header", b"\0asm\x0d\0\x01\0\xff\xff\xff\xff\xff\xff\xff\xff", "cannot be compiled"),
    ] {
        let refused = refusal(bytes);
        assert!(refused.contains(said), "{what}: {refused}");
    }
}

/// What is said of an agent whose plugin's file was made by `make`.
fn refused_file(make: impl FnOnce(&Path)) -> String {
    let agent = agent(b"", "");
    let file = agent.config().with_file_name("guest.wasm");
    std::fs::remove_file(&file).unwrap();
    make(&file);
    let began = Instant::now();
    let output = agent.run(&["validate"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(began.elapsed() < Duration::from_secs(30), "took {:?}", began.elapsed());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_no_ordinary_file_or_too_large_is_refused_at_once() {
    let sparse = refused_file(|file| std::fs::File::create(file).unwrap().set_len(500 << 20).unwrap());
    assert!(sparse.contains("more than 64 MiB"), "{sparse}");
    let fifo = refused_file(|file| mknodat(CWD, file, FileType::Fifo, 0o600.into(), 0).unwrap());
    assert!(fifo.contains("not a regular file"), "{fifo}");
    let directory = refused_file(|file| std::fs::create_dir(file).unwrap());
    assert!(directory.contains("not a regular file"), "{directory}");
    for target in ["/dev/zero", "/dev/stdin", "/nowhere"] {
        let link = refused_file(|file| symlink(target, file).unwrap());
        assert!(link.contains("cannot read"), "{target}: {link}");
    }
    let itself = refused_file(|file| symlink(file, file).unwrap());
    assert!(itself.contains("cannot read"), "{itself}");
}

#[test]
fn a_plugin_that_is_replaced_while_the_agent_runs_changes_nothing_until_a_reload_that_is_right() {
    let config = "[agent]\nstate_dir = \"STATE\"\n[plugin.m]\npath = \"guest.wasm\"\n[job.m]\nplugin = \"m\"\nschedule = \"* * * * * *\"\n";
    let agent = Agent::new(config);
    let file = agent.config().with_file_name("guest.wasm");
    std::fs::write(&file, Guest::default().component()).unwrap();
    let daemon = agent.start();
    let runs = |count: usize| {
        let began = Instant::now();
        loop {
            let output = agent.run(&["runs", "--limit", "1000", "--format", "json"]);
            let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let runs = answer["runs"].as_array().unwrap().clone();
            if runs.iter().filter(|run| run["outcome"]["kind"] == "reported").count() >= count {
                return runs;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{runs:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let before = runs(1);
    std::fs::write(&file, Guest { run: "(unreachable)".into(), ..Guest::default() }.component()).unwrap();
    let after = runs(before.len() + 2);
    assert!(
        after
            .iter()
            .all(|run| run["plugin_sha256"] == before[0]["plugin_sha256"] && run["outcome"]["kind"] != "faulted"),
        "{after:#?}"
    );
    std::fs::write(&file, b"garbage").unwrap();
    assert!(!agent.run(&["reload"]).status.success());
    runs(after.len() + 1);
    assert!(daemon.log().contains("not reloaded"));
}

/// A cache with one entry, after `change` was made to it, is used or not used, and the job runs either way.
fn tampered(what: &str, change: impl FnOnce(&Path, PathBuf), said: &str) {
    let agent = agent(&Guest::default().component(), "");
    assert_eq!(agent.check("m").exit, 0);
    let cache = agent.state_dir().join("cache");
    let entry = std::fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|it| it == "cwasm"));
    change(&cache, entry.unwrap());
    let output = agent.command(&["check", "m"]).env("RUST_LOG", "warn").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && log.contains(said), "{what}: {log}");
}

#[test]
fn a_cache_that_somebody_else_could_have_written_is_not_used() {
    let flip = |entry: &Path| {
        let mut bytes = std::fs::read(entry).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::set_permissions(entry, Permissions::from_mode(0o600)).unwrap();
        std::fs::write(entry, bytes).unwrap();
    };
    tampered("altered code", |_, entry| flip(&entry), "compiling anew");
    tampered(
        "code that all can write",
        |_, entry| std::fs::set_permissions(entry, Permissions::from_mode(0o666)).unwrap(),
        "lets others write",
    );
    tampered(
        "code behind a link",
        |cache, entry| {
            std::fs::rename(&entry, cache.join("elsewhere")).unwrap();
            symlink(cache.join("elsewhere"), &entry).unwrap();
        },
        "compiling anew",
    );
    tampered(
        "a FIFO",
        |_, entry| {
            std::fs::remove_file(&entry).unwrap();
            mknodat(CWD, &entry, FileType::Fifo, 0o600.into(), 0).unwrap();
        },
        "compiling anew",
    );
    tampered(
        "a directory that all can write",
        |cache, _| std::fs::set_permissions(cache, Permissions::from_mode(0o777)).unwrap(),
        "lets others write",
    );
    tampered(
        "another's code",
        |_, entry| std::os::unix::fs::chown(entry, Some(65534), None).unwrap(),
        "belongs to uid 65534",
    );
    tampered(
        "a key of another length",
        |cache, _| {
            std::fs::set_permissions(cache.join("key"), Permissions::from_mode(0o600)).unwrap();
            std::fs::write(cache.join("key"), b"").unwrap();
        },
        "the key has not 64 bytes",
    );
}
