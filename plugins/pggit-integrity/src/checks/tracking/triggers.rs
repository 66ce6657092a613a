//! Each event trigger: there, on its event, calling its function, for all commands, enabled.

use pgreeve_sdk::{Finding, Report, Status};

use super::pauses::Pauses;
use crate::install::Kind;
use crate::observe::tracking::{Seen, Trigger};
use crate::view::{View, identifier};

/// An event trigger that an install has.
pub(super) struct Wanted {
    pub(super) name: &'static str,
    event: &'static str,
    function: &'static str,
    /// Whether it writes the history.
    vital: bool,
}

const fn wanted(name: &'static str, event: &'static str, function: &'static str, vital: bool) -> Wanted {
    Wanted { name, event, function, vital }
}

/// What every install has, and then what the script install of v0.2.1 has as well.
const WANTED: [Wanted; 5] = [
    wanted("pggit_ddl_trigger", "ddl_command_end", "pggit.handle_ddl_command", true),
    wanted("pggit_drop_trigger", "sql_drop", "pggit.handle_sql_drop", true),
    wanted("pggit_enhanced_ddl_trigger", "ddl_command_end", "pggit.enhanced_ddl_trigger_func", false),
    wanted("pggit_enhanced_drop_trigger", "sql_drop", "pggit.enhanced_drop_trigger_func", false),
    wanted("pggit_metrics_trigger", "ddl_command_end", "pggit.collect_ddl_metrics", false),
];

/// The triggers that this kind of install has.
pub(super) fn of(kind: Kind) -> impl Iterator<Item = &'static Wanted> {
    WANTED.iter().filter(move |wanted| wanted.vital || kind == Kind::Script)
}

pub(super) fn judge(view: &View<'_>, seen: &Seen, pauses: &Pauses, report: &mut Report) {
    let triggers = match &seen.triggers {
        Ok(triggers) => triggers,
        Err(error) => return report.findings.push(view.unanswered("event-trigger", "", error)),
    };
    for wanted in of(view.kind) {
        let there = triggers.iter().find(|trigger| trigger.name == wanted.name);
        let answer = match there {
            None => absent(view, wanted, triggers),
            Some(trigger) => present(view, wanted, trigger, pauses),
        };
        if let Some(trigger) = there
            && answer.status != Status::Ok
            && wanted.is(trigger)
            && !trigger.on()
            && !pauses.resumed(wanted.name)
            && view.primary
        {
            let always = seen.states.get(wanted.name).is_some_and(|state| state == "A");
            let action = if always { "enable-event-trigger-always" } else { "enable-event-trigger" };
            let reason = format!("{} is off: {}", wanted.name, wanted.loss());
            report.proposals.push(view.proposal(action, &[&answer.key], reason).argument("trigger", wanted.name));
        }
        report.findings.push(answer);
        twins(view, wanted, triggers, report);
    }
}

fn absent(view: &View<'_>, wanted: &Wanted, triggers: &[Trigger]) -> Finding {
    if let Some(other) = triggers.iter().find(|other| wanted.is(other) && other.on() && other.tags.is_none()) {
        let summary = format!("is not there; {} does its work under another name", other.name);
        return view
            .finding("event-trigger", wanted.name, Status::Warning, format!("{} {summary}", wanted.name))
            .advise(format!(
                "pgGit's own functions, pauses among them, know it as {}: ALTER EVENT TRIGGER {} RENAME TO {};",
                wanted.name,
                identifier(&other.name),
                wanted.name
            ));
    }
    let summary = format!("{} is not there: {}", wanted.name, wanted.loss());
    view.finding("event-trigger", wanted.name, wanted.status(), summary).advise(format!(
        "as superuser: {} Then look with the group drift for what was not recorded meanwhile. A dump of the schema alone \
         (pg_dump -n pggit) does not hold event triggers, and an owner without superuser cannot make them",
        wanted.create()
    ))
}

fn present(view: &View<'_>, wanted: &Wanted, trigger: &Trigger, pauses: &Pauses) -> Finding {
    let name = wanted.name;
    let finding = |status, what: String| view.finding("event-trigger", name, status, format!("{name} {what}"));
    let anew = || format!("as superuser: DROP EVENT TRIGGER {name}; {}", wanted.create());
    let answer = if !wanted.is(trigger) {
        let what =
            format!("calls {} on {}, not {} on {}", trigger.function, trigger.event, wanted.function, wanted.event);
        finding(wanted.status(), format!("{what}: {}", wanted.loss())).advise(anew())
    } else if let Some(tags) = &trigger.tags {
        finding(wanted.status(), format!("is restricted to {}: nothing else is recorded", tags.join(", ")))
            .advise(anew())
    } else if trigger.on() {
        finding(Status::Ok, format!("is on ({})", trigger.enabled))
    } else if view.settings().disabled_triggers.iter().any(|disabled| disabled == name) {
        view.not_applicable("event-trigger", name, format!("{name} is off, as the setting disabled_triggers has it"))
    } else if let Some(pause) = pauses.covering(name) {
        view.not_applicable("event-trigger", name, format!("{name} is off by {pause}"))
    } else {
        let how = if trigger.enabled == "R" { "fires in replica sessions alone" } else { "is disabled" };
        finding(wanted.status(), format!("{how}: {}", wanted.loss())).advise(format!(
            "look whether somebody switched it off on purpose; then, as its owner: ALTER EVENT TRIGGER {name} ENABLE; \
             and look with the group drift for what was not recorded meanwhile"
        ))
    };
    answer.fact("enabled", &trigger.enabled).fact("event", &trigger.event).fact("function", &trigger.function)
}

/// Another trigger that does the same: every change is recorded twice.
fn twins(view: &View<'_>, wanted: &Wanted, triggers: &[Trigger], report: &mut Report) {
    let named = triggers.iter().any(|trigger| trigger.name == wanted.name && wanted.is(trigger) && trigger.on());
    let known = |other: &Trigger| WANTED.iter().any(|wanted| wanted.name == other.name);
    let others = triggers.iter().filter(|other| named && !known(other) && wanted.is(other) && other.on());
    report.findings.extend(others.map(|other| {
        let summary = format!("{} does the same as {}: every change is recorded twice", other.name, wanted.name);
        view.finding("event-trigger", &other.name, Status::Warning, summary)
            .advise(format!("DROP EVENT TRIGGER {};", identifier(&other.name)))
    }));
}

impl Trigger {
    /// Whether it fires in ordinary sessions.
    pub(super) fn on(&self) -> bool {
        ["O", "A"].contains(&self.enabled.as_str())
    }
}

impl Wanted {
    fn is(&self, trigger: &Trigger) -> bool {
        trigger.event == self.event && trigger.function == self.function
    }

    fn status(&self) -> Status {
        if self.vital { Status::Critical } else { Status::Warning }
    }

    fn loss(&self) -> &'static str {
        match (self.vital, self.event) {
            (true, "sql_drop") => "pgGit does not record what is dropped",
            (true, _) => "pgGit does not record what is created or altered",
            _ => "what it writes beside the history is missing",
        }
    }

    fn create(&self) -> String {
        format!("CREATE EVENT TRIGGER {} ON {} EXECUTE FUNCTION {}();", self.name, self.event, self.function)
    }
}
