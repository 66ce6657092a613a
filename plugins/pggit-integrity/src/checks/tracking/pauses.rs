//! Pauses and deployments: what somebody switched off for a while, and nothing switches on again.

use std::collections::BTreeMap;

use pgreeve_sdk::{Finding, Report, Seconds, Status};

use crate::observe::tracking::{Deployment, Pause, Seen, Trigger};
use crate::view::{View, time};

/// What a pause is called in pggit.system_events, what ends it, the triggers that it switches off, the action that ends it.
struct Sort {
    begins: &'static str,
    ends: &'static str,
    triggers: &'static [&'static str],
    action: &'static str,
}

const SORTS: [Sort; 2] = [
    Sort {
        begins: "tracking_paused",
        ends: "tracking_resumed",
        triggers: &["pggit_ddl_trigger", "pggit_drop_trigger"],
        action: "resume-tracking",
    },
    Sort {
        begins: "emergency_disable",
        ends: "emergency_enable",
        triggers: &[
            "pggit_ddl_trigger",
            "pggit_drop_trigger",
            "pggit_enhanced_ddl_trigger",
            "pggit_enhanced_drop_trigger",
        ],
        action: "resume-after-emergency",
    },
];

/// Which triggers are off for a reason.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// Triggers that a pause holds that has not run out, and the pause in words.
    running: Vec<(&'static str, String)>,
    /// Triggers that a proposed resumption enables.
    resumed: Vec<&'static str>,
}

impl Pauses {
    /// The pause that a trigger is off by, if it has not run out.
    pub(super) fn covering(&self, trigger: &str) -> Option<&str> {
        self.running.iter().find(|(name, _)| *name == trigger).map(|(_, pause)| pause.as_str())
    }

    /// Whether a proposal already switches it on.
    pub(super) fn resumed(&self, trigger: &str) -> bool {
        self.resumed.contains(&trigger)
    }
}

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) -> Pauses {
    let mut found = Pauses::default();
    let (pauses, triggers) = match (&seen.pauses, &seen.triggers) {
        (None, _) => {
            report.findings.push(view.not_applicable("pause", "", "this pgGit has no pauses"));
            return found;
        }
        (Some(Err(error)), _) => {
            report.findings.push(view.unanswered("pause", "", error));
            return found;
        }
        // The event triggers themselves have an answer then.
        (_, Err(_)) => return found,
        (Some(Ok(pauses)), Ok(triggers)) => (pauses, triggers),
    };
    for sort in &SORTS {
        let last = |kind| pauses.iter().find(|pause| pause.kind == kind);
        let off = sort.off(triggers);
        let ended = last(sort.ends).map_or(0, |pause| pause.id);
        match last(sort.begins).filter(|pause| pause.id > ended && !off.is_empty()) {
            Some(pause) => {
                let answer = sort.judge(view, pause, &off, (triggers, &seen.states), &mut found, report);
                report.findings.push(answer);
            }
            None => report.findings.push(view.ok("pause", sort.begins, "no such pause holds an event trigger")),
        }
    }
    found
}

impl Sort {
    /// Its triggers that are off.
    fn off(&self, triggers: &[Trigger]) -> Vec<&'static str> {
        let off = |name: &&&str| triggers.iter().any(|trigger| trigger.name == **name && !trigger.on());
        self.triggers.iter().filter(off).copied().collect()
    }

    fn judge(
        &self,
        view: &View<'_>,
        pause: &Pause,
        off: &[&'static str],
        (triggers, states): (&[Trigger], &BTreeMap<String, String>),
        found: &mut Pauses,
        report: &mut Report,
    ) -> Finding {
        let by = pause.by.as_deref().unwrap_or("somebody");
        let what = format!("{} by {by}", self.begins);
        let Some(resume_at) = pause.resume_at else {
            return view
                .finding("pause", self.begins, Status::Critical, format!("{what} holds no time at which it ends"))
                .advise(self.advice());
        };
        let length = (resume_at - pause.at.unwrap_or(pause.now)) as f64 / 1e6;
        if resume_at <= pause.now {
            // Without one of its triggers the action would fail as a whole, and it knows no ENABLE ALWAYS: then each is
            // switched on by itself.
            let all = self.triggers.iter().all(|name| triggers.iter().any(|trigger| trigger.name == *name));
            let plain = off.iter().all(|name| states.get(*name).is_none_or(|state| state == "O"));
            if view.primary && all && plain {
                let keys: Vec<String> = off.iter().map(|name| view.key("event-trigger", name)).collect();
                let own = view.key("pause", self.begins);
                let clears: Vec<&str> = [own.as_str()].into_iter().chain(keys.iter().map(String::as_str)).collect();
                report.proposals.push(view.proposal(
                    self.action,
                    &clears,
                    format!("{what} ended at {}", time(resume_at)),
                ));
                found.resumed.extend(off);
            }
            let late = Seconds((pause.now - resume_at) as f64 / 1e6);
            let summary = format!("{what} ran out {late} ago, still off: {}", off.join(", "));
            return view.finding("pause", self.begins, Status::Critical, summary).advise(self.advice());
        }
        let words = format!("{what} until {}", time(resume_at));
        found.running.extend(off.iter().map(|name| (*name, words.clone())));
        let longest = view.settings().pause_longest;
        if length > longest.0 {
            let summary = format!("{words}: longer than {longest}, and nothing is recorded meanwhile");
            return view.finding("pause", self.begins, Status::Warning, summary).advise(format!(
                "ask {by} whether it is still wanted; if so raise the setting pause_longest, else {}",
                self.advice()
            ));
        }
        view.ok("pause", self.begins, format!("{words}: nothing is recorded until then"))
    }

    fn advice(&self) -> String {
        let function = if self.begins == "emergency_disable" { "emergency_enable" } else { "resume_tracking" };
        format!(
            "as the owner of the event triggers: SELECT pggit.{function}(); and look with the group drift for what was \
             not recorded meanwhile"
        )
    }
}

/// Deployment mode that nobody ended.
pub(super) fn deployment(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let active = match &seen.deployment {
        None => return report.findings.push(view.not_applicable("deployment", "", "this pgGit has no deployments")),
        Some(Err(error)) => return report.findings.push(view.unanswered("deployment", "", error)),
        Some(Ok(active)) => active,
    };
    let answer = match active.first() {
        None => view.ok("deployment", "", "no deployment is active"),
        Some(active) => since(view, active),
    };
    report.findings.push(answer);
}

fn since(view: &View<'_>, active: &Deployment) -> Finding {
    let longest = view.settings().deployment_longest;
    let (name, by) = (active.name.as_deref().unwrap_or("without a name"), active.by.as_deref().unwrap_or("somebody"));
    let age = active.since.map(|since| Seconds((active.now - since) as f64 / 1e6));
    match age {
        Some(age) if age <= longest => view.ok("deployment", "", format!("deployment {name} by {by} for {age}")),
        age => {
            let age = age.map_or_else(|| "since nobody knows when".to_owned(), |age| format!("for {age}"));
            view.finding("deployment", "", Status::Warning, format!("deployment {name} by {by} is active {age}"))
                .advise(format!("ask {by}; if it is over: SELECT pggit.end_deployment(); or raise deployment_longest"))
        }
    }
}
