//! `standby`: each connected standby as its upstream sees it. `expected`: standbys that have to be there. Silence is
//! told from replies that stay the same over runs, because their time is the standby's clock.

use pgreeve_sdk::{Finding, Metric, Reason, Status};

use super::lag::{span, threshold};
use crate::memory::standby_key;
use crate::rows::{Sender, Slot};
use crate::samples::Bounds;
use crate::view::{View, bytes, lsn, seconds, worse};

/// Half of the default wal_sender_timeout, when a silent standby is asked for a reply. Seconds.
const DEFAULT_SILENCE: f64 = 30.0;

/// Judges each connected standby.
pub(crate) fn check(view: &View<'_>) -> (Vec<Finding>, Vec<Metric>) {
    const ID: &str = "standby";
    let senders = match view.seen.senders.last() {
        Some(Ok(senders)) => senders,
        Some(Err(error)) => return (vec![view.unanswered(ID, "", error)], Vec::new()),
        None => return (vec![view.no_data(ID, "", "not asked")], Vec::new()),
    };
    if senders.iter().any(Sender::is_hidden) {
        return (vec![view.hidden(ID, "", "the state of the walsenders")], Vec::new());
    }
    let standbys: Vec<&Sender> = senders.iter().filter(|sender| sender.is_standby()).collect();
    let unknown = senders.iter().filter(|sender| sender.is_unknown() && !sender.is_standby());
    let mut answers: Vec<Finding> = unknown
        .map(|sender| {
            let state = sender.state.as_deref().unwrap_or("hidden");
            let summary = format!("{state}, but no reply of it has come yet");
            view.no_data(ID, &object(senders, sender), summary).fact("state", state)
        })
        .collect();
    if standbys.is_empty() && answers.is_empty() {
        return (vec![view.not_applicable(ID, "", "no standby is connected")], Vec::new());
    }
    let mut metrics = Vec::new();
    for standby in &standbys {
        let object = object(senders, standby);
        if let Some(behind) = standby.bytes() {
            metrics.push(view.metric("standby_lag_bytes", behind as f64, "bytes", Some(("standby", &object))));
        }
        answers.push(one(view, standby, &object));
    }
    (answers, metrics)
}

/// The sender's name, with its process id where another has the same.
fn object(senders: &[Sender], sender: &Sender) -> String {
    let name = sender.name();
    let twin = senders.iter().filter(|other| other.name() == name && other.state != Some("backup".into())).count() > 1;
    if twin { format!("{name} pid {}", sender.pid) } else { name }
}

fn one(view: &View<'_>, standby: &Sender, object: &str) -> Finding {
    const ID: &str = "standby";
    let memory = view.memory.standbys.get(&standby_key(standby));
    let since = |at: i64| (standby.at - at) as f64 / 1e6;
    let state = standby.state.as_deref().unwrap_or("hidden");
    // A position that is shown in the state startup is one of long ago.
    let receives = state != "startup";
    let finding = if let (true, Some(behind), Some(replayed)) = (receives, standby.bytes(), standby.replay_lsn) {
        let known = view.memory.ends.bounds(standby.at, replayed);
        let timeout = view.seen.limits.as_ref().ok().and_then(|limits| limits.sender_timeout_ms);
        let limit = timeout.filter(|timeout| *timeout > 0).map_or(DEFAULT_SILENCE, |timeout| timeout as f64 / 2000.0);
        let limit = limit + view.settings.contact_slack.0;
        let remembered = memory.map_or(0.0, |memory| since(memory.silent_since));
        let silent = match (behind, timeout) {
            // With wal_sender_timeout = 0 nobody asks an idle standby for a reply.
            (0, Some(0)) => 0.0,
            // One old reply may be two clocks that differ; the same one over several runs is not.
            _ => remembered,
        };
        lagging(view, standby, object, behind, known, (silent > limit).then_some(silent), limit)
    } else {
        let long = memory.and_then(|memory| memory.startup_since).map_or(0.0, since);
        let status = if long >= view.settings.reconnect_within.0 { Status::Critical } else { Status::Warning };
        view.finding(ID, object, status, format!("connected, but in state {state}: it receives nothing")).advise(
            "on the standby: SELECT status, received_tli FROM pg_stat_wal_receiver; `waiting` there means that it \
                wants a timeline that this server \
             does not have, or not the newest one: SHOW recovery_target_timeline; (should be latest)",
        )
    };
    finding
        .fact("state", state)
        .fact_or_none("sync_state", standby.sync_state.as_deref())
        .fact_or_none("slot", standby.slot_name.as_deref())
        .fact_or_none("client_addr", standby.client_addr.as_deref())
        .fact_or_none("sent_lsn", standby.sent_lsn.map(lsn))
        .fact_or_none("flush_lsn", standby.flush_lsn.map(lsn))
        .fact_or_none("replay_lsn", standby.replay_lsn.map(lsn))
        .fact_or_none("replay_lag_s", standby.replay_lag)
        .fact_or_none("reply_age_s", standby.reply_age)
}

