//! `subscriber`: does what reads a logical slot confirm what it reads? A subscription whose apply worker waits for a lock
//! is connected all the time, and one that fails in a loop is connected whenever one looks at the wrong moment; neither
//! confirms anything. An idle publisher has nothing to confirm: a subscriber that is well confirms even WAL that is
//! not for it, by its answers to keepalives.

use pgreeve_sdk::{Finding, Status};

use crate::rows::Slot;
use crate::view::{View, bytes, level, lsn, seconds};

const ID: &str = "subscriber";

/// Judges the consumer of each logical slot.
pub(crate) fn check(view: &View<'_>) -> Vec<Finding> {
    let slots = match &view.seen.slots {
        Ok(slots) => slots,
        Err(error) => return vec![view.unanswered(ID, "", error)],
    };
    let logical = slots.iter().filter(|slot| slot.slot_type == "logical" && !slot.temporary);
    let answers: Vec<Finding> = logical.map(|slot| one(view, slot)).collect();
    if answers.is_empty() { vec![view.not_applicable(ID, "", "there is no logical slot")] } else { answers }
}

fn one(view: &View<'_>, slot: &Slot) -> Finding {
    let name = &slot.slot_name;
    if slot.is_lost() {
        return view.not_applicable(ID, name, format!("slot {name} is lost"));
    }
    if slot.synced {
        return view.not_applicable(ID, name, format!("slot {name} is synchronised from the primary"));
    }
    let (Some(unconfirmed), Some(confirmed)) = (slot.unconfirmed, slot.confirmed_lsn) else {
        return view
            .no_data(ID, name, format!("slot {name} shows no confirmed position"))
            .advise("a slot that is still being created shows none; the next run looks again");
    };
    let unconfirmed = bytes(unconfirmed.max(0) as u64);
    let since = view.memory.slots.get(name).and_then(|memory| memory.stalled_since);
    let stalled = since.map_or(0.0, |since| (slot.at - since) as f64 / 1e6);
    let settings = view.settings;
    let status = level(stalled, settings.subscriber_stalled_warning.0, settings.subscriber_stalled_critical.0);
    let finding = if status == Status::Ok {
        view.ok(ID, name, format!("{unconfirmed} to confirm for the consumer of slot {name}"))
    } else {
        let connected = if slot.active { "is connected and" } else { "is not connected now, and" };
        let summary = format!(
            "the consumer of slot {name} {connected} has confirmed nothing for at least {}: {unconfirmed} wait",
            seconds(stalled)
        );
        view.finding(ID, name, status, summary).advise(
            "on the subscriber read the end of the log (\"duplicate key\", \"conflict detected\": an apply worker that fails \
             in a loop), and look at its workers: SELECT s.subname, a.pid, a.wait_event_type, a.wait_event, \
             pg_blocking_pids(a.pid) FROM pg_stat_subscription AS s JOIN pg_stat_activity AS a USING (pid); no row: it \
             does not run; wait_event_type Lock: the last column says who blocks it. From 15 on SELECT subname, \
             apply_error_count, sync_error_count FROM pg_stat_subscription_stats; counts what failed",
        )
    };
    finding
        .fact("confirmed_flush_lsn", lsn(confirmed))
        .fact("active", slot.active)
        .fact("stalled_s", format!("{stalled:.0}"))
}
