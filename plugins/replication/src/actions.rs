//! What the plugin can ask the host to do, and when it does. Each statement asks once more, at that moment, whether what it is for still holds.

use pgreeve_sdk::{
    Action, Finding, HttpMethod, HttpTemplate, Need, ObjectKind, ParameterKind, Privilege, Proposal, Right, Risk,
    Status, Template, action, need, proposal, sql,
};

use crate::rows::Slot;
use crate::view::View;

const DROP_LOST: &str = "drop-lost-slot";
const DROP_UNUSED: &str = "drop-inactive-slot";
const RESUME: &str = "resume-replay";
const RELOAD: &str = "reload-for-receiver";
/// Sends reads to the primary, and back.
pub(crate) const READ_ELSEWHERE: &str = "route-reads-to-primary";
pub(crate) const READ_HERE: &str = "route-reads-to-standby";

/// All of them.
pub(crate) fn all() -> Vec<Action> {
    let drop = |condition: &str| {
        let statement = format!(
            "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots \
             WHERE slot_name = :'slot' AND NOT active AND {condition}"
        );
        sql(30, &[&statement])
    };
    let replication = || need(Right::Attribute("REPLICATION".into()), "to drop a replication slot");
    let slot = |action: Action| action.parameter("slot", ParameterKind::Text, "the slot's name").need(replication());
    let resume = "SELECT pg_catalog.pg_wal_replay_resume() WHERE pg_catalog.pg_get_wal_replay_pause_state() = 'paused' \
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name IN ('recovery_target', \
                  'recovery_target_lsn', 'recovery_target_name', 'recovery_target_time', 'recovery_target_xid') \
                  AND setting <> '')";
    let route = |id: &str, title: &str, path: &str| {
        let body = Some(r#"{"standby": "{standby}"}"#.into());
        let template = Template::Http(HttpTemplate { method: HttpMethod::Post, path: path.into(), body });
        action(id, title, template).parameter("standby", ParameterKind::Text, "the standby's scope in agent.toml")
    };
    vec![
        slot(action(DROP_LOST, "Drops a slot that is lost: nothing can follow it any more", drop("wal_status = 'lost'"))).risk(Risk::Medium),
        slot(action(
            DROP_UNUSED,
            "Drops a slot that nobody uses and that fills pg_wal's disk: what it was kept for has to be rebuilt",
            drop("NOT temporary"),
        ))
        .risk(Risk::High),
        action(
            RESUME,
            "Resumes replay that was paused; if PostgreSQL paused it for a setting that is too low here, this shuts the standby down",
            sql(10, &[resume]),
        )
        .risk(Risk::High)
        .need(execute("pg_wal_replay_resume", "to resume replay")),
        action(RELOAD, "Has a standby read its configuration again, so that its walreceiver starts with what stands there now", sql(10, &["SELECT pg_catalog.pg_reload_conf()"]))
            .need(execute("pg_reload_conf", "to have the configuration read")),
        route(READ_ELSEWHERE, "Tells the application to read from the primary", "/reads/primary").undone_by(READ_HERE),
        route(READ_HERE, "Tells the application to read from the standby again", "/reads/standby").undone_by(READ_ELSEWHERE),
    ]
}

fn execute(function: &str, reason: &str) -> Need {
    let privilege = Privilege {
        privilege: "EXECUTE".into(),
        object: ObjectKind::Function,
        name: format!("pg_catalog.{function}"),
        arguments: Vec::new(),
    };
    need(Right::Privilege(privilege), reason)
}

/// What should be done about the findings of one scope.
pub(crate) fn propose(view: &View<'_>, findings: &[Finding]) -> Vec<Proposal> {
    let bad = |check: &str, object: &str, least: Status| {
        let key = view.key(check, object);
        let found = findings.iter().find(|finding| finding.key == key);
        let bad = found.is_some_and(|finding| finding.status == Status::Critical || finding.status == least);
        bad.then_some(key)
    };
    let slots = view.seen.slots.as_deref().unwrap_or_default();
    let mut proposals: Vec<Proposal> = slots.iter().filter_map(|slot| drop_slot(view, slot, &bad)).collect();
    if let Some(key) = bad("replay", "", Status::Warning).filter(|_| paused_by_somebody(view)) {
        let reason = "replay is paused for longer than pause_allowed";
        proposals.push(proposal(RESUME, view.scope, &[&key], reason));
    }
    if let Some(key) = bad("receiver", "", Status::Critical).filter(|_| view.streams()) {
        proposals.push(proposal(RELOAD, view.scope, &[&key], "the standby is to stream, and its walreceiver does not"));
    }
    proposals
}

fn drop_slot(view: &View<'_>, slot: &Slot, bad: &impl Fn(&str, &str, Status) -> Option<String>) -> Option<Proposal> {
    if slot.active || slot.temporary || slot.synced {
        return None;
    }
    let name = &slot.slot_name;
    if slot.is_lost() {
        let key = bad("slot-status", name, Status::Critical)?;
        return Some(proposal(DROP_LOST, view.scope, &[&key], format!("slot {name} is lost")).argument("slot", name));
    }
    let key = bad("slot-retention", name, Status::Critical)?;
    bad("slot-inactive", name, Status::Warning)?;
    let reason = format!("nobody uses slot {name}, and it keeps more WAL than slot_retention_critical");
    Some(proposal(DROP_UNUSED, view.scope, &[&key], reason).argument("slot", name))
}

/// Whether replay is paused, and not at a recovery target.
fn paused_by_somebody(view: &View<'_>) -> bool {
    let settings = view.seen.receiver_settings.as_ref().and_then(|answer| answer.as_ref().ok());
    view.seen.looks().last().is_some_and(crate::rows::Look::is_paused)
        && settings.is_some_and(|settings| settings.target.is_none())
}
