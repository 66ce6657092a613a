//! A plugin that does what no plugin should, by its setting `how`: the agent must contain each.

use pgreeve_sdk::{
    Capability, Database, Failure, Finding, Level, Manifest, Metric, Plugin, Problem, Reason, Report, Run, Status,
    finding, manifest, metric,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What to do.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Behave.
    NotAtAll,
    /// Compute for ever.
    Loop,
    /// Take memory until there is no more.
    Memory,
    /// Panic.
    Trap,
    /// Call itself until the stack is used up.
    Recursion,
    /// Ask the database to sleep.
    Sleep,
    /// Call the host for ever.
    Calls,
    /// Log lines that would look like others, and more than allowed.
    Log,
    /// Say the same key twice.
    SameKey,
    /// Answer a check that was not declared.
    OtherCheck,
    /// Not know, without saying why.
    NoReason,
    /// Measure what is not a number.
    NotANumber,
    /// Say more than allowed.
    TooMuch,
    /// Remember more than allowed.
    Remember,
    /// Say that the run failed.
    Fail,
    /// Say nothing.
    Nothing,
}

/// Settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What to do.
    how: How,
}

struct Misbehaves;

impl Plugin for Misbehaves {
    type Settings = Settings;
    type Observed = Option<Finding>;

    fn manifest() -> Manifest {
        manifest("misbehaves", env!("CARGO_PKG_VERSION"), "Does what no plugin should")
            .check("check", "A check", "Always ok.")
            .want(Capability::Postgres, false, "to sleep")
    }

    fn check_settings(settings: &Settings) -> Vec<Problem> {
        match settings.how {
            How::Nothing => vec![Problem::at("/how", "saying nothing is no setting")],
            _ => Vec::new(),
        }
    }

    fn observe(run: &Run<Settings>) -> Result<Self::Observed, Failure> {
        match run.settings.how {
            How::Loop => {
                let mut turns: u64 = 0;
                while std::hint::black_box(turns) < u64::MAX {
                    turns += 1;
                }
            }
            How::Memory => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(vec![1; 1 << 20]);
                }
            }
            How::Trap => std::process::abort(),
            How::Recursion => {
                std::hint::black_box(deeper(1));
            }
            How::Sleep => {
                let slept = Database::named("main").rows::<Empty>("select pg_sleep(3600) is null as nothing");
                return Ok(Some(Finding::unknown("check", "", Reason::Unreachable, format!("{:?}", slept.err()))));
            }
            How::Calls => loop {
                let _ = pgreeve_sdk::recall::<String>("nothing");
            },
            How::Log => {
                pgreeve_sdk::log(Level::Info, "a line\n2026-01-01 ERROR forged\x1b[31m");
                for _ in 0..2_000 {
                    pgreeve_sdk::log(Level::Info, &"x".repeat(200));
                }
            }
            How::Remember => {
                let refused = pgreeve_sdk::remember("much", &"x".repeat(2 << 20)).is_err();
                return Ok(Some(finding("check", "", Status::Ok, format!("refused: {refused}"))));
            }
            How::Fail => return Err(Failure { message: "the moon is wrong".into(), advice: Some("wait".into()) }),
            _ => {}
        }
        Ok(None)
    }

    fn judge(run: &Run<Settings>, observed: &Self::Observed) -> Report {
        let ok = || finding("check", "", Status::Ok, "well behaved");
        let metrics: Vec<Metric> = match run.settings.how {
            How::NotANumber => vec![metric("lag_bytes", f64::NAN, "bytes", &[])],
            _ => Vec::new(),
        };
        let findings = match run.settings.how {
            How::SameKey => vec![ok(), ok()],
            How::OtherCheck => vec![finding("other", "", Status::Ok, "…")],
            How::NoReason => vec![finding("check", "", Status::Unknown, "…")],
            How::TooMuch => (0..2_000).map(|number| finding("check", &number.to_string(), Status::Ok, "…")).collect(),
            How::Nothing => Vec::new(),
            _ => vec![observed.clone().unwrap_or_else(ok)],
        };
        Report { findings, metrics, proposals: Vec::new() }
    }
}

#[derive(Deserialize)]
struct Empty {}

fn deeper(depth: u64) -> u64 {
    if depth == u64::MAX {
        return 0;
    }
    let room = std::hint::black_box([depth; 64]);
    deeper(depth + 1) + room.iter().sum::<u64>()
}

pgreeve_sdk::export!(Misbehaves);
