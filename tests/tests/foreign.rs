//! Plugins that are not made with the SDK for Rust: one for `wasm32-wasip2`, one in Python, one in JavaScript. Each is the same check of a
//! real server, and each tries what its language's library offers and a plugin must not have.
//!
//! `tests/setup/foreign-guests.sh` builds them. A language whose tools could not be had is skipped, and the tests say so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pgreeve_tests::agent::{Agent, Checked, cache_of, pgreeve, plugins};
use pgreeve_tests::testbed::{Options, Server, Stop, available};
use serde_json::Value;

const LANGUAGES: [&str; 3] = ["wasip2", "python", "javascript"];

/// The component of a language; or why its tools could not be had.
fn component(name: &str) -> Result<PathBuf, String> {
    let component = plugins().join(format!("{name}.wasm"));
    if component.is_file() {
        return Ok(component);
    }
    let why = fs::read_to_string(plugins().join(format!("{name}.skipped")));
    let why = why.unwrap_or_else(|_| panic!("no {}: run `make foreign` first", component.display()));
    Err(why.lines().nth(1).unwrap_or_default().to_owned())
}

/// The languages whose components are there.
fn languages() -> Vec<&'static str> {
    LANGUAGES.into_iter().filter(|name| component(name).is_ok()).collect()
}

/// nextest shows what this one says also when it passes (.config/nextest.toml): nothing is skipped in silence.
#[test]
fn each_language_is_tested_or_skipped_with_a_word() {
    for name in LANGUAGES {
        match component(name) {
            Ok(file) => eprintln!("{name}: {} KiB", fs::metadata(file).unwrap().len() >> 10),
            Err(why) => eprintln!("SKIPPED {name}: {why}"),
        }
    }
}

/// Those that import WASI.
fn with_wasi() -> Vec<&'static str> {
    languages().into_iter().filter(|name| *name != "javascript").collect()
}

/// An agent with one job, `idle`, that is granted `main`; `settings` and `limits` are the inside of tables.
struct Bed {
    agent: Agent,
    name: &'static str,
}

/// A DSN where nobody answers: good enough for what asks no database.
const NOWHERE: &str = "host=/nonexistent user=nobody";

impl Bed {
    fn new(name: &'static str, dsn: &str, settings: &str, limits: &str) -> Self {
        Self { agent: Agent::new(&config(name, dsn, settings, limits)), name }
    }

    fn configure(&self, dsn: &str, settings: &str, limits: &str) {
        self.agent.configure(&config(self.name, dsn, settings, limits));
    }

    fn check(&self) -> Checked {
        self.agent.check("idle")
    }

    /// `pgreeve check` with the agent's log on its standard error.
    fn check_aloud(&self, level: &str) -> (Checked, String) {
        let Output { status, stdout, stderr } =
            self.agent.command(&["check", "idle", "--format", "json"]).env("RUST_LOG", level).output().unwrap();
        let log = String::from_utf8(stderr).unwrap();
        let json = serde_json::from_slice(&stdout).unwrap_or_else(|error| panic!("{}: {error}: {log}", self.name));
        (Checked { exit: status.code().unwrap(), json }, log)
    }

    /// The answer to what the setting `try` names.
    fn attempt(name: &'static str, what: &str, limits: &str) -> (Self, Checked, String) {
        let bed = Self::new(name, NOWHERE, &format!("try = {what:?}"), limits);
        let (checked, log) = bed.check_aloud("info");
        (bed, checked, log)
    }

    /// The run recorded, and what its replay answers.
    fn record_and_replay(&self) -> (Checked, String) {
        let file = self.agent.config().with_file_name("run.jsonl");
        let recorded = self.agent.run(&["check", "idle", "--format", "json", "--record", file.to_str().unwrap()]);
        let json = serde_json::from_slice(&recorded.stdout).unwrap();
        let replayed = on_its_own("test", self.name).arg(&file).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&replayed.stdout), String::from_utf8_lossy(&replayed.stderr));
        (Checked { exit: recorded.status.code().unwrap(), json }, said)
    }
}

fn config(name: &str, dsn: &str, settings: &str, limits: &str) -> String {
    format!(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = {dsn:?}\n[plugin.idle]\npath = \"PLUGINS/{name}.wasm\"\n\
         [job.idle]\nplugin = \"idle\"\nschedule = \"@daily\"\ngrant = {{ postgres = [\"main\"] }}\nsettings = {{ {settings} }}\n\
         [job.idle.limits]\n{limits}\n"
    )
}

/// `pgreeve plugin test` or `explain` of a component that is compiled already.
fn on_its_own(word: &str, name: &str) -> Command {
    let component = format!("{name}.wasm");
    let mut command = Command::new(pgreeve());
    command.args(["plugin", word, "--cache"]).args([cache_of(&component), plugins().join(component)]);
    command.env_remove("PGREEVE_CONFIG");
    command
}

