//! `slot-status`, `slot-retention`, `slot-inactive`, `slot-time-to-lost`: replication slots. A lost slot has a standby
//! behind it that will never catch up; one that is kept has a disk that fills.

use pgreeve_sdk::{Finding, Metric, Status};

use crate::room::Rate;
use crate::rows::Slot;
use crate::view::{View, bytes, level, seconds, worse};

const STATUS: &str = "slot-status";
const RETENTION: &str = "slot-retention";
const INACTIVE: &str = "slot-inactive";
const TIME_TO_LOST: &str = "slot-time-to-lost";

/// The share of what a slot may keep that has to be left: without a rate yet, and always for a slot that is not in use.
const ENOUGH_LEFT: f64 = 0.25;

/// Slots of which each is shown; of more, those that are in order are counted: a report has an end.
const MOST_SHOWN: usize = 50;

/// Judges all slots. Temporary ones end with their session, and are nobody's concern.
pub(crate) fn check(view: &View<'_>) -> (Vec<Finding>, Vec<Metric>) {
    const ALL: [&str; 4] = [STATUS, RETENTION, INACTIVE, TIME_TO_LOST];
    let slots = match &view.seen.slots {
        Ok(slots) => slots,
        Err(error) => return (ALL.iter().map(|check| view.unanswered(check, "", error)).collect(), Vec::new()),
    };
    let slots: Vec<&Slot> = slots.iter().filter(|slot| !slot.temporary).collect();
    if slots.is_empty() {
        return (
            ALL.iter().map(|check| view.not_applicable(check, "", "there is no replication slot")).collect(),
            Vec::new(),
        );
    }
    let mut findings = Vec::new();
    let mut folded = 0;
    for slot in &slots {
        let answers = [status(view, slot), retention(view, slot), inactive(view, slot), time_to_lost(view, slot)];
        if slots.len() > MOST_SHOWN && answers.iter().all(|answer| answer.status == Status::Ok) {
            folded += 1;
        } else {
            findings.extend(answers);
        }
    }
    if folded > 0 {
        findings.push(view.ok(STATUS, "", format!("{folded} more slots are in order")));
    }
    let retained = slots.iter().filter(|slot| !slot.is_lost()).filter_map(|slot| {
        let retained = slot.retained?.max(0) as f64;
        Some(view.metric("slot_retained_bytes", retained, "bytes", Some(("slot", &slot.slot_name))))
    });
    (findings, retained.collect())
}

fn status(view: &View<'_>, slot: &Slot) -> Finding {
    let name = &slot.slot_name;
    let logical = slot.slot_type == "logical";
    let drop = format!("SELECT pg_drop_replication_slot('{}');", name.replace('\'', "''"));
    let finding = match slot.wal_status.as_deref() {
        Some("lost") => {
            let why = match slot.invalidation_reason.as_deref() {
                Some(reason) => format!(" ({reason})"),
                None if slot.conflicting == Some(true) => " (conflict with recovery)".to_owned(),
                None => String::new(),
            };
            view.finding(
                STATUS,
                name,
                Status::Critical,
                format!(
                    "slot {name} is lost{why}: what it was kept for \
                cannot catch up from here"
                ),
            )
            .advise(if logical {
                format!(
                    "its subscriber has to be synchronised anew with a new slot; then, on the server of the \
                        slot: {drop}"
                )
            } else {
                format!(
                    "if the standby does not stream, let it catch up from the archive (restore_command) or \
                            rebuild it with pg_basebackup; \
                         only then, on the upstream: {drop}"
                )
            })
        }
        Some("unreserved") => view
            .finding(
                STATUS,
                name,
                Status::Critical,
                format!(
                    "slot {name} is unreserved: it will be lost at the next \
                checkpoint unless it catches up"
                ),
            )
            .advise(format!(
                "raise the limit now: ALTER SYSTEM SET max_slot_wal_keep_size = '…'; SELECT pg_reload_conf(); (now \
                    {}), look first whether pg_wal's disk has the \
                 room; then look why the slot does not advance",
                view.seen.limits.as_ref().map_or("unknown", |limits| limits.slot_limit.as_str())
            )),
        Some(reserved) => view.ok(STATUS, name, format!("slot {name} is {reserved}")),
        None => view.not_applicable(STATUS, name, format!("slot {name} has never been used and keeps nothing")),
    };
    finding
        .fact("type", &slot.slot_type)
        .fact("active", slot.active)
        .fact_or_none("wal_status", slot.wal_status.as_deref())
        .fact_or_none("restart_lsn", slot.restart_lsn.map(crate::view::lsn))
        .fact_or_none("invalidation_reason", slot.invalidation_reason.as_deref())
}

fn retention(view: &View<'_>, slot: &Slot) -> Finding {
    let name = &slot.slot_name;
    if slot.is_lost() {
        return view.not_applicable(RETENTION, name, format!("slot {name} is lost and keeps no WAL"));
    }
    let Some(retained) = slot.retained.filter(|_| slot.wal_status.is_some()) else {
        return view.not_applicable(RETENTION, name, format!("slot {name} has never been used and keeps nothing"));
    };
    let retained = retained.max(0) as u64;
    let status = level(retained, view.settings.slot_retention_warning.0, view.settings.slot_retention_critical.0);
    let finding = view.finding(RETENTION, name, status, format!("slot {name} keeps {} of WAL", bytes(retained)));
    let finding = finding.fact("retained_bytes", retained).fact("active", slot.active);
    if status == Status::Ok { finding } else { finding.advise(let_go(slot)) }
}

