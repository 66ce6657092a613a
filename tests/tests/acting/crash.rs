//! Exactly once: an agent that is killed at any moment never does anything twice by itself.
//!
//! Each kill is a `kill -9` at a random moment. What the log and the table say afterwards tells where it met the action, and the next moment is
//! drawn from where the phase that was met least is, by the kills so far: phases of a millisecond are met as well as those of a second.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::bed::{Bed, await_that};

/// Agents that are killed side by side, each with a server of its own.
const BEDS: u64 = 4;

/// Kills in all from which on each phase has to have been met.
const ENOUGH: u32 = 200;

/// Where a kill met an action that is done in steps, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Nothing was begun by this agent.
    BeforeAny,
    /// The intention is on the disk, and nothing has happened.
    Begun,
    /// Its first statement has happened, its last has not.
    HalfWay,
    /// All of it has happened, and that is not on the disk.
    Done,
    /// Its end is on the disk, and what the plugin sees of it is not.
    Ended,
    /// All is on the disk, and the next is not begun.
    Settled,
}

const PHASES: [Phase; 6] = [Phase::BeforeAny, Phase::Begun, Phase::HalfWay, Phase::Done, Phase::Ended, Phase::Settled];

/// An environment variable that is a number.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(bound.as_nanos()).unwrap().max(1);
        Duration::from_nanos(self.0 % bound)
    }
}

/// The kills so far: how long after the start (`BeforeAny`) or after the first action's begin, and what they met.
#[derive(Default)]
struct Kills(Vec<(Duration, Phase)>);

impl Kills {
    fn met(&self, phase: Phase) -> usize {
        self.0.iter().filter(|(_, met)| *met == phase).count()
    }

    /// The phase that was met least.
    fn wanted(&self) -> Phase {
        PHASES.into_iter().min_by_key(|phase| self.met(*phase)).unwrap()
    }

    /// When to kill for a phase: somewhere between the middle of those that were too early and the middle of those that were too late.
    fn moment(&self, wanted: Phase, random: &mut Random) -> Duration {
        let middle = |which: &dyn Fn(Phase) -> bool| {
            let met = self.0.iter().filter(|(_, phase)| *phase != Phase::BeforeAny && which(*phase));
            let mut delays: Vec<Duration> = met.map(|(delay, _)| *delay).collect();
            delays.sort();
            delays.get(delays.len() / 2).copied()
        };
        let from = middle(&|phase| phase < wanted).unwrap_or_default();
        let to = middle(&|phase| phase > wanted).unwrap_or(Duration::from_millis(250));
        if wanted == Phase::BeforeAny {
            random.below(Duration::from_secs(1))
        } else if from < to {
            from + random.below(to - from)
        } else {
            random.below(Duration::from_millis(250))
        }
    }
}

#[test]
fn killed_at_any_moment_nothing_is_done_twice_by_itself() {
    let kills = u32::try_from(number("PGREEVE_KILLS").unwrap_or(300)).unwrap();
    let now = || u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap();
    let seed = number("PGREEVE_SEED").unwrap_or_else(now) | 1;
    println!("PGREEVE_KILLS={kills} PGREEVE_SEED={seed}");
    let each = kills.div_ceil(u32::try_from(BEDS).unwrap());
    let killed: Vec<(Kills, usize)> = std::thread::scope(|scope| {
        let beds = (1..=BEDS).map(|bed| scope.spawn(move || killed(each, Random(seed.wrapping_mul(2 * bed + 1)))));
        let beds: Vec<_> = beds.collect();
        beds.into_iter().map(|bed| bed.join().unwrap()).collect()
    });
    for phase in PHASES {
        let met: usize = killed.iter().map(|(kills, _)| kills.met(phase)).sum();
        println!("{met:4} kills met {phase:?}");
        assert!(met > 0 || kills < ENOUGH, "no kill met {phase:?}");
    }
    let doubts: usize = killed.iter().map(|(_, doubts)| doubts).sum();
    println!("{} kills, {doubts} times an action was in doubt", 4 * each);
    assert!(doubts > 0, "no kill met an action");
}

