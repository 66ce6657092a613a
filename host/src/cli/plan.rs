//! `pgreeve plan JOB`: one run now, and what would be done about what it proposes under the present policy. Nothing is carried out.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::{Failure, OutputFormat, check, load, output};
use crate::actions::acting::short;
use crate::actions::perform::{Rehearsal, rehearse};
use crate::actions::policy::{Decision, Situation, decide};
use crate::actions::prepare::{self, Prepared};
use crate::actions::what::What;
use crate::config::{Config, Job};
use crate::perform::{Call, perform};
use crate::report::verdict::verdict;
use crate::report::{Cause, Outcome};
use crate::store::{Standing, State, StoreHandle};

pub(super) fn main(path: &Path, name: &str, rehearsed: bool, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    load::runtime()?.block_on(async {
        let loaded = load::load(path, load::StateDir::AsItIs).await?;
        let job = check::job(&loaded.config, name)?;
        let history = load::store(&loaded.config.agent.state_dir).ok().map(StoreHandle::start).transpose()?;
        let finished = perform(job, Call::new(Cause::Manual, check::interrupted()?), history.as_ref()).await;
        let Outcome::Reported { report } = &finished.outcome else {
            let (_, why) = verdict(&finished.outcome);
            return Err(format!("{name}: nothing is proposed, for the run did not report: {why}").into());
        };
        let standing = match &history {
            Some(history) => {
                history
                    .call({
                        let name = name.to_owned();
                        move |store| store.proposals(Some(&name), true)
                    })
                    .await?
            }
            None => Vec::new(),
        };
        let mut plans = Vec::new();
        for prepared in prepare::all(job, report) {
            plans.push(plan(&loaded.config, job, prepared, &standing, rehearsed).await);
        }
        match format {
            OutputFormat::Json => {
                output::json(&json!({ "job": name, "plan": plans.iter().map(Plan::document).collect::<Vec<_>>() }))?;
            }
            OutputFormat::Human if plans.is_empty() => output::line(&format!("{name}: nothing is proposed"))?,
            OutputFormat::Human => output::line(plans.iter().map(Plan::human).collect::<String>().trim_end())?,
        }
        if let Some(history) = history {
            history.close().await;
        }
        Ok(0)
    })
}

struct Plan {
    prepared: Prepared,
    decision: Decision,
    rehearsal: Option<Rehearsal>,
}

async fn plan(config: &Config, job: &Job, prepared: Prepared, standing: &[Standing], rehearsed: bool) -> Plan {
    let known = standing.iter().find(|standing| standing.id == prepared.proposed.id);
    let state = match (&prepared.proposed.lines, known.map(|known| known.state)) {
        (Err(_), _) => State::Refused,
        (Ok(_), Some(state)) if state.stands() => state,
        (Ok(_), _) => State::Open,
    };
    let decision = decide(Situation {
        actions: &config.actions,
        rule: job.rules.get(&prepared.action.id),
        risk: prepared.action.risk,
        paused: None,
        state,
        failures: known.map_or(0, |known| known.failures),
        now: jiff::Timestamp::now(),
        tz: &job.plan.tz,
    });
    let rehearsal = match &prepared.what {
        Some(What::Sql { scope, statements, timeout, transactional: true }) if rehearsed => {
            Some(rehearse(scope, statements, *timeout).await)
        }
        _ => None,
    };
    Plan { prepared, decision, rehearsal }
}

impl Plan {
    fn words(&self) -> (&'static str, String) {
        match (&self.prepared.proposed.lines, &self.decision) {
            (Err(why), _) => ("can never be carried out", why.clone()),
            (Ok(_), Decision::Go) => ("would be carried out", "its policy is auto, or it is approved".to_owned()),
            (Ok(_), Decision::Ask(why)) => ("would wait for `pgreeve approve`", why.clone()),
            (Ok(_), Decision::Wait(why)) => ("would wait", why.clone()),
            (Ok(_), Decision::Never(why)) => ("would not be carried out", why.clone()),
        }
    }

    fn human(&self) -> String {
        let (proposed, (what, why)) = (&self.prepared.proposed, self.words());
        let place = self.prepared.what.as_ref().map_or_else(|| proposed.told.target.clone(), What::place);
        let mut out = format!("{} on {place} {what}: {why}\n", proposed.told.action);
        for line in proposed.lines.iter().flatten() {
            let _ = writeln!(out, "    {}", line.replace('\n', "\n    "));
        }
        let _ = writeln!(
            out,
            "    because {}; clears {}; risk {}; id {}",
            proposed.told.reason,
            proposed.told.clears.join(", "),
            proposed.risk,
            short(&proposed.id)
        );
        if let Some(rehearsal) = &self.rehearsal {
            let _ = writeln!(
                out,
                "    rehearsed, and rolled back:\n      {}",
                rehearsal.to_string().trim_end().replace('\n', "\n      ")
            );
        }
        out
    }

    fn document(&self) -> Value {
        let (proposed, (what, why)) = (&self.prepared.proposed, self.words());
        json!({
            "id": proposed.id, "action": proposed.told.action, "target": proposed.told.target, "arguments": proposed.told.arguments,
            "clears": proposed.told.clears, "reason": proposed.told.reason, "risk": proposed.risk,
            "lines": proposed.lines.as_ref().ok(), "verdict": what, "why": why, "rehearsal": self.rehearsal,
        })
    }
}
