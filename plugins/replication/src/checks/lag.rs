//! `lag` and `commit-age`: how far replay is behind what this standby knows of. Time comes from remembered WAL
//! positions, not from the age of the last commit, which grows on an idle primary, and not from `receive = replay`,
//! which is true of a dead receiver.

use pgreeve_sdk::{Finding, Metric, Status};

use super::receiver::{CLOCKS, Contact, contact};
use crate::rows::Look;
use crate::samples::Bounds;
use crate::settings::Settings;
use crate::view::{View, bytes, level, lsn, seconds, worse};

const COMPARE_CLOCKS: &str = "compare the clocks of this host and the primary's (timedatectl, chronyc tracking)";

fn clocks(age: f64) -> String {
    format!("the clocks differ: the last commit replayed is {} in the future", seconds(-age))
}

/// Judges lag in seconds and, where there are thresholds for it, in bytes.
pub(crate) fn threshold(settings: &Settings, lag: f64, behind: u64) -> Status {
    let limit = |limit: Option<pgreeve_sdk::Bytes>| limit.map_or(u64::MAX, |limit| limit.0);
    let by_bytes = level(behind, limit(settings.lag_warning_bytes), limit(settings.lag_critical_bytes));
    worse(level(lag, settings.lag_warning.0, settings.lag_critical.0), by_bytes)
}

/// What is known of a standby's lag, from memory and the last commit replayed.
pub(crate) fn bounds(view: &View<'_>, look: &Look) -> Option<Bounds> {
    let known = view.memory.ends.bounds(look.at, look.replay_lsn?);
    let most = [known.most, look.commit_age.filter(|age| *age >= 0.0)].into_iter().flatten().min_by(f64::total_cmp);
    // Memory is certain; a commit's time comes from another clock.
    Some(Bounds { least: known.least, most: most.map(|most| most.max(known.least)) })
}

/// Judges the lag of a standby.
pub(crate) fn check(view: &View<'_>) -> (Vec<Finding>, Vec<Metric>) {
    const ID: &str = "lag";
    let Some(look) = view.seen.looks().last() else {
        let finding = match &view.seen.looks {
            None => view.not_applicable(ID, "", "a primary replays nothing"),
            Some(Err(error)) => view.unanswered(ID, "", error),
            Some(Ok(_)) => view.no_data(ID, "", "the server's role changed while it was looked at"),
        };
        return (vec![finding], Vec::new());
    };
    let contact = contact(view);
    let (Some(end), Some(replayed), Some(bounds)) = (look.end_lsn, look.replay_lsn, bounds(view, look)) else {
        return (vec![view.no_data(ID, "", "nothing has been replayed yet")], Vec::new());
    };
    let streams = matches!(contact, Contact::Fresh { .. });
    let end = if streams { end } else { end.max(view.memory.receiver.known_end.unwrap_or(end)) };
    let behind = end.saturating_sub(replayed);
    let mut metrics = Vec::new();
    let finding = match contact {
        Contact::Fresh { .. } => {
            metrics.push(view.metric("replay_lag_bytes", behind as f64, "bytes", None));
            metrics.push(view.metric(
                "replay_lag_seconds",
                if behind == 0 { 0.0 } else { bounds.least },
                "seconds",
                None,
            ));
            behind_upstream(view, look, behind, bounds)
        }
        Contact::Hidden => view.hidden(ID, "", "the receiver's positions"),
        Contact::Failed(error) => view.unanswered(ID, "", error),
        Contact::Contradiction => view.no_data(ID, "", "the server's role changed while it was looked at"),
        Contact::Shipped => shipped(view, look),
        Contact::NotFed => out_of_contact(view, behind, bounds, None),
        Contact::Absent { last } => out_of_contact(view, behind, bounds, last),
        Contact::Silent { age, .. } | Contact::Unasked { age } => out_of_contact(view, behind, bounds, Some(age)),
        Contact::NotStreaming { .. } => {
            let last = view.memory.receiver.contact_at.map(|at| (look.at - at) as f64 / 1e6);
            out_of_contact(view, behind, bounds, last)
        }
    };
    let finding = finding
        .fact("end_lsn", lsn(end))
        .fact("replay_lsn", lsn(replayed))
        .fact("behind_bytes", behind)
        .fact("lag_at_least_s", format!("{:.1}", bounds.least))
        .fact_or_none("lag_at_most_s", bounds.most.map(|most| format!("{most:.1}")))
        .fact_or_none("last_commit_age_s", look.commit_age.map(|age| format!("{age:.1}")));
    (vec![finding], metrics)
}

