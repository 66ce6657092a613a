//! `pgreeve plan JOB`: one run now, and what would be done about what it proposes under the policy of agent.toml as it stands, which need not be
//! the one that the agent has in force: that is what a plan is for. Nothing is carried out.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::agent::{self, Absent, Answer};
use super::{Failure, OutputFormat, check, load, output};
use crate::actions::acting::short;
use crate::actions::perform::{Rehearsal, rehearse};
use crate::actions::policy::{Decision, Situation, decide, pace};
use crate::actions::prepare::{self, Prepared};
use crate::actions::what::What;
use crate::config::{Config, Job, Mode};
use crate::grants::objects::{self, Load};
use crate::perform::{Call, perform};
use crate::report::verdict::verdict;
use crate::report::{Cause, Outcome};
use crate::serve::proposals::page;
use crate::store::{ProposalFilter, State, Store, StoreError, StoreHandle};

pub(super) fn main(path: &Path, name: &str, rehearsed: bool, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    load::runtime()?.block_on(async {
        let loaded = load::load(path, load::StateDir::AsItIs).await?;
        let job = check::job(&loaded.config, name)?;
        let history = load::store(&loaded.config.agent.state_dir).ok().map(StoreHandle::start).transpose()?;
        // Before the run: who may not ask makes none.
        let present = present(&loaded.config, name).await?;
        let finished = perform(job, Call::new(Cause::Manual, check::interrupted()?), history.as_ref()).await;
        let Outcome::Reported { report } = &finished.outcome else {
            let (_, why) = verdict(&finished.outcome);
            return Err(format!("{name}: nothing is proposed, for the run did not report: {why}").into());
        };
        let mut plans = Vec::new();
        for prepared in prepare::all(job, report) {
            let slow = match &history {
                Some(history) => slow(&loaded.config, job, &prepared, history).await?,
                None => None,
            };
            let waits = match slow {
                None => elsewhere(job, &prepared, history.as_ref()).await?,
                slow => slow,
            };
            plans.push(plan(&loaded.config, job, prepared, &present, waits, rehearsed).await);
        }
        match format {
            OutputFormat::Json => {
                let policy = json!({
                    "file": loaded.config.path, "sha256": loaded.config.digest.to_string(), "in_force": present.in_force,
                });
                let plans: Vec<_> = plans.iter().map(Plan::document).collect();
                let document = json!({ "job": name, "policy": policy, "paused": present.paused, "plan": plans });
                output::json(&agent::told(document, present.absent.as_ref()))?;
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

/// How things stand now.
struct Present {
    /// Why there is no agent to ask.
    absent: Option<Absent>,
    /// The agent has this very agent.toml.
    in_force: bool,
    /// Why no action begins, if all are paused.
    paused: Option<String>,
    /// The job's proposals.
    proposals: Vec<Value>,
}

/// What the agent says of that, or what it left.
async fn present(config: &Config, job: &str) -> Result<Present, Failure> {
    let general = load::General::of(config);
    let told = agent::asked(&general, async |client| {
        let policies: Value = client.get("/v1/actions").await?;
        let query = [("job", job), ("all", "true")];
        Ok((policies, client.list("/v1/proposals", &query, "proposals", usize::MAX).await?.items))
    });
    match told.await? {
        Answer::Agent((policies, proposals)) => {
            let means = "this plan goes by the file, the agent does not yet";
            let changed = agent::changed(&general, policies.get("config").unwrap_or(&Value::Null), means);
            let paused = policies.get("paused").and_then(Value::as_str).map(str::to_owned);
            Ok(Present { absent: None, in_force: !changed, paused, proposals })
        }
        Answer::Nobody(absent) => {
            absent.note("this plan goes by agent.toml and by what the agent left");
            let (paused, proposals) = match Store::open_reader(&config.agent.state_dir) {
                Ok(store) => (super::actions::paused(&store)?, left(&store, job)?),
                // A state directory that was never used.
                Err(StoreError::Absent { .. }) => (None, Vec::new()),
                Err(error) => return Err(format!("what the agent left cannot be read: {error}").into()),
            };
            Ok(Present { absent: Some(absent), in_force: false, paused, proposals })
        }
    }
}

/// The proposals of a job that the store has.
fn left(store: &Store, job: &str) -> Result<Vec<Value>, StoreError> {
    let filter = ProposalFilter { job: Some(job.to_owned()), all: true, limit: u32::MAX, ..Default::default() };
    let mut page = page(store, &filter)?;
    Ok(page.get_mut("proposals").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default())
}

struct Plan {
    prepared: Prepared,
    decision: Decision,
    /// What would be touched, or why nobody tried.
    rehearsal: Option<Result<Rehearsal, &'static str>>,
    /// Of an upload: what it carries, and to where; or why that cannot be told.
    sends: Option<Result<(Load, String), String>>,
}

/// Why the pace of the action keeps it waiting, if it does.
async fn slow(
    config: &Config,
    job: &Job,
    prepared: &Prepared,
    history: &StoreHandle,
) -> Result<Option<String>, StoreError> {
    let pace = pace(&config.actions, job.rules.get(&prepared.action.id));
    let (id, job, action) = (prepared.proposed.id.clone(), job.name.clone(), prepared.action.id.clone());
    let asked = history.call(move |store| store.pace(&id, &job, &action, pace, jiff::Timestamp::now()));
    Ok(asked.await?.err())
}

/// Why the rule's `when` keeps it waiting, if it does: asked by a run of its own, as the agent's run before the action asks.
async fn elsewhere(job: &Job, prepared: &Prepared, history: Option<&StoreHandle>) -> Result<Option<String>, Failure> {
    let Some(when) = job.rules.get(&prepared.action.id).and_then(|rule| rule.when) else { return Ok(None) };
    let call = Call { when: Some(when), ..Call::new(Cause::Manual, check::interrupted()?) };
    match perform(job, call, history).await.outcome {
        Outcome::Skipped { message } => Ok(Some(message)),
        _ => Ok(None),
    }
}

async fn plan(
    config: &Config,
    job: &Job,
    prepared: Prepared,
    present: &Present,
    waits: Option<String>,
    rehearsed: bool,
) -> Plan {
    let known = present.proposals.iter().find(|known| known.get("id").is_some_and(|id| *id == *prepared.proposed.id));
    let state = known.and_then(|known| State::from_word(known.get("state")?.as_str()?));
    let state = match (&prepared.proposed.lines, state) {
        (Err(_), _) => State::Refused,
        (Ok(_), Some(state)) if state.stands() => state,
        (Ok(_), _) => State::Open,
    };
    let failures = known.and_then(|known| known.get("failures")?.as_u64());
    let now = jiff::Timestamp::now();
    let since = known.and_then(|known| known.get("changed")?.as_str()?.parse().ok()).unwrap_or(now);
    let decision = decide(Situation {
        actions: &config.actions,
        rule: job.rules.get(&prepared.action.id),
        risk: prepared.action.risk,
        paused: present.paused.as_deref().or(waits.as_deref()),
        state,
        failures: failures.and_then(|failures| u32::try_from(failures).ok()).unwrap_or(0),
        repeatable: prepared.action.repeatable,
        since,
        now,
        tz: &job.plan.tz,
    });
    let denied = job.rules.get(&prepared.action.id).is_some_and(|rule| rule.mode == Mode::Deny);
    let rehearsal = match &prepared.what {
        _ if !rehearsed => None,
        None => None,
        Some(_) if denied => Some(Err("its policy is deny")),
        Some(What::Sql { scope, statements, timeout, transactional: true }) => {
            Some(Ok(rehearse(scope, statements, *timeout).await))
        }
        Some(What::Sql { .. }) => Some(Err("its statements are not in one transaction, so nothing would undo them")),
        Some(_) => Some(Err("it is no SQL, so nothing would undo it")),
    };
    let sends = match &prepared.what {
        Some(What::Upload { store, directory, before, last, .. }) => {
            let load = objects::load(directory, before, last).await;
            Some(load.map(|load| (load, store.to_string())).map_err(|error| error.to_string()))
        }
        _ => None,
    };
    Plan { prepared, decision, rehearsal, sends }
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
            out.push_str(&output::statement(line, 4));
        }
        let _ = writeln!(
            out,
            "    because {}; clears {}; risk {}; id {}",
            proposed.told.reason,
            proposed.told.clears.join(", "),
            proposed.risk,
            short(&proposed.id)
        );
        match &self.sends {
            Some(Ok((Load { files, bytes }, to))) => {
                let size = bytesize::ByteSize(*bytes);
                let _ = writeln!(
                    out,
                    "    carries {files} files, {bytes} bytes ({size}), to {to}; what is there already is not sent again"
                );
            }
            Some(Err(why)) => _ = writeln!(out, "    what it carries cannot be told: {why}"),
            None => {}
        }
        match &self.rehearsal {
            Some(Ok(rehearsal)) => {
                let _ = writeln!(out, "    {}", rehearsal.to_string().trim_end().replace('\n', "\n    "));
            }
            Some(Err(why)) => _ = writeln!(out, "    not rehearsed: {why}"),
            None => {}
        }
        out
    }

    fn document(&self) -> Value {
        let (proposed, (what, why)) = (&self.prepared.proposed, self.words());
        json!({
            "id": proposed.id, "action": proposed.told.action, "target": proposed.told.target, "arguments": proposed.told.arguments,
            "clears": proposed.told.clears, "reason": proposed.told.reason, "risk": proposed.risk,
            "lines": proposed.lines.as_ref().ok(), "verdict": what, "why": why,
            "carries": self.sends.as_ref().and_then(|sends| sends.as_ref().ok()).map(|(load, _)| load),
            "rehearsal": self.rehearsal.as_ref().and_then(|rehearsal| rehearsal.as_ref().ok()),
            "not_rehearsed": self.rehearsal.as_ref().and_then(|rehearsal| rehearsal.as_ref().err()),
        })
    }
}