fn lagging(
    view: &View<'_>,
    standby: &Sender,
    object: &str,
    behind: u64,
    known: Bounds,
    silent: Option<f64>,
    limit: f64,
) -> Finding {
    const ID: &str = "standby";
    let state = standby.state.as_deref().unwrap_or("hidden");
    let delay = view.settings.delayed.get(&standby.name()).map(|delay| delay.0);
    // replay_lag is what the standby's last reply said: worth something only if that is not old.
    let reported =
        standby.replay_lag.filter(|_| standby.reply_age.is_some_and(|age| age.abs() < DEFAULT_SILENCE)).unwrap_or(0.0);
    let reported = known.most.map_or(reported, |most| reported.min(most));
    let least = if behind == 0 { 0.0 } else { known.least.max(reported) };
    let shown = span(Bounds { least, most: known.most.map(|most| most.max(least)) });
    let how_far =
        if behind == 0 { "0 bytes behind".to_owned() } else { format!("{} and {shown} behind", bytes(behind)) };
    if let Some(silent) = silent {
        return view
            .finding(
                ID,
                object,
                Status::Critical,
                format!(
                    "{state}, but silent for {}; {how_far} by its last \
                reply",
                    seconds(silent)
                ),
            )
            .advise(
                "look whether the standby's host is alive and the network between the two; walsenders are ended \
                after wal_sender_timeout",
            );
    }
    let status = threshold(view.settings, (least - delay.unwrap_or(0.0)).max(0.0), behind);
    let received =
        standby.flush_lsn.zip(standby.lsn).is_some_and(|(flushed, here)| flushed >= here.saturating_sub(behind / 10));
    let reply_age = standby.reply_age.unwrap_or(0.0);
    // By the standby's clock, which may be behind: never more than a warning.
    let stale = behind > 0 && reply_age > limit;
    let status = if stale { worse(status, Status::Warning) } else { status };
    let how_far = if stale { format!("{how_far}; its last reply is {} old", seconds(reply_age)) } else { how_far };
    let old = reply_age >= view.settings.lag_warning.0;
    let advice = if old && standby.flush_lsn.is_some() && standby.flush_lsn == standby.replay_lsn {
        "its last reply is old, so it may be further than shown: SHOW wal_receiver_status_interval; on the standby \
         (with 0 it replies only when asked: set 10s); compare the clocks of the two hosts; if both are in order, look at \
         the network between them"
    } else if received {
        "it has received the WAL and not replayed it. On the standby: SELECT pg_get_wal_replay_pause_state(); SHOW \
            recovery_min_apply_delay; and look for \
         queries that block replay. A delay on purpose belongs into the setting `delayed`"
    } else {
        "it has not received the WAL: look at the network between the two and at the standby's disk; above \
            lag_critical route reads to the primary"
    };
    let finding = match delay {
        Some(delay) if behind > 0 => {
            view.finding(ID, object, status, format!("{state}, {how_far}, of which {} on purpose", seconds(delay)))
        }
        _ => view.finding(ID, object, worse(status, Status::Ok), format!("{state}, {how_far}")),
    };
    if status == Status::Ok { finding } else { finding.advise(advice) }
}

/// Judges the standbys of the setting `expect`.
pub(crate) fn expected(view: &View<'_>) -> Vec<Finding> {
    const ID: &str = "expected";
    if view.settings.expect.is_empty() {
        return vec![view.not_applicable(ID, "", "the setting `expect` names no standby")];
    }
    let senders = match view.seen.senders.last() {
        Some(Ok(senders)) => senders.as_slice(),
        Some(Err(error)) => return vec![view.unanswered(ID, "", error)],
        None => &[],
    };
    let slots = view.seen.slots.as_deref().unwrap_or_default();
    view.settings.expect.iter().map(|name| expect(view, name, senders, slots)).collect()
}

