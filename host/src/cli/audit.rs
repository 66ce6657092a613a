//! `pgreeve audit`: what was proposed, allowed and done; and whether the log is as it was written.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde_json::json;

use super::{Failure, OutputFormat, load, output};
use crate::actions::acting::{HEAD_NOTE, short};
use crate::actions::audit::{Entry, Event, FILE, Filter, Head, Verdict, read, verify};
use crate::store::Store;

/// `pgreeve audit`: the entries, as lines for people or as JSON Lines exactly as they stand in the log.
pub(super) fn main(path: &Path, filter: &Filter, limit: usize, format: OutputFormat) -> Result<u8, Failure> {
    let agent = load::agent(path)?;
    let found = read(&agent.state_dir.join(FILE), filter)?;
    let entries = found.entries.get(found.entries.len().saturating_sub(limit)..).unwrap_or_default();
    for entry in entries {
        match format {
            OutputFormat::Json => output::line(&serde_json::to_string(entry)?)?,
            OutputFormat::Human => output::line(&human(entry, &agent.timezone))?,
        }
    }
    if !found.unreadable.is_empty() {
        let lines: Vec<String> = found.unreadable.iter().map(u64::to_string).collect();
        return Err(
            format!("line {} of the log cannot be read; `pgreeve audit verify` says more", lines.join(", ")).into()
        );
    }
    if entries.is_empty() && format == OutputFormat::Human {
        output::line("no such entries")?;
    }
    Ok(0)
}

/// `pgreeve audit verify`: the log of the agent, or another one, a copy of it.
pub(super) fn check(path: &Path, log: Option<PathBuf>, format: OutputFormat) -> Result<u8, Failure> {
    let (log, head) = match log {
        Some(log) => (log, None),
        None => {
            let agent = load::agent(path)?;
            let note = Store::open_reader(&agent.state_dir)?.note(HEAD_NOTE)?;
            (agent.state_dir.join(FILE), note.and_then(|note| Head::noted(&note.value)))
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
    Ok(u8::from(!matches!(verdict, Verdict::Verified(_))))
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
            out.push_str(&format!("\n{:27}{}", "", line.replace('\n', &format!("\n{:27}", ""))));
        }
    }
    out
}
