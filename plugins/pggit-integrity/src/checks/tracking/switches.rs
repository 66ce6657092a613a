//! Settings that keep event triggers from firing.

use pgreeve_sdk::{Report, Status};

use crate::observe::tracking::{Seen, Switch, Trigger};
use crate::view::{View, identifier};

/// What PostgreSQL takes for off.
const OFF: [&str; 6] = ["off", "of", "false", "no", "0", "f"];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let switches = match &seen.switches {
        Ok(switches) => switches,
        Err(error) => return report.findings.push(view.unanswered("trigger-switch", "", error)),
    };
    let triggers: &[Trigger] = seen.triggers.as_deref().unwrap_or_default();
    let vital = |trigger: &&Trigger| ["pggit_ddl_trigger", "pggit_drop_trigger"].contains(&trigger.name.as_str());
    // ENABLE ALWAYS fires in replica sessions too.
    let always = triggers.iter().any(|trigger| vital(&trigger))
        && triggers.iter().filter(vital).all(|trigger| trigger.enabled == "A");
    let off: Vec<&Switch> =
        switches.iter().filter(|switch| switch.is_off(always) && !switch.overruled(switches)).collect();
    if off.is_empty() {
        report.findings.push(view.ok("trigger-switch", "", "no setting keeps event triggers from firing"));
    }
    for switch in off {
        let status = if switch.role.is_some() { Status::Warning } else { Status::Critical };
        let (whose, reset) = (switch.whose(), switch.reset());
        let object = format!("{}/{whose}", switch.name);
        let summary = format!("{} = {} for {whose}: its DDL is not recorded", switch.name, switch.value);
        report.findings.push(
            view.finding("trigger-switch", &object, status, summary).advise(format!(
                "as superuser, if it is not meant so: {reset} Sessions that are open keep the old value"
            )),
        );
    }
}

impl Switch {
    fn is_off(&self, always: bool) -> bool {
        match self.name.as_str() {
            "event_triggers" => OFF.contains(&self.value.as_str()),
            _ => self.value == "replica" && !always,
        }
    }

    /// Whether a narrower setting for everybody in this database takes the place of the server's.
    fn overruled(&self, all: &[Self]) -> bool {
        self.database.is_none()
            && self.role.is_none()
            && all.iter().any(|other| other.name == self.name && other.role.is_none() && other.database.is_some())
    }

    fn whose(&self) -> String {
        match (&self.role, &self.database) {
            (None, None) => "the server".to_owned(),
            (None, Some(database)) => format!("database {database}"),
            (Some(role), None) => format!("role {role}"),
            (Some(role), Some(database)) => format!("role {role} in database {database}"),
        }
    }

    fn reset(&self) -> String {
        let name = &self.name;
        match (&self.role, &self.database) {
            (None, None) => {
                format!("ALTER SYSTEM RESET {name}; SELECT pg_reload_conf(); (or look into postgresql.conf).")
            }
            (None, Some(database)) => format!("ALTER DATABASE {} RESET {name};", identifier(database)),
            (Some(role), None) => format!("ALTER ROLE {} RESET {name};", identifier(role)),
            (Some(role), Some(database)) => {
                format!("ALTER ROLE {} IN DATABASE {} RESET {name};", identifier(role), identifier(database))
            }
        }
    }
}