/// Over several scopes a standby is expected at any of them: leaves one answer for each name, the best, as
/// `expected/NAME`.
/// `all_seen`: whether every scope answered; if not, a name that is not found may be where nobody could look.
pub(crate) fn settle_expected(findings: &mut Vec<Finding>, all_seen: bool) {
    const ID: &str = "expected";
    let (answers, rest): (Vec<_>, Vec<_>) =
        std::mem::take(findings).into_iter().partition(|finding| finding.check == ID && finding.key.contains(':'));
    *findings = rest;
    // A scope whose walsenders could not be asked has no answer for a name, and one for itself.
    let all_seen = all_seen && !findings.iter().any(|finding| finding.check == ID && finding.status == Status::Unknown);
    let mut settled: Vec<Finding> = Vec::new();
    for answer in answers {
        let key = format!("{ID}/{}", answer.subject.as_deref().unwrap_or_default());
        let answer = Finding { key, ..answer };
        match settled.iter_mut().find(|other| other.key == answer.key) {
            Some(other) if found(&answer) < found(other) => *other = answer,
            Some(_) => {}
            None => settled.push(answer),
        }
    }
    findings.extend(settled.into_iter().map(|answer| match answer.status {
        Status::Critical if !all_seen => Finding {
            status: Status::Unknown,
            reason: Some(Reason::NoData),
            summary: format!("{}; not every scope could be asked", answer.summary),
            ..answer
        },
        _ => answer,
    }));
}

fn found(answer: &Finding) -> u8 {
    match answer.status {
        Status::Ok => 0,
        Status::Warning => 1,
        Status::Unknown => 2,
        Status::Critical => 3,
    }
}

fn expect(view: &View<'_>, name: &str, senders: &[Sender], slots: &[Slot]) -> Finding {
    const ID: &str = "expected";
    let matches: Vec<&Sender> = senders
        .iter()
        .filter(|sender| sender.application_name.as_deref() == Some(name) || sender.slot_name.as_deref() == Some(name))
        .collect();
    let slot = slots.iter().find(|slot| slot.slot_name == name);
    let standbys: Vec<&&Sender> = matches.iter().filter(|sender| sender.is_standby()).collect();
    if let Some(standby) =
        standbys.iter().find(|standby| standby.state.as_deref() != Some("startup")).or(standbys.first())
    {
        let state = standby.state.as_deref().unwrap_or("hidden");
        return match state {
            "startup" => view
                .finding(ID, name, Status::Warning, "connected, but it receives nothing yet (state startup)")
                .advise("see the finding `standby` of the same name"),
            _ => view.ok(ID, name, format!("connected, {state}")),
        }
        .fact("state", state);
    }
    if matches.iter().any(|sender| sender.is_hidden()) {
        return view.hidden(ID, name, "whether what is connected under that name is a standby");
    }
    if matches.iter().any(|sender| sender.is_unknown()) {
        return view.no_data(ID, name, "connected, but no reply has come yet that tells a standby from a backup");
    }
    if let Some(slot) = slot.filter(|slot| slot.active && slot.slot_type == "logical") {
        return view.ok(
            ID,
            name,
            format!("its logical slot is in use, in database {}", slot.database.as_deref().unwrap_or("unknown")),
        );
    }
    let mut why = match (matches.first(), slot) {
        (Some(_), _) => "what is connected under that name is a backup or pg_receivewal, no standby".to_owned(),
        (None, Some(slot)) if slot.is_lost() => "not connected, and its slot is lost".to_owned(),
        (None, Some(slot)) => {
            format!("not connected; its slot keeps {} of WAL", bytes(slot.retained.unwrap_or(0).max(0) as u64))
        }
        (None, None) => "not connected, and no slot of that name".to_owned(),
    };
    if let Err(error) = &view.seen.slots {
        why = format!("not connected (the slots could not be looked at: {})", error.line());
    }
    let receives_only = !matches.is_empty();
    view.finding(ID, name, Status::Critical, format!("expected standby {name} is absent: {why}"))
        .fact_or_none("slot_active", slot.map(|slot| slot.active))
        .fact_or_none("slot_wal_status", slot.and_then(|slot| slot.wal_status.as_deref()))
        .advise(if receives_only {
            "pg_receivewal and pg_basebackup are no standbys: take the name out of `expect`, and watch pg_receivewal \
             by its slot (`slot-inactive`, `slot-retention`)"
        } else {
            "on the standby look whether the server runs and read the end of its log; SELECT status FROM \
                pg_stat_wal_receiver; there. If it was taken out \
             for good, take its name out of `expect` and drop its slot"
        })
}