fn behind_upstream(view: &View<'_>, look: &Look, behind: u64, bounds: Bounds) -> Finding {
    const ID: &str = "lag";
    let settings = view.settings;
    if behind == 0 {
        return view.ok(
            ID,
            "",
            "0 bytes behind: caught up with its upstream (whether that is current itself, the upstream has to say)",
        );
    }
    let delay = delay(view);
    let intended = delay.unwrap_or(0.0);
    let least = (bounds.least - intended).max(0.0);
    let how_far = format!("{} and {} behind its upstream", bytes(behind), span(bounds));
    let status = threshold(settings, least, behind);
    let advice = "see the finding `replay` for what replay waits for; else compare the standby's disk and CPU with \
        the WAL rate. \
                  Above lag_critical, route reads to the primary";
    if look.is_paused() {
        let capped = if status == Status::Ok { Status::Ok } else { Status::Warning };
        return view
            .finding(ID, "", capped, format!("{how_far}, because replay is paused"))
            .advise("see the finding `replay` before anything is resumed");
    }
    if let Some(delay) = delay
        && status == Status::Ok
    {
        return view.ok(
            ID,
            "",
            format!("{how_far}, delayed by {} on purpose (recovery_min_apply_delay)", seconds(delay)),
        );
    }
    if status != Status::Ok {
        return view.finding(ID, "", status, how_far).advise(advice);
    }
    let most = bounds.most.map_or(f64::INFINITY, |most| most - intended);
    if most >= settings.lag_warning.0 && stands(view) {
        let summary =
            format!("{how_far}, and replay did not move while it was looked at; the next run can tell the time");
        return view.finding(ID, "", Status::Warning, summary).advise(advice);
    }
    if most >= settings.lag_warning.0 {
        return view.ok(ID, "", format!("{} behind its upstream and catching up", bytes(behind)));
    }
    let target = if least > settings.lag_healthy.0 {
        format!(", above the target of {}", settings.lag_healthy)
    } else {
        String::new()
    };
    view.ok(ID, "", format!("{how_far}{target}"))
}

/// Whether replay had WAL to replay and did not, between the first look and the last.
fn stands(view: &View<'_>) -> bool {
    match view.seen.looks() {
        [first, .., last] => first.replay_lsn == last.replay_lsn,
        _ => false,
    }
}

/// What can be said without a receiver that can be relied on: all that came is replayed, so the lag is at most the age
/// of the last contact.
fn out_of_contact(view: &View<'_>, behind: u64, bounds: Bounds, last: Option<f64>) -> Finding {
    const ID: &str = "lag";
    let contact = last.map_or("unknown".to_owned(), |age| format!("{} ago", seconds(age)));
    if behind > 0 {
        let known = threshold(view.settings, bounds.least, behind);
        let summary = format!(
            "at least {} and {} behind, and out of contact with its upstream (last contact {contact})",
            bytes(behind),
            seconds(bounds.least)
        );
        if known != Status::Ok {
            return view
                .finding(ID, "", known, summary)
                .advise("repair the receiver first: see the finding `receiver`");
        }
        return view.no_data(ID, "", summary).advise("see the finding `receiver`");
    }
    match last {
        Some(age) if age < view.settings.lag_warning.0 => view.ok(
            ID,
            "",
            format!(
                "at most {} behind: all WAL that came is replayed, last contact \
                {contact}",
                seconds(age)
            ),
        ),
        _ => view
            .no_data(
                ID,
                "",
                format!(
                    "cannot be told: out of contact with its upstream, last contact {contact}; all \
                that came before is replayed"
                ),
            )
            .advise("repair the receiver first: see the finding `receiver`"),
    }
}

