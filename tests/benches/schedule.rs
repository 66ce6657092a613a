//! How late runs start, and what an agent with many jobs costs: 10,000 jobs, each every ten minutes (17 due at each second) and each every
//! minute (167 due at each second, of which 16 run at a time).
//! `make bench`; takes two minutes.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pgreeve_tests::agent::Agent;
use rustix::process::Signal;
use serde_json::Value;

const JOBS: usize = 10_000;
const SECONDS: u64 = 40;

fn main() {
    measure("every ten minutes", |job| format!("{} {}-59/10 * * * *", job % 60, job / 60 % 10));
    measure("every minute", |job| format!("{} * * * * *", job % 60));
}

fn measure(often: &str, schedule: impl Fn(usize) -> String) {
    let mut config =
        "[agent]\nstate_dir = \"STATE\"\nmax_running = 16\n[plugin.quiet]\npath = \"PLUGINS/quiet.wasm\"\n".to_owned();
    for job in 0..JOBS {
        write!(config, "[job.j{job}]\nplugin = \"quiet\"\nschedule = \"{}\"\n", schedule(job)).unwrap();
    }
    let agent = Agent::new(&config);
    let began = Instant::now();
    let mut daemon = agent.start();
    println!("{JOBS} jobs, each {often}; ready after {:.1?}", began.elapsed());
    std::thread::sleep(Duration::from_secs(2));
    let (began, cpu) = (Instant::now(), cpu_seconds(daemon.pid()));
    std::thread::sleep(Duration::from_secs(SECONDS));
    let share = (cpu_seconds(daemon.pid()) - cpu) / began.elapsed().as_secs_f64();
    let memory = status(daemon.pid(), "VmRSS:");
    daemon.signal(Signal::TERM);
    daemon.wait();

    let output = agent.run(&["runs", "--limit", "1000000", "--format", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let time = |run: &Value, key: &str| run[key].as_str().unwrap().parse::<Timestamp>().unwrap().as_microsecond();
    let mut late: Vec<i64> =
        answer["runs"].as_array().unwrap().iter().map(|run| time(run, "started") - time(run, "due")).collect();
    late.sort_unstable();
    let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    println!(
        "{} runs; lateness p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        late.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    println!(
        "{:.0} % of one processor for {:.0} runs a second, {memory} KiB resident",
        share * 100.0,
        late.len() as f64 / (SECONDS + 2) as f64
    );
}

/// User and system time of a process.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn status(pid: u32, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}