fn inactive(view: &View<'_>, slot: &Slot) -> Finding {
    let name = &slot.slot_name;
    if slot.active {
        return view.ok(INACTIVE, name, format!("slot {name} is in use"));
    }
    if slot.is_lost() {
        return view.not_applicable(INACTIVE, name, format!("slot {name} is lost"));
    }
    if slot.synced {
        return view.not_applicable(
            INACTIVE,
            name,
            format!("slot {name} is synchronised from the primary and used only after a failover"),
        );
    }
    // 17 and later tell it, and forget it at a restart; by memory it is unused at least since a run first found it so.
    let remembered =
        view.memory.slots.get(name).and_then(|memory| memory.unused_since).map(|since| (slot.at - since) as f64 / 1e6);
    let (told, remembered) = (slot.inactive_for.unwrap_or(0.0).max(0.0), remembered.unwrap_or(0.0));
    let age = told.max(remembered);
    let status = level(age, view.settings.slot_inactive_warning.0, view.settings.slot_inactive_critical.0);
    let least = if slot.inactive_for.is_none() || remembered > told { "at least " } else { "" };
    let kept = bytes(slot.retained.unwrap_or(0).max(0) as u64);
    let finding = view.finding(
        INACTIVE,
        name,
        status,
        format!("nobody has used slot {name} for {least}{}; it keeps {kept} of WAL", seconds(age)),
    );
    let finding = finding.fact("inactive_s", format!("{age:.0}"));
    if status == Status::Ok { finding } else { finding.advise(let_go(slot)) }
}

fn time_to_lost(view: &View<'_>, slot: &Slot) -> Finding {
    let name = &slot.slot_name;
    if slot.is_lost() || slot.wal_status.is_none() {
        return view.not_applicable(TIME_TO_LOST, name, format!("slot {name} is lost already, or keeps nothing"));
    }
    let Some(safe) = slot.safe_wal_size else {
        return view.not_applicable(
            TIME_TO_LOST,
            name,
            format!("slot {name} is never lost, for max_slot_wal_keep_size is -1; pg_wal's disk is its limit"),
        );
    };
    let left = bytes(safe.max(0) as u64);
    // An idle minute says nothing of the next one: a slot that nobody uses needs room whatever the rate is now.
    let kept = slot.retained.unwrap_or(0).max(0) as f64;
    let scarce = (safe as f64) < ENOUGH_LEFT * (safe as f64 + kept);
    let floor = if scarce && !slot.active { Status::Warning } else { Status::Ok };
    let settings = view.settings;
    let finding = match view.memory.slots.get(name).and_then(|memory| memory.room.shrinks()) {
        _ if safe <= 0 => {
            view.finding(TIME_TO_LOST, name, Status::Critical, format!("slot {name} is lost at the next checkpoint"))
        }
        Some(rate) if rate.steady > 0.0 || lost_soon(safe, rate) => {
            // Where the next run but one may be too late, the last interval alone counts.
            let rate = if lost_soon(safe, rate) { rate.last.max(rate.steady) } else { rate.steady };
            let eta = safe as f64 / rate;
            let status = if eta < settings.slot_time_to_lost_critical.0 {
                Status::Critical
            } else if eta < settings.slot_time_to_lost_warning.0 {
                Status::Warning
            } else {
                Status::Ok
            };
            let plenty = safe as f64 > (1.0 - ENOUGH_LEFT) * (safe as f64 + kept);
            let status = if slot.active && plenty { Status::Ok } else { status };
            let summary = format!(
                "slot {name} is lost in {} at the present WAL rate ({}/s): {left} left",
                seconds(eta),
                bytes(rate as u64)
            );
            view.finding(TIME_TO_LOST, name, worse(status, floor), summary)
        }
        Some(_) => {
            let summary = format!("slot {name} has {left} left and does not lose any now");
            view.finding(TIME_TO_LOST, name, floor, summary)
        }
        None => {
            let status = if scarce { Status::Warning } else { Status::Ok };
            view.finding(
                TIME_TO_LOST,
                name,
                status,
                format!("slot {name} has {left} left; the rate is known from the next run on"),
            )
        }
    };
    let bad = finding.status != Status::Ok;
    let finding = finding.fact("safe_wal_size", safe);
    if bad { finding.advise(let_go(slot)) } else { finding }
}

/// Whether two more intervals like the last use up what is left.
fn lost_soon(safe: i64, rate: Rate) -> bool {
    safe as f64 <= rate.last * rate.interval * 2.0
}

fn let_go(slot: &Slot) -> String {
    let name = slot.slot_name.replace('\'', "''");
    if slot.active {
        format!(
            "its consumer is connected and does not keep up: SELECT application_name, state, sent_lsn, flush_lsn FROM \
                pg_stat_replication WHERE pid = \
             (SELECT active_pid FROM pg_replication_slots WHERE slot_name = '{name}'); and see how much room pg_wal's \
             disk has"
        )
    } else {
        format!(
            "bring its standby or subscriber back. Only if that is gone for good: SELECT \
                pg_drop_replication_slot('{name}'); \
             until then watch the room on pg_wal's disk, and raise max_slot_wal_keep_size (lowering it \
             loses the slot) if the disk has room"
        )
    }
}
