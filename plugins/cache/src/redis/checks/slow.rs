//! `redis-slowlog` and `redis-latency`: a server that works on one command answers nobody else.

use pgreeve_sdk::{Finding, Reason, Seconds, Status};

use super::super::seen::{Event, Slow};
use super::View;
use crate::answer::unanswered;

const LOG: &str = "redis-slowlog";
const LATENCY: &str = "redis-latency";

/// Entries since the last run.
pub(super) fn log(view: &View<'_>) -> Finding {
    let entries = match &view.seen.slow {
        Ok(entries) => entries,
        Err(error) => return unanswered(LOG, view.name, error),
    };
    // The numbers go on after CONFIG RESETSTAT, so only the first run has nothing to compare.
    let Some(known) = view.since.slow else {
        return view.incomparable(LOG).unwrap_or_else(|| unseen(view, LOG));
    };
    let new: Vec<&Slow> = entries.iter().filter(|entry| entry.id > known).collect();
    let took = |entry: &Slow| Seconds(entry.micros as f64 / 1e6);
    let Some(worst) = new.iter().max_by_key(|entry| entry.micros) else {
        return view.ok(LOG, "nothing new since the last run");
    };
    // They are numbered one by one, so more may have come than the newest that are looked at.
    let came = entries.iter().map(|entry| entry.id).max().unwrap_or(known).saturating_sub(known);
    let number = match (came, new.len()) {
        (1, _) => "1 new entry".to_owned(),
        (_, looked) if came > looked as i64 => format!("{came} new entries (the newest {looked} looked at)"),
        _ => format!("{came} new entries"),
    };
    let summary = format!("{number} since the last run, the slowest {} by {}", took(worst), worst.command);
    let slow = new.iter().filter(|entry| took(entry).0 >= view.settings.slow_command.0).count();
    if slow == 0 {
        return view.ok(LOG, summary);
    }
    let lines: Vec<String> = new.iter().take(10).map(|entry| format!("{}: {}", entry.command, took(entry))).collect();
    view.finding(LOG, Status::Warning, format!("{summary}; {slow} of {} or longer", view.settings.slow_command))
        .explain(lines.join("\n"))
        .advise(
            "redis-cli SLOWLOG GET 10 shows the whole commands and their clients. KEYS, SMEMBERS, HGETALL or DEL of something large want \
             SCAN, HSCAN, UNLINK; a script wants to be shorter. If all is slow: look at the host (swap, processor)",
        )
}

/// Events of the monitor since the last run.
pub(super) fn latency(view: &View<'_>) -> Finding {
    let events = match &view.seen.latency {
        Ok(events) => events,
        Err(error) => return unanswered(LATENCY, view.name, error),
    };
    if events.is_empty() {
        return view.not_applicable(
            LATENCY,
            "no events: the monitor is off (latency-monitor-threshold 0, the default) or saw nothing",
        );
    }
    let Some(known) = &view.since.peaks else {
        return view.incomparable(LATENCY).unwrap_or_else(|| unseen(view, LATENCY));
    };
    // Only the newest of each kind is told, but the longest so far tells of one that was longer in between.
    let came = |event: &Event| match known.get(&event.name) {
        None => Some(event.most.max(event.millis)),
        Some(before) if event.most > before.most => Some(event.most),
        Some(before) => (event.at > before.at).then_some(event.millis),
    };
    let worst = events.iter().filter_map(|event| Some((event, came(event)?))).max_by_key(|(_, millis)| *millis);
    let Some((worst, millis)) = worst else {
        return view.ok(LATENCY, "nothing new since the last run");
    };
    let took = Seconds(millis as f64 / 1e3);
    let status = if took.0 >= view.settings.latency.0 { Status::Warning } else { Status::Ok };
    let lines: Vec<String> =
        events.iter().map(|event| format!("{}: {} ms, at most {} ms", event.name, event.millis, event.most)).collect();
    let finding = view.finding(LATENCY, status, format!("{} took {took}", worst.name)).explain(lines.join("\n"));
    if status == Status::Ok {
        return finding;
    }
    finding.advise("redis-cli LATENCY DOCTOR explains the event: fork (large memory, transparent huge pages), aof-fsync (the disk), command (see redis-slowlog)")
}

/// It was refused before: what is there now may be old.
fn unseen(view: &View<'_>, check: &str) -> Finding {
    Finding::unknown(
        check,
        view.name,
        Reason::NoData,
        "not known yet what of it is new: it could not be asked at the last run",
    )
    .advise("nothing to do: the next run can tell")
}