fn shipped(view: &View<'_>, look: &Look) -> Finding {
    const ID: &str = "lag";
    match look.commit_age {
        Some(age) if age < -CLOCKS => view.no_data(ID, "", clocks(age)).advise(COMPARE_CLOCKS),
        Some(age) if age < view.settings.lag_warning.0 => {
            let age = seconds(age.max(0.0));
            view.ok(ID, "", format!("at most {age} behind: the age of the last commit replayed"))
        }
        age => {
            let age = age.map_or("no commit replayed yet".to_owned(), |age| {
                format!("last commit replayed {} old", seconds(age))
            });
            view.no_data(
                ID,
                "",
                format!("by log shipping alone an idle primary and a lagging standby look alike: {age}"),
            )
            .advise(
                "grant the primary to this job too and name it in the setting `primary`, or set `expect_commit_within`",
            )
        }
    }
}

/// The delay on purpose, if there is one. Seconds.
pub(crate) fn delay(view: &View<'_>) -> Option<f64> {
    let settings = view.seen.receiver_settings.as_ref()?.as_ref().ok()?;
    settings.delay_ms.filter(|delay| *delay > 0).map(|delay| delay as f64 / 1000.0)
}

/// "4 s", "between 2 s and 9 s", "at least 2 s".
pub(crate) fn span(bounds: Bounds) -> String {
    match bounds.most {
        Some(most) if most - bounds.least < 1.0 || bounds.least == 0.0 => format!("at most {}", seconds(most)),
        Some(most) => format!("between {} and {}", seconds(bounds.least), seconds(most)),
        None => format!("at least {}", seconds(bounds.least)),
    }
}

/// `commit-age`: a heartbeat, where the operator said that there is one.
pub(crate) fn commit_age(view: &View<'_>) -> Vec<Finding> {
    const ID: &str = "commit-age";
    let Some(within) = view.settings.expect_commit_within else {
        return vec![view.not_applicable(ID, "", "expect_commit_within is not set")];
    };
    let Some(look) = view.seen.looks().last() else {
        return vec![match &view.seen.looks {
            None => view.not_applicable(ID, "", "a primary replays no commits"),
            Some(Err(error)) => view.unanswered(ID, "", error),
            Some(Ok(_)) => view.no_data(ID, "", "the server's role changed while it was looked at"),
        }];
    };
    // A restart forgets the last commit; this plugin does not.
    let remembered = view.memory.commit_at.map(|at| (look.at - at) as f64 / 1e6);
    let Some(age) = look.commit_age.or(remembered) else {
        return vec![view.no_data(ID, "", "no commit has been replayed since the start of the server")];
    };
    if age < -CLOCKS {
        return vec![view.no_data(ID, "", clocks(age)).advise(COMPARE_CLOCKS)];
    }
    let age = age.max(0.0);
    let limit = within.0 + delay(view).unwrap_or(0.0);
    let summary = format!("the last commit replayed is {} old; one is expected every {within}", seconds(age));
    vec![if age > limit {
        view.finding(ID, "", Status::Critical, summary).advise(
            "look whether the heartbeat still commits on the primary; if it does, the WAL does not come here: follow \
                the receivers from \
             upstream to upstream, SELECT status, sender_host, last_msg_receipt_time FROM pg_stat_wal_receiver; on \
             each; if WAL comes, compare the two hosts' clocks",
        )
    } else {
        view.ok(ID, "", summary)
    }]
}
