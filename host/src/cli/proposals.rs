//! `pgreeve proposals`: what plugins want done, exactly, how it stands and what became of it.

use std::path::Path;

use serde_json::json;

use super::{Failure, OutputFormat, load, output};
use crate::actions::acting::short;
use crate::serve::view::proposal;
use crate::store::{Attempt, Standing, State, Store};

/// Which proposals.
pub(super) struct Wanted {
    /// A job's name, or the first digits of an id.
    pub(super) what: Option<String>,
    /// Also those that are over.
    pub(super) all: bool,
}

pub(super) fn main(path: &Path, wanted: &Wanted, format: OutputFormat) -> Result<u8, Failure> {
    let agent = load::agent(path)?;
    let store = Store::open_reader(&agent.state_dir)?;
    let found = found(&store, wanted)?;
    let mut documents = Vec::new();
    let mut lines = Vec::new();
    for standing in &found {
        let attempts = store.attempts(&standing.id)?;
        match format {
            OutputFormat::Human => lines.extend(human(standing, &attempts)),
            OutputFormat::Json => documents.push(proposal(standing, &attempts)),
        }
    }
    match format {
        OutputFormat::Json => output::json(&json!({ "proposals": documents }))?,
        OutputFormat::Human if found.is_empty() => output::line("nothing is proposed")?,
        OutputFormat::Human => output::line(&lines.join("\n"))?,
    }
    Ok(0)
}

fn found(store: &Store, wanted: &Wanted) -> Result<Vec<Standing>, Failure> {
    let Some(what) = &wanted.what else { return Ok(store.proposals(None, wanted.all)?) };
    let of_job = store.proposals(Some(what), wanted.all)?;
    if !of_job.is_empty() {
        return Ok(of_job);
    }
    let called = store.proposals_called(what)?;
    if called.is_empty() {
        return Err(format!(
            "{what:?} is no job with proposals and no proposal's id; `pgreeve proposals --all` lists them"
        )
        .into());
    }
    Ok(called)
}

fn human(standing: &Standing, attempts: &[Attempt]) -> Vec<String> {
    let Standing { id, job, told, lines, risk, state, why, who, until, .. } = standing;
    let mut out = vec![format!(
        "{}  {:<11} {job}: {} on {}, risk {risk}: {}",
        short(id),
        state.word(),
        told.action,
        told.target,
        told.reason
    )];
    let indent = |text: &str| text.replace('\n', &format!("\n{:12}", ""));
    out.extend(lines.iter().map(|line| format!("{:12}{}", "", indent(line))));
    out.push(format!("{:12}clears {}", "", told.clears.join(", ")));
    let by = who.as_ref().map_or_else(String::new, |who| format!(" by {who}"));
    let end = until.as_ref().map_or_else(String::new, |until| format!(" until {until:.0}"));
    if *state != State::Open || why.is_some() {
        out.push(format!("{:12}{}{by}{end}: {}", "", state.word(), why.as_deref().unwrap_or("no reason given")));
    }
    for attempt in attempts.iter().take(3) {
        let ended = attempt.result.as_deref().unwrap_or("under way");
        let verdict = attempt.verdict.as_ref().map_or_else(String::new, |verdict| format!(", {verdict}"));
        let detail = attempt.detail.as_deref().and_then(|detail| detail.lines().next()).unwrap_or_default();
        out.push(format!("{:12}{:.0} by {}: {ended}{verdict}; {detail}", "", attempt.begun, attempt.who));
    }
    if matches!(state, State::Open | State::Uncertain | State::Ineffective | State::Failed) {
        out.push(format!("{:12}next: pgreeve approve {}, or pgreeve reject {0} --why \"…\"", "", short(id)));
    }
    out
}
