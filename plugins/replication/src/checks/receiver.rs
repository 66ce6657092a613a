//! `receiver`: is this standby fed? The row of pg_stat_wal_receiver is gone when the receiver is, and all other numbers
//! then say that nothing is missing; so its absence is the finding.

use pgreeve_sdk::{Error, Finding, Status};

use crate::view::{View, seconds};

/// Clocks that are kept in step may differ by this much: only a commit further in the future is none. Seconds.
pub(crate) const CLOCKS: f64 = 1.0;

/// How a standby is connected to its upstream; `lag` builds on it too.
#[derive(Debug)]
pub(crate) enum Contact<'a> {
    /// Streaming, and heard from as lately as an idle upstream is.
    Fresh { age: f64 },
    /// Streaming by its own word, but the upstream has not answered the receiver's question for a sign of life.
    Silent { age: f64, limit: f64 },
    /// Streaming and silent, with wal_receiver_timeout = 0: nobody asks the upstream, so silence says nothing.
    Unasked { age: f64 },
    /// There is a receiver, and it does not stream.
    NotStreaming { status: &'a str },
    /// There is no receiver. The age of the last contact is an upper bound, where there is any evidence.
    Absent { last: Option<f64> },
    /// There is no receiver and there need not be: WAL comes from an archive.
    Shipped,
    /// No receiver, no primary_conninfo, no restore_command.
    NotFed,
    /// The role may not see it.
    Hidden,
    /// The question failed.
    Failed(&'a Error),
    /// A standby that shows no row of a standby.
    Contradiction,
}

/// Without a timeout of the receiver's own: what the silence is held against. Half of the default timeout. Seconds.
const DEFAULT_SILENCE: f64 = 30.0;

/// How this standby is connected.
pub(crate) fn contact<'a>(view: &View<'a>) -> Contact<'a> {
    let looks = match &view.seen.looks {
        Some(Err(error)) => return Contact::Failed(error),
        _ => view.seen.looks(),
    };
    let Some(look) = looks.last() else { return Contact::Contradiction };
    let settings = view.seen.receiver_settings.as_ref().and_then(|answer| answer.as_ref().ok());
    if look.is_hidden() {
        return Contact::Hidden;
    }
    if look.is_streaming() {
        let Some(age) = look.contact_age.map(|age| age.max(0.0)) else {
            return Contact::NotStreaming { status: "starting" };
        };
        let slack = view.settings.contact_slack.0;
        return match settings.and_then(|settings| settings.timeout_ms) {
            Some(timeout) if timeout > 0 => {
                let limit = timeout as f64 / 2000.0 + slack;
                if age > limit { Contact::Silent { age, limit } } else { Contact::Fresh { age } }
            }
            _ if age <= DEFAULT_SILENCE + slack => Contact::Fresh { age },
            _ => Contact::Unasked { age },
        };
    }
    if let Some(status) = look.status.as_deref() {
        return Contact::NotStreaming { status };
    }
    let (streams, ships) = settings.map_or((None, None), |settings| (settings.streams, settings.ships));
    match (streams, ships) {
        (Some(false), Some(true)) => return Contact::Shipped,
        (Some(false), Some(false)) => return Contact::NotFed,
        (None, Some(true)) => return Contact::Hidden,
        _ => {}
    }
    let since = |at: i64| (look.at - at) as f64 / 1e6;
    let written = match &view.seen.wal_written {
        Some(Ok(written)) => written.age,
        _ => None,
    };
    // A commit or a file from the future is no sign of a late contact, but of two clocks that differ.
    let commit = look.commit_age.filter(|age| *age >= -CLOCKS);
    let written = written.filter(|age| *age >= -CLOCKS);
    let evidence = [view.memory.receiver.contact_at.map(since), commit, written];
    Contact::Absent { last: evidence.into_iter().flatten().map(|age| age.max(0.0)).min_by(f64::total_cmp) }
}

/// How long an absence may be a reconnect. Seconds.
pub(crate) fn reconnect_within(view: &View<'_>) -> f64 {
    let settings = view.seen.receiver_settings.as_ref().and_then(|answer| answer.as_ref().ok());
    let retry = settings.and_then(|settings| settings.retry_ms).unwrap_or(5_000) as f64 / 1000.0;
    view.settings.reconnect_within.0.max(3.0 * retry)
}