/// Kills an agent so often, and counts what was done; its kills, and how often it said that an action is in doubt.
fn killed(times: u32, mut random: Random) -> (Kills, usize) {
    let bed = Bed::new("steps = { policy = \"auto\", max_per_hour = 100000 }", "");
    bed.server.exec("CREATE TABLE settled (id int); CREATE SEQUENCE numbers");
    let mut kills = Kills::default();
    for round in 0..times {
        if round % 8 == 7 {
            // Somebody looks at what is in doubt, and settles it.
            bed.server.exec("WITH gone AS (DELETE FROM todo RETURNING id) INSERT INTO settled SELECT id FROM gone");
        }
        bed.server.exec(
            "INSERT INTO todo (id, action) SELECT nextval('numbers'), 'steps'
             FROM generate_series(1, 12 - (SELECT count(*) FROM todo)::int)",
        );
        kill_once(&bed, &mut kills, &mut random);
    }
    let daemon = bed.agent.start();
    await_that("all that nobody doubts is done", || {
        let settled = |state: &Value| ["verified", "gone", "uncertain"].contains(&state.as_str().unwrap());
        bed.proposals().iter().all(|proposal| settled(&proposal["state"]))
    });
    let doubts = daemon.log().matches("was carried out is not known").count();
    drop(daemon);
    let twice = bed.server.value(
        "SELECT string_agg(id::text, ',') FROM (SELECT id FROM effects GROUP BY id HAVING count(*) > 1) AS twice",
    );
    assert_eq!(twice, None, "done twice");
    let lost = bed.server.value(
        "SELECT string_agg(n::text, ',') FROM generate_series(1, (SELECT max(id) FROM effects)) AS n
         WHERE n NOT IN (SELECT id FROM effects UNION SELECT id FROM todo UNION SELECT id FROM settled)",
    );
    assert_eq!(lost, None, "taken out of todo without its effect");
    let verified = bed.agent.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    (kills, doubts)
}

/// Starts the agent, kills it, and looks what that met.
fn kill_once(bed: &Bed, kills: &mut Kills, random: &mut Random) {
    let log = bed.agent.state_dir().join("audit.jsonl");
    let written = || fs::read_to_string(&log).unwrap_or_default();
    let past = written().len();
    let begun = || written()[past..].contains("\"event\":\"begun\"");
    let wanted = kills.wanted();
    let delay = kills.moment(wanted, random);
    let mut daemon = bed.agent.spawn();
    let spawned = Instant::now();
    while wanted != Phase::BeforeAny && !begun() {
        assert!(spawned.elapsed() < Duration::from_secs(60), "nothing is begun:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(delay);
    daemon.signal(Signal::KILL);
    daemon.wait();
    let met = met(bed, &written()[past..]);
    kills.0.push((delay, met));
}

/// What a kill met, by what this agent has written down and what the action has done.
fn met(bed: &Bed, written: &str) -> Phase {
    // A line without its end was never acknowledged.
    let whole = &written[..written.rfind('\n').map_or(0, |end| end + 1)];
    let mut entries = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let newest = entries.rfind(|entry| ["begun", "ended", "settled"].contains(&entry["event"].as_str().unwrap()));
    let Some(newest) = newest else { return Phase::BeforeAny };
    let row = newest["arguments"][0]["value"].as_str().unwrap();
    let holds = |table: &str| bed.server.holds(&format!("SELECT EXISTS (SELECT FROM {table} WHERE id = {row})"));
    match newest["event"].as_str().unwrap() {
        "settled" => Phase::Settled,
        "ended" => Phase::Ended,
        _ if !holds("effects") => Phase::Begun,
        _ if holds("todo") => Phase::HalfWay,
        _ => Phase::Done,
    }
}