fn server() -> Server {
    let server = Server::start(available().into_iter().find(|major| major.0 == 15).unwrap(), &Options::default());
    server.create_roles();
    server
}

fn fact<'a>(finding: &'a Value, name: &str) -> &'a str {
    let facts = finding["evidence"].as_array().unwrap();
    let found = facts.iter().find(|fact| fact["name"] == name);
    found.unwrap_or_else(|| panic!("no fact {name}: {finding:#}"))["value"].as_str().unwrap()
}

#[test]
fn each_judges_a_real_server_and_remembers() {
    for name in languages() {
        let server = server();
        let holders = [server.session("postgres"), server.session("postgres")];
        for holder in &holders {
            holder.sql("BEGIN; SELECT 1");
        }
        let dsn = server.dsn("observer", "postgres");
        let bed = Bed::new(name, &dsn, "older_than = 0", "");
        let (checked, log) = bed.check_aloud("info");
        let finding = checked.finding("idle-in-transaction/main");
        assert_eq!((checked.exit, checked.status(), &finding["subject"]), (1, "warning", &"main".into()), "{name}");
        assert_eq!(finding["summary"], "2 sessions idle in a transaction for 0 s or longer", "{name}");
        assert_eq!((fact(finding, "idle"), fact(finding, "hidden")), ("2", "0"), "{name}");
        assert!(finding["advice"].as_str().unwrap().starts_with("SELECT pid"), "{name}");
        let metric = &checked.json["metrics"][0];
        assert_eq!(
            (&metric["name"], &metric["unit"]),
            (&"idle_in_transaction_count".into(), &"count".into()),
            "{name}"
        );
        assert_eq!((metric["value"].as_f64(), &metric["labels"][0]["value"]), (Some(2.0), &"main".into()), "{name}");
        assert!(log.contains("main: 2 idle in transaction, 0 sessions hidden"), "{name}: {log}");

        holders[0].sql("COMMIT");
        bed.configure(&dsn, "older_than = 0, critical = 1", "");
        let checked = bed.check();
        let finding = checked.finding("idle-in-transaction/main");
        assert_eq!((checked.exit, fact(finding, "idle"), fact(finding, "before")), (2, "1", "2"), "{name}");

        bed.configure(&dsn, "older_than = 3600", "");
        assert_eq!(bed.check().status(), "ok", "{name}: young transactions do not count");
    }
}

#[test]
fn what_cannot_be_seen_or_reached_is_unknown() {
    for name in languages() {
        let mut server = server();
        let _other = server.session("postgres");
        let bed = Bed::new(name, &server.dsn("nobody", "postgres"), "", "");
        let checked = bed.check();
        let finding = checked.finding("idle-in-transaction/main");
        assert_eq!((checked.exit, finding["reason"].as_str()), (3, Some("no-privilege")), "{name}: {finding:#}");
        assert!(finding["advice"].as_str().unwrap().contains("pg_read_all_stats"), "{name}");
        server.stop(Stop::Fast);
        let checked = bed.check();
        let finding = checked.finding("idle-in-transaction/main");
        assert_eq!((checked.exit, finding["reason"].as_str()), (3, Some("unreachable")), "{name}: {finding:#}");
    }
}

#[test]
fn settings_are_judged_by_the_schema_and_by_the_plugin() {
    for name in languages() {
        for (settings, said) in [
            ("warning = 3, critical = 2", "must not be below warning, which is 3"),
            ("older_than = \"long\"", "older_than"),
            ("older = 3", "older"),
        ] {
            let output = Bed::new(name, NOWHERE, settings, "").agent.run(&["validate"]);
            let text =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(!output.status.success() && text.contains(said), "{name}, {settings}: {text}");
        }
    }
}

#[test]
fn explain_says_which_has_wasi_and_that_it_is_inert() {
    for name in languages() {
        let output = on_its_own("explain", name).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(&format!("idle-{name} 0.1.0: ")), "{text}");
        assert_eq!(text.contains("WASI     linked inert"), name != "javascript", "{name}: {text}");
    }
}

/// The same claim about every attempt that the guest itself reports.
#[test]
fn nothing_of_the_machine_is_within_reach() {
    for name in languages() {
        let (_, checked, _) = Bed::attempt(name, "reach", "");
        assert_eq!((checked.status(), checked.complaints()), ("ok", Vec::new()), "{name}");
        let tried = if name == "javascript" { 5 } else { 12 };
        assert_eq!(checked.findings().len(), tried, "{name}: {:#}", checked.json);
    }
}

#[test]
fn the_wall_clock_is_the_runs_now() {
    for name in with_wasi() {
        let before = jiff::Timestamp::now().as_microsecond();
        let (_, checked, _) = Bed::attempt(name, "clock", "");
        let after = jiff::Timestamp::now().as_microsecond();
        let wall: i64 = fact(checked.finding("inert/clock"), "wall").parse().unwrap();
        assert!((before..=after).contains(&wall), "{name}: {wall} is not between {before} and {after}");
        if name == "python" {
            assert_eq!(fact(checked.finding("inert/clock"), "now"), wall.to_string());
        }
    }
}