/// Judges it.
pub(crate) fn check(view: &View<'_>) -> Vec<Finding> {
    const ID: &str = "receiver";
    if view.seen.looks.is_none() {
        return vec![view.not_applicable(ID, "", "a primary receives no WAL")];
    }
    let Some(look) = view.seen.looks().last() else {
        return vec![match contact(view) {
            Contact::Failed(error) => view.unanswered(ID, "", error),
            _ => view.no_data(ID, "", "the server's role changed while it was looked at"),
        }];
    };
    let down = view.memory.receiver.down_since.map_or(0.0, |since| (look.at - since) as f64 / 1e6);
    let grace = reconnect_within(view);
    let from = match (&look.sender_host, look.sender_port) {
        (Some(host), Some(port)) => format!(" from {host}:{port}"),
        _ => String::new(),
    };
    let slot = view.seen.receiver_settings.as_ref().and_then(|answer| answer.as_ref().ok()?.slot.clone());
    let finding = match contact(view) {
        Contact::Fresh { .. } if view.memory.receiver.restarts >= 2 => view
            .finding(ID, "", Status::Critical, "the walreceiver starts again and again and receives nothing")
            .advise(look_for_cause(slot.as_deref())),
        Contact::Fresh { age } => view.ok(ID, "", format!("streaming{from}, last contact {} ago", seconds(age))),
        Contact::Silent { age, limit } => view
            .finding(
                ID,
                "",
                Status::Critical,
                format!(
                    "streaming{from}, but the upstream has been silent for \
                {}",
                    seconds(age)
                ),
            )
            .explain(format!(
                "the receiver asks for a sign of life after wal_receiver_timeout / 2, so more than {} is \
                no idle upstream",
                seconds(limit)
            ))
            .advise(
                "look whether the upstream's host and its walsender are alive: on the upstream, SELECT pid, state, \
                    reply_time, sent_lsn FROM pg_stat_replication; \
                 then the network between the two",
            ),
        Contact::Unasked { age } => view
            .no_data(
                ID,
                "",
                format!(
                    "streaming{from}, and nothing heard for {}: an idle and a dead upstream look \
                alike",
                    seconds(age)
                ),
            )
            .advise(
                "on the standby set wal_receiver_timeout (it is 0), so that the upstream is asked: ALTER SYSTEM \
                SET wal_receiver_timeout = '60s'; SELECT pg_reload_conf();",
            ),
        Contact::NotStreaming { status } => {
            let status_now = if down >= grace { Status::Critical } else { Status::Warning };
            view.finding(
                ID,
                "",
                status_now,
                format!(
                    "the walreceiver{from} is {status}, not \
                streaming{}",
                    for_how_long(down)
                ),
            )
            .advise(format!(
                "if it stays so: the upstream may be on another timeline; on the standby SHOW \
                    recovery_target_timeline (should be latest); {}",
                look_for_cause(slot.as_deref())
            ))
        }
        Contact::Absent { last } => absent(view, last, down, grace).advise(look_for_cause(slot.as_deref())),
        Contact::Shipped => view.not_applicable(ID, "", "WAL comes by restore_command, not by streaming"),
        Contact::NotFed => view
            .finding(
                ID,
                "",
                Status::Critical,
                "nothing feeds this standby: neither primary_conninfo nor \
                restore_command is set",
            )
            .advise(
                "on the standby set primary_conninfo to the upstream and SELECT pg_reload_conf(); if it was meant \
                to be the primary, promote it",
            ),
        Contact::Hidden if look.receiver.is_none() => view.hidden(
            ID,
            "",
            "primary_conninfo, and so whether a missing \
            walreceiver matters",
        ),
        Contact::Hidden => view.hidden(ID, "", "the state of the walreceiver"),
        Contact::Failed(error) => view.unanswered(ID, "", error),
        Contact::Contradiction => view.no_data(ID, "", "the server's role changed while it was looked at"),
    };
    vec![
        finding
            .fact_or_none("status", look.status.as_deref())
            .fact_or_none("contact_age_s", look.contact_age)
            .fact_or_none("upstream", look.sender_host.as_deref())
            .fact_or_none("slot", look.slot_name.as_deref().or(slot.as_deref()))
            .fact_or_none("timeline", look.timeline),
    ]
}

fn absent(view: &View<'_>, last: Option<f64>, down: f64, grace: f64) -> Finding {
    const ID: &str = "receiver";
    let contact = last.map_or("last contact unknown".to_owned(), |age| format!("last contact {} ago", seconds(age)));
    let settings = view.seen.receiver_settings.as_ref().and_then(|answer| answer.as_ref().ok());
    let ships = settings.and_then(|settings| settings.ships) == Some(true);
    if ships && view.memory.receiver.advances {
        return view.finding(
            ID,
            "",
            Status::Warning,
            format!("no walreceiver, {contact}; WAL comes from the archive by restore_command"),
        );
    }
    let reconnects = down < grace && last.is_some_and(|age| age < grace);
    let status = if reconnects { Status::Warning } else { Status::Critical };
    view.finding(ID, "", status, format!("no walreceiver{}, {contact}", for_how_long(down)))
}

fn for_how_long(down: f64) -> String {
    if down > 0.0 { format!(" for {} at least", seconds(down)) } else { String::new() }
}

fn look_for_cause(slot: Option<&str>) -> String {
    let slot = slot.map_or(String::new(), |slot| {
        format!(
            " On the upstream: SELECT active, active_pid, wal_status FROM pg_replication_slots WHERE slot_name = '{}';",
            slot.replace('\'', "''")
        )
    });
    format!(
        "read the end of the standby's log: \"could not connect\" (upstream down, primary_conninfo, network), \"no \
            pg_hba.conf entry\" or \
         \"password authentication failed\" (access), \"requested WAL segment … has already been removed\" (restore \
         from the archive, or rebuild the standby), \
         \"replication slot … does not exist\" or \"is active for PID\", \"number of requested standby connections \
         exceeds\" (max_wal_senders), \"new timeline … forked off … before current recovery point\" (this standby \
         has gone another way: pg_rewind, or rebuild it).{slot}"
    )
}
