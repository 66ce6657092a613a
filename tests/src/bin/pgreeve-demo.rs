//! `make demo`: a throwaway primary with a streaming standby, the agent beside them, something that breaks, how the agent finds it, and what it
//! does about it when it may.
//! Everything runs in temporary directories and ends with this program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pgreeve_tests::agent::{Agent, Daemon};
use pgreeve_tests::testbed::{Options, Server, StandbyOptions, available};
use rustix::process::Signal;

const CONFIG: &str = r#"
[agent]
state_dir = "STATE"

[postgres.primary]
dsn = "PRIMARY"

[postgres.standby1]
dsn = "STANDBY"
act_dsn = "ACTOR"                         # for actions that a job allows, and for nothing else

[plugin.replication]
path = "PLUGINS/replication.wasm"

[job.primary]
plugin = "replication"
schedule = "* * * * * *"                  # every second, for the demo
grant = { postgres = ["primary"] }
settings = { expect = ["standby1"] }

[job.standby]
plugin = "replication"
schedule = "* * * * * *"
grant = { postgres = ["standby1"] }
settings = { pause_allowed = "1s" }
actions = { resume-replay = "approve" }   # carried out after `pgreeve approve ID`
"#;

fn main() {
    let began = Instant::now();
    let major = available().into_iter().find(|major| major.0 == 15).expect("PostgreSQL 15");
    say(&format!("Starting a PostgreSQL {} primary and a streaming standby in temporary directories", major.0));
    let primary = Server::start(major, &Options::default());
    primary.create_roles();
    primary.exec("CREATE ROLE actor LOGIN; GRANT EXECUTE ON FUNCTION pg_wal_replay_resume() TO actor");
    primary.exec("CREATE TABLE orders (id bigserial, at timestamptz DEFAULT now(), note text)");
    let slot =
        StandbyOptions { slot: Some("standby1"), application_name: Some("standby1"), ..StandbyOptions::default() };
    let standby = primary.standby("standby1", &slot);
    standby.catch_up_with(&primary);
    let writer = Writer::start(&primary);

    say("Starting the agent: one plugin, two jobs, a login role that has pg_monitor and nothing else");
    let text = CONFIG
        .replace("PRIMARY", &primary.dsn("observer", "postgres"))
        .replace("STANDBY", &standby.dsn("observer", "postgres"))
        .replace("ACTOR", &standby.dsn("actor", "postgres"));
    let agent = Agent::new(&text);
    let mut daemon = agent.start();
    let mut follow = Follow::new();
    follow.until(&daemon, &["is running"]);

    say("All is well. An operator asks:");
    show(&agent, &["check", "primary"]);
    show(&agent, &["check", "standby"]);

    say("Now the standby's WAL receiver stops, while the primary goes on writing");
    follow.step();
    standby.stop_wal_receiver();
    follow.until(&daemon, &["standby: critical"]);
    follow.until(&daemon, &["primary: critical"]);
    say("The agent has raised it. The operator asks again:");
    show(&agent, &["check", "primary"]);
    show(&agent, &["check", "standby"]);

    say("The operator follows the advice; the standby connects again");
    follow.step();
    standby.start_wal_receiver();
    follow.until(&daemon, &["standby: cleared"]);
    follow.until(&daemon, &["primary: cleared"]);
    show(&agent, &["check", "primary"]);
    show(&agent, &["check", "standby"]);

    say("Somebody pauses replay for a report, and forgets it; the plugin proposes what would help");
    follow.step();
    standby.exec("SELECT pg_wal_replay_pause()");
    let id = proposed(&agent);
    show(&agent, &["proposals"]);
    say("The operator allows it. The agent has the plugin look again, acts, and has it look whether that helped");
    show(&agent, &["approve", &id, "--why", "the report is done"]);
    follow.until(&daemon, &["resume-replay", "verified"]);
    show(&agent, &["audit", "--limit", "5"]);
    show(&agent, &["audit", "verify"]);

    say("What the agent recorded");
    show(&agent, &["jobs"]);
    show(&agent, &["runs", "--limit", "6"]);
    show(&agent, &["metrics", "replay_lag_bytes", "--since", "1m"]);

    say("Stopping the agent, the standby and the primary");
    daemon.signal(Signal::TERM);
    let _ = daemon.wait();
    writer.stop();
    drop(standby);
    drop(primary);
    println!();
    println!("Done in {:.0} s; nothing is left running. Where to look next:", began.elapsed().as_secs_f64());
    println!("  README.md                    install it beside a server of yours");
    println!("  agent.toml                   every setting, commented");
    println!("  docs/plugin-replication.md   every check: what its answers mean, what to do");
    println!("  docs/architecture.md         how it is built");
}

/// The first digits of what is proposed, once something is.
fn proposed(agent: &Agent) -> String {
    let began = Instant::now();
    loop {
        if let Some(id) = agent.proposals().first().and_then(|proposal| proposal.get("id")?.as_str()) {
            return id.chars().take(8).collect();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is proposed within a minute");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn say(text: &str) {
    let text = format!("── {text}");
    println!("\n{}", if std::io::stdout().is_terminal() { format!("\x1b[1m{text}\x1b[0m") } else { text });
}

/// Runs a command of the agent's and shows what it prints and how it exits.
fn show(agent: &Agent, arguments: &[&str]) {
    let quoted =
        |argument: &&str| if argument.contains(' ') { format!("{argument:?}") } else { (*argument).to_owned() };
    println!("$ pgreeve {}", arguments.iter().map(quoted).collect::<Vec<_>>().join(" "));
    let status = agent.command(arguments).status().expect("pgreeve runs");
    if arguments.first() == Some(&"check") {
        println!("(exit status {})", status.code().unwrap_or(-1));
    }
}

/// Shows the agent's log as it grows.
struct Follow {
    /// Bytes shown.
    shown: usize,
    /// Where the present step began: what was logged before it does not count.
    step: usize,
}

impl Follow {
    fn new() -> Self {
        Self { shown: 0, step: 0 }
    }

    /// A new step begins.
    fn step(&mut self) {
        self.step = self.shown;
    }

    /// Shows whole lines until this step has had one with all of these words.
    fn until(&mut self, daemon: &Daemon, words: &[&str]) {
        let has = |line: &str| words.iter().all(|word| line.contains(word));
        daemon.wait_until(&words.join(" … "), |log| {
            whole(log).get(self.step..).is_some_and(|new| new.lines().any(has))
        });
        let log = daemon.log();
        let log = whole(&log);
        for line in log.get(self.shown..).unwrap_or_default().lines() {
            println!("  agent │ {line}");
        }
        self.shown = log.len();
    }
}

/// The log up to its last whole line.
fn whole(log: &str) -> &str {
    log.get(..log.rfind('\n').map_or(0, |end| end + 1)).unwrap_or_default()
}

/// Somebody who goes on writing to the primary.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Writer {
    fn start(primary: &Server) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (session, flag) = (primary.session("postgres"), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                session.sql("INSERT INTO orders (note) SELECT repeat('x', 200) FROM generate_series(1, 20)");
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}