#[test]
fn a_recorded_run_replays_exactly_with_its_randomness_and_its_sleep() {
    for name in with_wasi() {
        let bed = Bed::new(name, NOWHERE, "try = \"clock\"", "");
        let (first, said) = bed.record_and_replay();
        assert!(said.starts_with("same"), "{name}: {said}");
        let second = bed.check();
        assert_ne!(
            first.finding("inert/clock")["evidence"],
            second.finding("inert/clock")["evidence"],
            "{name}: another run draws other bytes"
        );
        let bed = Bed::new(name, NOWHERE, "try = \"sleep\"", "");
        let (checked, said) = bed.record_and_replay();
        assert!(said.starts_with("same"), "{name}: {said}");
        let slept: f64 = fact(checked.finding("inert/sleep"), "slept").parse().unwrap();
        assert!(slept >= 0.19, "{name} slept {slept} s");
    }
}

#[test]
fn a_recorded_check_of_a_server_replays_without_it() {
    for name in languages() {
        let server = server();
        let bed = Bed::new(name, &server.dsn("observer", "postgres"), "", "");
        let (checked, said) = bed.record_and_replay();
        assert_eq!(checked.status(), "ok", "{name}: {:#}", checked.json);
        assert!(said.starts_with("same") && said.contains("host calls"), "{name}: {said}");
    }
}

#[test]
fn a_sleep_ends_with_the_wall_clock_and_a_loop_with_its_time_to_compute() {
    for name in languages() {
        for (what, limits, limit) in [
            ("sleep-for-ever", "wall = \"500ms\"", "limit of wall"),
            ("loop", "cpu = \"300ms\"", "limit of cpu"),
            ("memory", "cpu = \"30s\"", "limit of memory"),
        ] {
            if name == "javascript" && what == "sleep-for-ever" {
                continue; // nothing in it sleeps
            }
            let (_, checked, _) = Bed::attempt(name, what, limits);
            assert_eq!((checked.exit, &checked.json["outcome"]), (3, &"faulted".into()), "{name} {what}");
            let summary = checked.json["summary"].as_str().unwrap();
            assert!(summary.contains(limit), "{name} {what}: {summary}");
        }
    }
}

#[test]
fn what_the_guest_prints_is_logged_and_forges_nothing() {
    for name in with_wasi() {
        let (_, checked, log) = Bed::attempt(name, "print", "");
        assert_eq!(checked.exit, 0, "{name}");
        assert!(log.contains("said on stdout") && log.contains("said on stderr"), "{name}: {log}");
        assert!(!log.lines().any(|line| line.starts_with("2026-01-01 ERROR")), "{name}: {log}");
        assert!(log.contains(r"forged\u{1b}[31m"), "{name}: {log}");
    }
}

/// What an author sees: the outcome's words, and the language's own words in the log where there is a stderr to write them to.
#[test]
fn an_uncaught_error_or_an_exit_is_a_fault_and_the_next_run_is_well() {
    for (name, what, outcome, logged) in [
        ("wasip2", "panic", "unreachable", Some("the moon is wrong")),
        ("wasip2", "exit", "exit", None),
        ("python", "raise", "unreachable", Some("ValueError: the moon is wrong")),
        ("python", "exit", "exit", None),
        ("javascript", "timer", "unreachable", None),
        ("javascript", "fetch", "unreachable", None),
    ] {
        if !languages().contains(&name) {
            continue;
        }
        let (bed, checked, log) = Bed::attempt(name, what, "");
        assert_eq!((checked.exit, &checked.json["outcome"]), (3, &"faulted".into()), "{name} {what}");
        let summary = checked.json["summary"].as_str().unwrap();
        assert!(summary.contains(outcome), "{name} {what}: {summary}");
        assert!(logged.is_none_or(|text| log.contains(text)), "{name} {what}: {log}");
        bed.configure(NOWHERE, "try = \"reach\"", "");
        assert_eq!(bed.check().exit, 0, "{name} after {what}");
    }
}

#[test]
fn the_second_start_takes_the_compiled_code_from_the_cache() {
    for name in languages() {
        let bed = Bed::new(name, NOWHERE, "", "");
        let code = |state: &Path| -> Vec<(PathBuf, u64)> {
            let entries = fs::read_dir(state.join("cache")).unwrap().map(|entry| entry.unwrap());
            let code = entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "cwasm"));
            code.map(|entry| (entry.path(), entry.metadata().unwrap().ino())).collect()
        };
        assert_eq!(bed.check().exit, 3, "{name}: nobody answers");
        let before = code(&bed.agent.state_dir());
        assert_eq!(bed.check().exit, 3, "{name}");
        // Compiled anew, it would have been renamed into place: another inode.
        assert_eq!((before.len(), code(&bed.agent.state_dir())), (1, before), "{name}");
    }
}
