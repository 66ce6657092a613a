//! `pgreeve audit`: what was proposed, allowed and done, as the agent tells it or left it. `pgreeve audit verify`: whether the log is as it was
//! written, which asks no agent: who verifies does not take its word.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::agent::{self, Answer};
use super::{Failure, OutputFormat, load, output};
use crate::actions::acting::short;
use crate::actions::audit::{Entry, Event, FILE, Filter, Verdict, verify};
use crate::client::{Client, ClientError, encoded};
use crate::report::Status;
use crate::serve::audit::{Page, Wanted, noted, page};
use crate::store::Store;

/// How many entries are asked for at a time: as many as the agent gives.
const PAGE: usize = 200;

/// `pgreeve audit`: the entries, as lines for people or as JSON Lines exactly as they stand in the log.
pub(super) fn main(path: &Path, filter: &Filter, limit: usize, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let general = load::general(path)?;
    let mut wanted = Wanted { filter: filter.clone(), cursor: None, last: Some(limit), limit: PAGE };
    let found = match agent::ask(&general, async |client| ask(client, &mut wanted.clone()).await)? {
        Answer::Agent(found) => found,
        Answer::Nobody(absent) => {
            let found = left(&general.agent.state_dir, &mut wanted);
            let found = found.map_err(|error| format!("{}, and what it left cannot be read: {error}", absent.why))?;
            absent.note("this is the log that it left");
            found
        }
    };
    for entry in &found.entries {
        match format {
            OutputFormat::Json => output::line(entry.get())?,
            OutputFormat::Human => output::line(&human(&serde_json::from_str(entry.get())?, &general.agent.timezone))?,
        }
    }
    if !found.unreadable.is_empty() {
        let lines: Vec<String> = found.unreadable.iter().map(u64::to_string).collect();
        return Err(
            format!("line {} of the log cannot be read; `pgreeve audit verify` says more", lines.join(", ")).into()
        );
    }
    if found.entries.is_empty() && format == OutputFormat::Human {
        output::line("no such entries")?;
    }
    Ok(0)
}

/// What was found, in the log's order.
#[derive(Default)]
struct Found {
    entries: Vec<Box<RawValue>>,
    unreadable: Vec<u64>,
}

impl Found {
    /// Takes a page; whether another follows, for which `wanted` is changed.
    fn take(&mut self, page: Page, wanted: &mut Wanted) -> bool {
        self.entries.extend(page.entries);
        self.unreadable.extend(page.unreadable);
        wanted.cursor = page.next;
        wanted.cursor.is_some()
    }
}

/// Page after page, of the agent.
async fn ask(client: &Client, wanted: &mut Wanted) -> Result<Found, ClientError> {
    let mut found = Found::default();
    while found.take(client.get(&format!("/v1/audit?{}", query(wanted))).await?, wanted) {}
    Ok(found)
}

/// The same, of the file.
fn left(state_dir: &Path, wanted: &mut Wanted) -> Result<Found, String> {
    let mut found = Found::default();
    loop {
        let next = page(state_dir, wanted).map_err(|error| error.to_string())?;
        if !found.take(next.ok_or("the log was replaced while it was read")?, wanted) {
            return Ok(found);
        }
    }
}

fn query(wanted: &Wanted) -> String {
    let Wanted { filter: Filter { job, proposal, event, since, until }, cursor, last, limit } = wanted;
    let given = [
        ("job", job.clone()),
        ("proposal", proposal.clone()),
        ("event", event.clone()),
        ("since", since.map(|since| since.to_string())),
        ("until", until.map(|until| until.to_string())),
        ("cursor", cursor.clone()),
        ("last", last.filter(|_| cursor.is_none()).map(|last| last.to_string())),
        ("limit", Some(limit.to_string())),
    ];
    let given: Vec<(&str, &str)> = given.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    encoded(&given)
}

/// What `audit verify` answers where it could not look, as JSON.
pub(super) fn unverified(why: &str) -> Value {
    json!({ "verified": null, "why": why })
}

/// `pgreeve audit verify`: the log of the agent, or another one, a copy of it. Exits as a check does: critical where it is not as it was written.
pub(super) fn check(path: &Path, log: Option<PathBuf>, format: OutputFormat) -> Result<u8, Failure> {
    let (log, head) = match log {
        Some(log) => {
            // An agent that never wrote has no log, and that is as it should be; one that is named is there.
            std::fs::metadata(&log).map_err(|error| format!("cannot read the log {}: {error}", log.display()))?;
            (log, None)
        }
        None => {
            let agent = load::agent(path)?;
            // Before the log is read: an entry that is appended meanwhile is none that is missing.
            let head = noted(&Store::open_reader(&agent.state_dir)?)?;
            (agent.state_dir.join(FILE), head)
        }
    };
    let verdict = verify(&log, head.as_ref())?;
    match (format, &verdict) {
        (OutputFormat::Human, verdict) => output::line(&format!("{}: {verdict}", log.display()))?,
        (OutputFormat::Json, Verdict::Verified(head)) => {
            output::json(&json!({ "verified": true, "entries": head.seq, "hash": head.hash }))?;
        }
        (OutputFormat::Json, Verdict::Wrong { line, seq, why }) => {
            output::json(&json!({ "verified": false, "line": line, "seq": seq, "why": why }))?;
        }
    }
    Ok(match verdict {
        Verdict::Verified(_) => Status::Ok,
        Verdict::Wrong { .. } => Status::Critical,
    }
    .exit_code())
}

fn human(entry: &Entry, zone: &TimeZone) -> String {
    let head = format!("{:>5}  {}  {:<11}", entry.seq, output::time(entry.at, zone), entry.event.word());
    let Some(deed) = entry.event.deed() else {
        return match &entry.event {
            Event::Paused { who, until, why } => {
                format!(
                    "{head} all actions, by {who}, until {}: {why}",
                    until.as_deref().unwrap_or("somebody resumes them")
                )
            }
            Event::Resumed { who, why } => {
                format!("{head} all actions, by {who}: {}", why.as_deref().unwrap_or("no reason given"))
            }
            Event::Configured { configuration, why } => format!("{head} {configuration} ({why})"),
            Event::Torn { file, bytes } => format!("{head} {bytes} bytes without an end, moved to {file}"),
            Event::Broken { entry, expected } => {
                format!("{head} entry {entry} ({expected}) is not in the log: it was cut off, replaced or moved away")
            }
            _ => head,
        };
    };
    let who = deed.who.as_ref().map_or_else(String::new, |who| format!(" by {who}"));
    let result = deed.result.as_ref().map_or_else(String::new, |result| format!(": {result}"));
    let detail = deed
        .detail
        .as_ref()
        .and_then(|detail| detail.lines().next())
        .map_or_else(String::new, |detail| format!("; {detail}"));
    let mut out = format!(
        "{head} {} {}: {} on {}{who}{result}{detail}",
        short(&deed.proposal),
        deed.job,
        deed.action,
        deed.target
    );
    if entry.event.word() == "begun" {
        for line in &deed.lines {
            out.push('\n');
            out.push_str(output::statement(line, 27).trim_end_matches('\n'));
        }
        if let Some(address) = &deed.address {
            out.push_str(&format!("\n{:27}at {address}", ""));
        }
    }
    out
}
