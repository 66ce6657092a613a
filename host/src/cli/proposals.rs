//! `pgreeve proposals`: what plugins want done, exactly, how it stands and what became of it. Of the agent, if one runs; otherwise what it left,
//! which nobody stands by any more.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::agent::{self, Answer};
use super::{Failure, OutputFormat, load, output};
use crate::actions::acting::short;
use crate::actions::policy::{MOST_FAILURES, NOT_OURS};
use crate::client::{Client, ClientError};
use crate::serve::proposals::page;
use crate::store::{ProposalFilter, State, Store};

/// How long it is told that an approval came to nothing.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Which proposals.
pub(super) struct Wanted {
    /// A job's name, or the first digits of an id.
    pub(super) what: Option<String>,
    /// Also those that are over.
    pub(super) all: bool,
}

pub(super) fn main(path: &Path, wanted: &Wanted, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let general = load::general(path)?;
    let told = agent::ask(&general, async |client| {
        Ok((ask(client, wanted).await?, silent(client, wanted).await?, ended(client, wanted).await?))
    })?;
    let (mut found, silent, ended, absent) = match told {
        Answer::Agent((found, silent, ended)) => (found, silent, ended, None),
        Answer::Nobody(absent) => {
            let left = left(&Store::open_reader(&general.agent.state_dir), wanted);
            let left = left.map_err(|error| format!("{}, and what it left cannot be read: {error}", absent.why))?;
            (left, Vec::new(), Vec::new(), Some(absent))
        }
    };
    if let Some(absent) = &absent {
        absent.note("what it left is shown, nothing is carried out, and what stands is not known");
    }
    if let (true, true, Some(what)) = (found.is_empty(), silent.is_empty(), &wanted.what)
        && !general.jobs.contains(what)
    {
        return Err(format!("{what:?} is no job and no proposal's id; `pgreeve proposals --all` lists them").into());
    }
    // What was proposed last comes first.
    found.sort_by_cached_key(|proposal| (std::cmp::Reverse(time(proposal, "seen")), text(proposal, "id").to_owned()));
    match format {
        OutputFormat::Json => {
            // Under another key: a program that looks for what stands finds nothing here.
            let key = if absent.is_some() { "left" } else { "proposals" };
            output::json(&agent::told(json!({ key: found, "unanswered": silent }), absent.as_ref()))?;
            return Ok(0);
        }
        OutputFormat::Human if found.is_empty() && absent.is_some() => output::line("nothing was proposed")?,
        OutputFormat::Human if found.is_empty() => output::line("nothing is proposed")?,
        OutputFormat::Human => {
            let lines: Vec<String> = found.iter().flat_map(|proposal| human(proposal, absent.is_none())).collect();
            output::line(&lines.join("\n"))?;
        }
    }
    for proposal in &ended {
        let [id, job, action, target, why] = ["id", "job", "action", "target", "why"].map(|key| text(proposal, key));
        output::line(&format!(
            "{}  {:<11} {job}: {action} on {target} was approved and not carried out: {why}",
            short(id),
            "stale"
        ))?;
    }
    for job in &silent {
        let (job, why) = (text(job, "job"), text(job, "summary"));
        output::line(&format!("what {job} proposes is not known, for its last run gave no report: {why}"))?;
    }
    Ok(0)
}

/// The jobs whose last run gave no report, as far as they are asked for: nobody knows what they would propose now.
async fn silent(client: &Client, wanted: &Wanted) -> Result<Vec<Value>, ClientError> {
    let mut told = client.list("/v1/findings", &[], "findings", 1).await?.last;
    let mut silent = told.get_mut("unanswered").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    silent.retain(|job| wanted.what.as_ref().is_none_or(|what| text(job, "job") == what));
    Ok(silent)
}

/// What was approved, is not proposed any more, and was not carried out: for an hour, so that whoever approved it is told. They are in the list where
/// all are asked for, or one.
async fn ended(client: &Client, wanted: &Wanted) -> Result<Vec<Value>, ClientError> {
    if wanted.all || wanted.what.is_some() {
        return Ok(Vec::new());
    }
    let mut ended =
        client.list("/v1/proposals", &[("state", State::Stale.word())], "proposals", usize::MAX).await?.items;
    let now = Timestamp::now();
    ended.retain(|one| time(one, "changed").is_some_and(|at| now.duration_since(at) < TOLD_FOR));
    Ok(ended)
}

/// Those of the job, or else the ones whose id begins so.
async fn ask(client: &Client, wanted: &Wanted) -> Result<Vec<Value>, ClientError> {
    let all = wanted.all.to_string();
    let list = async |query: &[(&str, &str)]| {
        Ok::<_, ClientError>(client.list("/v1/proposals", query, "proposals", usize::MAX).await?.items)
    };
    let Some(what) = &wanted.what else { return list(&[("all", &all)]).await };
    let of_job = list(&[("job", what), ("all", &all)]).await?;
    if of_job.is_empty() { list(&[("id", what)]).await } else { Ok(of_job) }
}

