//! pgGit's own functions, where they can be believed, and the canary.

use pgreeve_sdk::{Answer, Cause, Outcome, ResultKind};
use serde::{Deserialize, Serialize};

use super::Look;
use crate::install::V0;

/// Under this name the last proof by canary is kept.
const CANARY: &str = "proof/canary";

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) checks: Answer<Vec<Own>>,
    /// Refs that lead nowhere; asked where pgGit says that some do.
    pub(crate) astray: Option<Answer<Astray>>,
    /// The newest proof, of this round or of before.
    pub(crate) canary: Option<Canary>,
    /// The database's name, by which an outcome is known to be of this scope.
    pub(crate) database: String,
}

/// One of pgGit's own checks.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    /// `schema.function`.
    pub(crate) name: String,
    /// The md5 of its body, where that is none of pgGit's own.
    pub(crate) strange: Option<String>,
    /// What it said; none where it is known to fail here whatever the state.
    pub(crate) said: Option<Answer<Vec<Line>>>,
}

/// A line of what a check said.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) item: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) message: Option<String>,
}

/// Refs that lead to nothing.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Astray {
    pub(crate) astray: i64,
}

/// A proof by canary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Canary {
    /// By the agent's clock, in microseconds since 1970-01-01 UTC.
    pub(crate) at: i64,
    /// Whether pgGit recorded it.
    pub(crate) recorded: bool,
    /// What was seen where it did not.
    pub(crate) detail: String,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    fingerprint: String,
}

/// The body of pggit.health_check() in v0.2.1, which fails whatever the state: its format string is none.
const BROKEN_HEALTH_CHECK: &str = "8e03b4b5131887a0d35c6b4af6ffba9f";

/// The bodies of pgGit's checks of pggit_v0 in the layout with rows: each has had the same in every release, v0.1.2 to v0.5.1. Those in other schemas are part
/// of an install, and compared with the release by the check `functions`.
const BODIES: [(&str, &str); 3] = [
    ("pggit_v0.validate_data_integrity", "bfdb37c47f32b9ae08d09affa10eb866"),
    ("pggit_v0.check_for_alerts", "42cb7d46f15075160aadd37e7e8c2b39"),
    ("pggit_v0.detect_anomalies", "ba19e2348399b61946b1799e5aa8bce3"),
];

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Seen {
    let functions: Answer<Vec<Function>> = look.rows(include_str!("../sql/proof_functions.sql"));
    let checks: Answer<Vec<Own>> =
        functions.map(|functions| functions.into_iter().map(|function| ask(look, function)).collect());
    let failed =
        |line: &Line| line.item.as_deref() == Some("REFS_POINT_TO_COMMITS") && line.status.as_deref() == Some("FAILED");
    let doubtful = checks.iter().flatten().filter_map(|own| own.said.as_ref()?.as_ref().ok()).flatten().any(failed);
    Seen {
        checks,
        astray: doubtful.then(|| look.row(include_str!("../sql/proof_refs.sql"))),
        canary: canary(look),
        database: look.server.database.clone(),
    }
}

fn ask(look: &Look<'_>, function: Function) -> Own {
    // What works in one layout of pggit_v0 fails in the other; the audit's check reads pggit_v0 in either.
    // Those in pggit_v0 read pggit_audit, which only a script install has.
    let rows = look.install.v0() == V0::Rows && look.install.has("pggit_audit.changes");
    let sql = match function.name.as_str() {
        "pggit.health_check" if function.fingerprint != BROKEN_HEALTH_CHECK => {
            Some("SELECT check_name AS item, status, message FROM pggit.health_check()")
        }
        "pggit_v0.validate_data_integrity" if rows => {
            Some("SELECT check_name AS item, status, details AS message FROM pggit_v0.validate_data_integrity()")
        }
        "pggit_v0.check_for_alerts" if rows => {
            Some("SELECT alert_type AS item, severity AS status, message FROM pggit_v0.check_for_alerts()")
        }
        "pggit_v0.detect_anomalies" if rows => Some(
            "SELECT anomaly_type AS item, severity AS status, details::text AS message FROM pggit_v0.detect_anomalies()",
        ),
        "pggit_audit.validate_audit_integrity" if look.install.has("pggit_v0.objects") => {
            Some("SELECT check_name AS item, status, details AS message FROM pggit_audit.validate_audit_integrity()")
        }
        _ => None,
    };
    let strange = BODIES.iter().any(|(name, body)| *name == function.name && *body != function.fingerprint);
    let said = sql.map(|sql| look.rows(sql));
    Own { strange: strange.then_some(function.fingerprint), name: function.name, said }
}

/// The outcome of a canary of this round, which is kept, or the last one.
fn canary(look: &Look<'_>) -> Option<Canary> {
    let context = &look.run.context;
    let here = |outcome: &&Outcome| {
        let database = outcome.arguments.iter().find(|argument| argument.name == "database");
        outcome.action == "canary" && database.is_some_and(|database| database.value == look.server.database)
    };
    let outcome = (context.cause == Cause::Verify).then(|| context.outcomes.iter().rfind(here)).flatten();
    let proof = match outcome.map(|outcome| (outcome.kind, &outcome.detail)) {
        Some((ResultKind::Done, _)) => Canary { at: look.run.now(), recorded: true, detail: String::new() },
        Some((ResultKind::Failed, detail)) => Canary { at: look.run.now(), recorded: false, detail: detail.clone() },
        // Nobody can say, or it was not carried out.
        Some((ResultKind::Uncertain | ResultKind::Refused, _)) | None => return look.recall(CANARY),
    };
    look.remember(CANARY, &proof);
    Some(proof)
}
