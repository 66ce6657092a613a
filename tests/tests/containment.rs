//! A plugin that misbehaves costs its own run and nothing else: each is ended, named, and the job is unknown.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use pgreeve_tests::agent::{Agent, Checked, pgreeve, plugins};

/// Checks a plugin that does `how`, under these limits.
fn misbehave(how: &str, limits: &str) -> (Checked, String) {
    let agent = Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[limits]\n{limits}\n[plugin.m]\npath = \"PLUGINS/misbehaves.wasm\"\n\
         [job.m]\nplugin = \"m\"\nschedule = \"@daily\"\nsettings = {{ how = {how:?} }}\n"
    ));
    let output = agent.run(&["check", "m", "--format", "json"]);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{how}: {error}: {log}"));
    (Checked { exit: output.status.code().unwrap(), json }, log)
}

#[test]
fn one_that_behaves_is_ok() {
    let (checked, _) = misbehave("not-at-all", "");
    assert_eq!((checked.exit, checked.status()), (0, "ok"));
}

#[test]
fn what_breaks_a_limit_is_ended_and_the_limit_named() {
    for (how, limits, limit) in [
        ("loop", "cpu = \"200ms\"", "limit of cpu (200ms)"),
        ("loop", "wall = \"300ms\"", "limit of wall (300ms)"),
        ("memory", "memory = \"16MiB\"", "limit of memory"),
        ("calls", "calls = 500", "limit of calls"),
        ("too-much", "findings = 1000", "limit of findings"),
    ] {
        let (checked, _) = misbehave(how, limits);
        assert_eq!((checked.exit, checked.json["outcome"].as_str().unwrap()), (3, "faulted"), "{how}");
        assert!(checked.json["summary"].as_str().unwrap().contains(limit), "{how}: {}", checked.json["summary"]);
    }
}

#[test]
fn traps_and_answers_out_of_contract_are_faults() {
    for (how, said) in [
        ("trap", "unreachable"),
        ("recursion", "wasm trap"),
        ("same-key", "two findings have the key"),
        ("other-check", "does not declare"),
        ("no-reason", "unknown without a reason"),
        ("not-a-number", "finite"),
    ] {
        let (checked, _) = misbehave(how, "");
        assert_eq!((checked.exit, checked.json["outcome"].as_str().unwrap()), (3, "faulted"), "{how}");
        assert!(checked.json["summary"].as_str().unwrap().contains(said), "{how}: {}", checked.json["summary"]);
    }
}

#[test]
fn a_run_that_says_it_failed_is_unknown_with_its_advice() {
    let (checked, _) = misbehave("fail", "");
    assert_eq!((checked.exit, checked.json["outcome"].as_str().unwrap()), (3, "failed"));
    assert_eq!(checked.json["summary"], "the moon is wrong; wait");
}

#[test]
fn memory_over_its_quota_is_refused() {
    let (checked, _) = misbehave("remember", "");
    assert_eq!((checked.exit, checked.finding("check")["summary"].as_str().unwrap()), (0, "refused: true"));
}

#[test]
fn a_scope_that_is_not_granted_is_denied_with_the_line_that_is_missing() {
    let (checked, log) = misbehave("sleep", "");
    let said = checked.finding("check")["summary"].as_str().unwrap();
    assert!(said.contains("Denied") && said.contains("[job.m]") && said.contains("postgres"), "{said}");
    assert!(log.contains("denied"), "{log}");
}

#[test]
fn a_log_flood_is_cut_and_cannot_forge_lines() {
    let agent = Agent::new(
        "[agent]\nstate_dir = \"STATE\"\n[plugin.m]\npath = \"PLUGINS/misbehaves.wasm\"\n[job.m]\nplugin = \"m\"\nschedule = \"@daily\"\n\
         settings = { how = \"log\" }\n",
    );
    let output = agent.command(&["check", "m"]).env("RUST_LOG", "info").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains(r"a line\n2026-01-01 ERROR forged\u{1b}[31m"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01 ERROR")));
    assert!(log.len() < 256 << 10, "{} bytes", log.len());
    assert!(log.contains("log lines over the limit were dropped"));
}

#[test]
fn the_compiler_runs_in_a_process_of_its_own_under_limits() {
    let component = std::fs::read(plugins().join("quiet.wasm")).unwrap();
    let compile = |memory: u64, input: &[u8]| {
        let mut child = Command::new(pgreeve())
            .args(["compile-component", &memory.to_string(), "60"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may have ended before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    };
    let enough = compile(2 << 30, &component);
    assert!(enough.status.success() && enough.stdout.len() > component.len());
    let scarce = compile(40 << 20, &component);
    assert!(!scarce.status.success() && scarce.stdout.is_empty(), "{:?}", scarce.status);
    let nonsense = compile(2 << 30, b"\0asm\x0d\0\x01\0nonsense");
    assert!(nonsense.status.code() == Some(65) && nonsense.stdout.is_empty());
}
