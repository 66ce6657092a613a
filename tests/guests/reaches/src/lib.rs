//! A plugin that makes the calls its settings list, one after the other, whatever they are, and reports each answer as a finding: what
//! tests drive their attacks with.

mod calls;

use pgreeve_sdk::{
    Capability, Error, Failure, Finding, Limit, Manifest, Plugin, Report, Run, Status, finding, manifest, reason_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

pub use calls::{Argument, Call, Parameter};
use calls::{Held, Told};

/// What to ask.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The calls, made in this order.
    calls: Vec<Call>,
    /// Make them in the opposite order: what a plugin does that a recording no longer fits.
    #[serde(default)]
    backwards: bool,
}

struct Reaches;

impl Plugin for Reaches {
    type Settings = Settings;
    type Observed = Vec<Result<Told, Error>>;

    fn manifest() -> Manifest {
        use Capability::{Commands, Files, Http, Objects, Postgres, Redis, System};
        let manifest = manifest("reaches", env!("CARGO_PKG_VERSION"), "Makes the calls that its settings list").check(
            "call",
            "One call",
            "Ok with the answer, unknown with the error.",
        );
        [Postgres, Http, Files, Objects, Redis, Commands, System]
            .into_iter()
            .fold(manifest, |manifest, capability| manifest.want(capability, false, "to try what it can reach"))
    }

    fn observe(run: &Run<Settings>) -> Result<Self::Observed, Failure> {
        let mut held = Held::default();
        let calls = &run.settings.calls;
        Ok(match run.settings.backwards {
            false => calls.iter().map(|call| call.make(&mut held)).collect(),
            true => calls.iter().rev().map(|call| call.make(&mut held)).collect(),
        })
    }

    fn judge(_: &Run<Settings>, observed: &Self::Observed) -> Report {
        let findings = observed.iter().enumerate().map(|(number, answer)| judge(&number.to_string(), answer)).collect();
        Report { findings, metrics: Vec::new(), proposals: Vec::new() }
    }
}

/// One answer, with the error taken apart into facts.
fn judge(number: &str, answer: &Result<Told, Error>) -> Finding {
    let error = match answer {
        Ok(told) => {
            return finding("call", number, Status::Ok, format!("{} answered", told.count))
                .fact("kind", "told")
                .fact("count", told.count)
                .fact("answer", &told.text);
        }
        Err(error) => error,
    };
    let finding = Finding::unknown("call", number, reason_of(error), error.line()).fact("kind", kind(error));
    match error {
        Error::Denied(text) | Error::Unreachable(text) | Error::TimedOut(text) | Error::Invalid(text) => {
            finding.fact("text", text)
        }
        Error::LimitExceeded(limit) => finding.fact("text", limit_word(*limit)),
        Error::Remote(remote) => finding
            .fact("code", &remote.code)
            .fact("text", &remote.message)
            .fact_or_none("detail", remote.detail.as_ref())
            .fact_or_none("hint", remote.hint.as_ref()),
    }
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Denied(_) => "denied",
        Error::LimitExceeded(_) => "limit-exceeded",
        Error::Unreachable(_) => "unreachable",
        Error::TimedOut(_) => "timed-out",
        Error::Invalid(_) => "invalid",
        Error::Remote(_) => "remote",
    }
}

fn limit_word(limit: Limit) -> &'static str {
    match limit {
        Limit::Rows => "rows",
        Limit::Bytes => "bytes",
        Limit::Time => "time",
        Limit::Calls => "calls",
        Limit::Handles => "handles",
        Limit::Quota => "quota",
    }
}

pgreeve_sdk::export!(Reaches);
