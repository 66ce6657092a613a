//! What pgGit says of itself, as far as it can be believed, and whether it recorded what was done to prove it.

use pgreeve_sdk::{Finding, Reason, Report, Seconds, Status};

use super::Check;
use crate::observe::proof::{Canary, Line, Own, Seen};
use crate::view::{View, count, time};

pub(super) const CHECKS: [Check; 2] = [
    (
        "own-check",
        "pgGit's own checks",
        "What pgGit's own read-only checks say, called with the scope's statement_timeout. A failure is `critical`, their own \
            warning a `warning`, an error or no answer in time `unknown`; a `warning` also where it finds nothing wrong and its body \
            is none of pgGit's own. Not applicable: a function that is known to fail \
            here whatever the state. Functions that write, or that say the same on any database, are not called.",
    ),
    (
        "canary",
        "Canary",
        "With the setting `canary_every`: whether pgGit recorded CREATE, ALTER and DROP of a scratch table, which an action \
            makes and rolls back. `critical`: it did not, or DDL failed. `unknown`: there is no proof that is recent enough.",
    ),
];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    match &seen.checks {
        Ok(checks) if checks.is_empty() => {
            report.findings.push(view.not_applicable("own-check", "", "this pgGit has no check that can be called"));
        }
        Ok(checks) => {
            let astray = seen.astray.as_ref().map(|answer| answer.as_ref().map_or(1, |astray| astray.astray));
            report.findings.extend(checks.iter().map(|own| own_check(view, own, astray)));
        }
        Err(error) => report.findings.push(view.unanswered("own-check", "", error)),
    }
    canary(view, seen, report);
}

fn own_check(view: &View<'_>, own: &Own, astray: Option<i64>) -> Finding {
    let lines = match &own.said {
        None => {
            return view.not_applicable(
                "own-check",
                &own.name,
                format!("{}() fails here whatever the state: not called", own.name),
            );
        }
        Some(Err(error)) => return view.unanswered("own-check", &own.name, error),
        Some(Ok(lines)) => lines,
    };
    let bad: Vec<(Status, &Line)> = lines
        .iter()
        .filter(|line| !only_tags(line, astray))
        .map(|line| (line.means(), line))
        .filter(|(status, _)| *status != Status::Ok)
        .collect();
    let critical = bad.iter().any(|(status, _)| *status == Status::Critical);
    let Some((_, first)) = bad.iter().find(|(status, _)| !critical || *status == Status::Critical) else {
        if let Some(body) = own.strange.as_ref().filter(|body| !view.settings().accepted_bodies.contains(body)) {
            return strange(view, &own.name, body);
        }
        let what = count(lines.len(), "line", "lines");
        return view.ok("own-check", &own.name, format!("{}() finds nothing wrong ({what})", own.name));
    };
    let status = if critical { Status::Critical } else { Status::Warning };
    let all: Vec<String> = bad.iter().map(|(_, line)| line.text()).collect();
    view.finding("own-check", &own.name, status, format!("{}(): {}", own.name, first.text()))
        .explain(all.join("\n"))
        .advise(format!(
            "SELECT * FROM {}(); then look at this plugin's own finding about the same thing, which names the rows",
            own.name
        ))
}

/// Who replaced it decides what it says.
fn strange(view: &View<'_>, name: &str, body: &str) -> Finding {
    let summary = format!("{name}() finds nothing wrong, but its body is none of pgGit's: that proves nothing");
    view.finding("own-check", name, Status::Warning, summary)
        .advise(format!(
            "read it: SELECT prosrc FROM pg_proc WHERE oid = '{name}'::regproc; If it is right, accept it in agent.toml: accepted_bodies = \
             [\"{body}\"]; else create it anew from pgGit's files, and see what the checks of the group graph say"
        ))
        .fact("fingerprint", body)
}

/// A tag on something else than a commit is no fault; pgGit counts it as one, and as damage of the whole.
fn only_tags(line: &Line, astray: Option<i64>) -> bool {
    astray == Some(0) && ["REFS_POINT_TO_COMMITS", "DATA_INTEGRITY"].contains(&line.item.as_deref().unwrap_or_default())
}

impl Line {
    fn means(&self) -> Status {
        // Said after each create_basic_commit but the first; the check `commits` knows better which are lost.
        if self.item.as_deref() == Some("ORPHANED_COMMIT") {
            return Status::Ok;
        }
        match self.status.as_deref().unwrap_or_default() {
            "FAILED" | "FAIL" | "CRITICAL" | "unhealthy" | "critical" => Status::Critical,
            "WARNING" | "HIGH" => Status::Warning,
            // INFO, WARN, `warning`: said on healthy installs as well.
            _ => Status::Ok,
        }
    }

    fn text(&self) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        format!("{} {}: {}", part(&self.item), part(&self.status), part(&self.message))
    }
}

fn canary(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let Some(every) = view.settings().canary_every else {
        let summary = "the setting canary_every is not given";
        return report.findings.push(view.not_applicable("canary", "", summary));
    };
    if !view.primary {
        return report.findings.push(view.not_applicable("canary", "", "a standby cannot prove it: ask the primary"));
    }
    let age = seen.canary.as_ref().map(|canary| (view.run.now() - canary.at) as f64 / 1e6);
    let due = age.is_none_or(|age| age >= every.0);
    let failed = seen.canary.as_ref().is_some_and(|canary| !canary.recorded);
    if due || failed {
        let proposal = view
            .proposal("canary", &[&view.key("canary", "")], format!("no proof that pgGit records within {every}"))
            .argument("schema", &view.settings().canary_schema)
            .argument("database", &seen.database);
        report.proposals.push(proposal);
    }
    report.findings.push(match (&seen.canary, age) {
        (Some(canary), Some(_)) if !canary.recorded => unproved(view, canary),
        // Once more the interval, so that the canary itself has the time to come.
        (Some(canary), Some(age)) if age < 2.0 * every.0 => {
            view.ok("canary", "", format!("pgGit recorded CREATE, ALTER and DROP at {}", time(canary.at)))
        }
        (last, age) => {
            let last = match (last, age) {
                (Some(_), Some(age)) => format!("the last proof is {} old", Seconds(age)),
                _ => "there is no proof yet".to_owned(),
            };
            view.unknown("canary", "", Reason::NoData, format!("{last}: whether pgGit records is not known from a trial")).advise(
                "let the action canary be carried out: actions = { canary = \"auto\" } in the job, or pgreeve approve; its \
                 login needs act_dsn, CREATE on the schema, and what DDL needs under pgGit",
            )
        }
    });
}

/// pgGit did not record, or the trial could not be made.
fn unproved(view: &View<'_>, canary: &Canary) -> Finding {
    let at = time(canary.at);
    let detail = canary.detail.lines().next().unwrap_or_default();
    let answer = if canary.detail.contains("permission denied for schema") && !canary.detail.contains("schema pggit") {
        view.unknown("canary", "", Reason::NoPrivilege, format!("the actor may not create a table: {detail}"))
            .advise(format!("GRANT CREATE ON SCHEMA {} TO the actor's login", view.settings().canary_schema))
    } else {
        view.finding("canary", "", Status::Critical, format!("at {at} the canary failed: {detail}")).advise(
            "look at event-trigger, handler, obstacle and sequence: one of them says why; if all are well, read the server's log \
             of that minute. A permission denied in pgGit's schema means that other logins without superuser cannot run DDL either",
        )
    };
    answer.explain(&canary.detail)
}
