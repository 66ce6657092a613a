//! The bodies of the functions that record.

use pgreeve_sdk::{Report, Status};

use crate::install::Kind;
use crate::observe::tracking::{Function, Seen};
use crate::view::{View, count};

/// A function, whether DDL fails without it, and the md5 of the bodies that releases give it. From installs of v0.1.2 to
/// v0.5.1 by every route that works; the same on PostgreSQL 15, 17 and 18.
struct Known {
    name: &'static str,
    vital: bool,
    script_alone: bool,
    bodies: &'static [&'static str],
}

const fn known(name: &'static str, vital: bool, bodies: &'static [&'static str]) -> Known {
    Known { name, vital, script_alone: false, bodies }
}

const fn script(name: &'static str, bodies: &'static [&'static str]) -> Known {
    Known { name, vital: true, script_alone: true, bodies }
}

const KNOWN: [Known; 13] = [
    known("handle_ddl_command", true, &["ba2adcbb43a96ddd32bd40bd6be5e35f", "7a05f8158261542a36a38ff639589bac"]),
    known("handle_sql_drop", true, &["b8377362744318d7ef9fd361221d8502"]),
    known("ensure_object", true, &["92924f2c8f430f4a73635d5c2a48bd0b"]),
    known("ensure_object_with_branch", true, &["1d03da623e7b1cb84023d5beb28f7e1e"]),
    known("increment_version", true, &["062259d819ddf5895c11aa4bf6f724f6"]),
    known("extract_table_columns", true, &["acab52bdf7f1cac4df0eb6aa1da41987"]),
    // Its errors are swallowed.
    known("add_dependency", false, &["fc60db35485ee536dba52e30cd21f7f7"]),
    script("enhanced_ddl_trigger_func", &["1de682a43009bb23200c2f8b18a28104"]),
    script("enhanced_drop_trigger_func", &["f362164a027b08a1ee95ffa1015cfa15"]),
    script("collect_ddl_metrics", &["b6574d09f7a93f7d76571f013ad0f146"]),
    // Called by these, and their errors reach the DDL statement.
    script("record_metric", &["86ae8deb95c4834e3863a12e7884d07f"]),
    script("should_track_object", &["314ccc7c4bfa481c81d4574edaf92226"]),
    script("check_object_comment_directive", &["1a1c8b07f1f73bd7c3823648f6975a3e"]),
];

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    let functions = match &seen.functions {
        Ok(functions) => functions,
        Err(error) => return report.findings.push(view.unanswered("handler", "", error)),
    };
    let mut well = 0;
    for known in KNOWN.iter().filter(|known| !known.script_alone || view.kind == Kind::Script) {
        let same: Vec<&Function> = functions.iter().filter(|function| function.name == known.name).collect();
        let strange = same.iter().find(|function| !known.accepts(view, function));
        let odd = same.iter().find_map(|function| function.odd.as_ref());
        if let (Some(odd), None) = (odd, strange) {
            report.findings.push(set(view, known, odd));
            continue;
        }
        match (same.is_empty(), strange) {
            (false, None) => well += 1,
            (true, _) => report.findings.push(gone(view, known)),
            (false, Some(function)) => report.findings.push(changed(view, known, function)),
        }
    }
    let what = count(well, "function has the body", "functions have the bodies");
    report.findings.push(view.ok("handler", "", format!("{what} of a release, or one that is accepted")));
}

fn gone(view: &View<'_>, known: &Known) -> pgreeve_sdk::Finding {
    let status = if known.vital { Status::Critical } else { Status::Warning };
    let loss =
        if known.vital { "CREATE, ALTER or DROP fails in this database" } else { "dependencies are not recorded" };
    view.finding("handler", known.name, status, format!("pggit.{} is gone: {loss}", known.name)).advise(format!(
        "create pggit.{} anew from the release that is installed (sql/000_schema.sql or sql/002_event_triggers.sql). If \
         DDL has to work at once: ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; and later on again",
        known.name
    ))
}

/// The body is right, and what it runs with is not.
fn set(view: &View<'_>, known: &Known, odd: &str) -> pgreeve_sdk::Finding {
    let status = if known.vital { Status::Critical } else { Status::Warning };
    let summary = format!("pggit.{} {odd}; no release has it so", known.name);
    view.finding("handler", known.name, status, summary).advise(format!(
        "see \\sf pggit.{name} in psql; then, as its owner: ALTER FUNCTION pggit.{name} SECURITY INVOKER; ALTER FUNCTION pggit.{name} \
         RESET ALL; ALTER FUNCTION pggit.{name} CALLED ON NULL INPUT;",
        name = known.name
    ))
}

fn changed(view: &View<'_>, known: &Known, function: &Function) -> pgreeve_sdk::Finding {
    let (status, what) = if function.records {
        (Status::Warning, "has a body that is none of a known release")
    } else if known.vital && !known.script_alone {
        (Status::Critical, "has a body that records nothing")
    } else {
        (Status::Warning, "has a body that is none of a known release")
    };
    view.finding("handler", known.name, status, format!("pggit.{} {what}", known.name))
        .advise(format!(
            "read it: SELECT prosrc FROM pg_proc WHERE oid = 'pggit.{name}'::regproc; If it is right, accept it in \
             agent.toml: accepted_bodies = [\"{fingerprint}\"]; else create it anew from the release that is installed",
            name = known.name,
            fingerprint = function.fingerprint
        ))
        .fact("fingerprint", &function.fingerprint)
        .fact("known", known.bodies.join(" "))
}

impl Known {
    fn accepts(&self, view: &View<'_>, function: &Function) -> bool {
        let accepted = &view.settings().accepted_bodies;
        self.bodies.contains(&function.fingerprint.as_str()) || accepted.contains(&function.fingerprint)
    }
}