/// The same, of the store.
fn left(store: &Result<Store, crate::store::StoreError>, wanted: &Wanted) -> Result<Vec<Value>, String> {
    let store = store.as_ref().map_err(ToString::to_string)?;
    let list = |filter: ProposalFilter| -> Result<Vec<Value>, String> {
        let mut found = page(store, &filter).map_err(|error| error.to_string())?;
        Ok(found.get_mut("proposals").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default())
    };
    let all = ProposalFilter { job: wanted.what.clone(), all: wanted.all, limit: u32::MAX, ..Default::default() };
    let found = list(all)?;
    match &wanted.what {
        Some(what) if found.is_empty() => {
            list(ProposalFilter { id: Some(what.clone()), limit: u32::MAX, ..Default::default() })
        }
        _ => Ok(found),
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A list's members.
fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn time(value: &Value, key: &str) -> Option<Timestamp> {
    value.get(key)?.as_str()?.parse().ok()
}

/// A moment to the second.
fn moment(value: &Value, key: &str) -> Option<String> {
    time(value, key).map(|at| format!("{at:.0}"))
}

/// A proposal as a person reads it; `stands`: by the word of a running agent.
fn human(proposal: &Value, stands: bool) -> Vec<String> {
    let [id, state, job, action] = ["id", "state", "job", "action"].map(|key| text(proposal, key));
    let [target, risk, reason] = ["target", "risk", "reason"].map(|key| text(proposal, key));
    let shown = if stands { state.to_owned() } else { format!("was {state}") };
    let mut out = vec![format!("{}  {shown:<11} {job}: {action} on {target}, risk {risk}: {reason}", short(id))];
    let lines = list(proposal, "lines").filter_map(Value::as_str);
    out.extend(lines.map(|line| output::statement(line, 12).trim_end_matches('\n').to_owned()));
    if let Some(address) = proposal.get("address").and_then(Value::as_str) {
        out.push(format!("{:12}at {address}", ""));
    }
    let clears: Vec<&str> = list(proposal, "clears").filter_map(Value::as_str).collect();
    out.push(format!("{:12}clears {}", "", clears.join(", ")));
    let why = proposal.get("why").and_then(Value::as_str);
    if state != State::Open.word() || why.is_some() {
        // Who decided is of that decision alone: nobody's word made it fail, or open again.
        let decided = matches!(State::from_word(state), Some(State::Approved | State::Rejected));
        let who = proposal.get("who").and_then(Value::as_str).filter(|_| decided);
        let by = who.map_or_else(String::new, |who| format!(" by {who}"));
        let end = moment(proposal, "until").map_or_else(String::new, |until| format!(" until {until}"));
        out.push(format!("{:12}{shown}{by}{end}: {}", "", why.unwrap_or("no reason given")));
    }
    for attempt in list(proposal, "attempts").take(3) {
        let ended = attempt.get("result").and_then(Value::as_str).unwrap_or("under way");
        let verdict = attempt.get("verdict").and_then(Value::as_str);
        let verdict = verdict.map_or_else(String::new, |verdict| format!(", {verdict}"));
        let detail = text(attempt, "detail").lines().next().unwrap_or_default();
        let begun = moment(attempt, "begun").unwrap_or_default();
        out.push(format!("{:12}{begun} by {}: {ended}{verdict}; {detail}", "", text(attempt, "who")));
    }
    let state = State::from_word(state);
    let failures = proposal.get("failures").and_then(Value::as_u64).unwrap_or(0);
    if stands && failures >= u64::from(MOST_FAILURES) && matches!(state, Some(State::Ineffective | State::Failed)) {
        let again = state == Some(State::Failed) && proposal.get("repeatable") == Some(&json!(true));
        let then =
            if again { "by itself none is made for an hour after the last" } else { "by itself none is made any more" };
        out.push(format!("{:12}{failures} attempts in a row did not help: {then}", ""));
    }
    let next = match state {
        _ if !stands => {
            let seen = moment(proposal, "seen").unwrap_or_default();
            out.push(format!(
                "{:12}last proposed {seen}; next: start the agent, its next run shows what still stands",
                ""
            ));
            return out;
        }
        Some(State::Open | State::Uncertain | State::Ineffective | State::Failed) => {
            match why.is_some_and(|why| why.starts_with(NOT_OURS)) {
                true => format!("do it by other means, or let pgreeve: {action} = \"approve\" in [job.{job}] actions"),
                false => {
                    format!("pgreeve approve {id} --why \"…\", or pgreeve reject {id} --why \"…\"", id = short(id))
                }
            }
        }
        Some(State::Rejected) => {
            format!(
                "nothing, as long as it is proposed without a break; pgreeve approve {} --why \"…\" allows it after all",
                short(id)
            )
        }
        Some(State::Refused) => format!(
            "nobody can approve this: mend what the line above names, in [job.{job}] or in the plugin; where neither is meant, do it by other means"
        ),
        _ => return out,
    };
    out.push(format!("{:12}next: {next}", ""));
    out
}
