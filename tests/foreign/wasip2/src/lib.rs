//! A plugin in Rust without the SDK, built for `wasm32-wasip2`, where the standard library reaches for files, sockets and clocks through
//! WASI: sessions that sit idle in a transaction, which hold locks and keep vacuum from cleaning up.

mod probe;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::panic)]
#[allow(clippy::indexing_slicing, clippy::expect_used, clippy::uninlined_format_args)]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "plugin" });
}

use bindings::pgreeve::plugin::errors::Error;
use bindings::pgreeve::plugin::log::{Level, log};
use bindings::pgreeve::plugin::manifest::{Capability, Check, Manifest, Problem, Want};
use bindings::pgreeve::plugin::memory;
use bindings::pgreeve::plugin::postgres::{Value, query};
use bindings::pgreeve::plugin::report::{Context, Fact, Failure, Finding, Label, Metric, Reason, Report, Status};
use serde::Deserialize;

const CHECK: &str = "idle-in-transaction";

/// JSON Schema of [`Settings`].
const SETTINGS: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "older_than": {
            "description": "Seconds from which on an idle transaction counts.", "type": "number", "minimum": 0, "default": 60
        },
        "warning": { "description": "So many are a warning.", "type": "integer", "minimum": 1, "default": 1 },
        "critical": { "description": "So many are critical.", "type": "integer", "minimum": 1, "default": 10 },
        "try": { "description": "For tests: what to try instead of looking.", "type": "string" }
    }
}"#;

/// The text of a query stands for one that the login role may not see: state is NULL then, and is not to be taken for "not idle".
const QUERY: &str = "
    SELECT count(*) FILTER (WHERE state LIKE 'idle in transaction%' AND state_change <= now() - make_interval(secs => $1)),
           count(*) FILTER (WHERE query = '<insufficient privilege>')
    FROM pg_stat_activity WHERE datid IS NOT NULL";

#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    older_than: f64,
    warning: i64,
    critical: i64,
    r#try: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { older_than: 60.0, warning: 1, critical: 10, r#try: None }
    }
}

struct Observed {
    idle: i64,
    hidden: i64,
    /// In the run before.
    before: Option<String>,
}

struct Idle;

impl bindings::Guest for Idle {
    fn describe() -> Manifest {
        let check = |id: &str, title: &str, help: &str| Check { id: id.into(), title: title.into(), help: help.into() };
        Manifest {
            name: "idle-wasip2".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Finds sessions that sit idle in a transaction".into(),
            settings_schema: SETTINGS.into(),
            checks: vec![
                check(
                    CHECK,
                    "Idle transactions",
                    "They hold locks and keep vacuum from removing dead rows. Find who forgot to commit.",
                ),
                check(probe::CHECK, "What WASI gives", "For tests: nothing of the machine is to be had."),
            ],
            needs: Vec::new(),
            wants: vec![Want {
                capability: Capability::Postgres,
                required: true,
                reason: "to read pg_stat_activity".into(),
            }],
            actions: Vec::new(),
        }
    }

    fn check_settings(settings: String) -> Vec<Problem> {
        match serde_json::from_str::<Settings>(&settings) {
            Err(error) => vec![Problem { pointer: String::new(), message: error.to_string() }],
            Ok(Settings { warning, critical, .. }) if critical < warning => {
                let message = format!("must not be below warning, which is {warning}");
                vec![Problem { pointer: "/critical".into(), message }]
            }
            Ok(_) => Vec::new(),
        }
    }

    fn run(context: Context) -> Result<Report, Failure> {
        let settings: Settings = serde_json::from_str(&context.settings)
            .map_err(|error| Failure { message: format!("settings: {error}"), advice: None })?;
        if let Some(name) = &settings.r#try {
            return Ok(Report { findings: probe::findings(name), metrics: Vec::new(), proposals: Vec::new() });
        }
        let granted = context.grants.iter().filter(|grant| grant.capability == "postgres");
        let mut report = Report { findings: Vec::new(), metrics: Vec::new(), proposals: Vec::new() };
        for database in granted.flat_map(|grant| &grant.names) {
            let (finding, metric) = judge(database, observe(database, settings.older_than), &settings);
            report.findings.push(finding);
            report.metrics.extend(metric);
        }
        Ok(report)
    }
}

fn observe(database: &str, older_than: f64) -> Result<Observed, Error> {
    let rows = query(database, QUERY, &[Value::Float(older_than)])?.next(1)?.unwrap_or_default();
    let [Value::Int(idle), Value::Int(hidden)] = *rows.first().map_or(&[][..], Vec::as_slice) else {
        return Err(Error::Invalid(format!("expected one row of two integers, got {rows:?}")));
    };
    let before = memory::get(database)?.map(|before| String::from_utf8_lossy(&before).into_owned());
    memory::set(database, idle.to_string().as_bytes())?;
    log(Level::Info, &format!("{database}: {idle} idle in transaction, {hidden} sessions hidden"));
    Ok(Observed { idle, hidden, before })
}

/// What the counts mean: pure.
fn judge(database: &str, observed: Result<Observed, Error>, settings: &Settings) -> (Finding, Option<Metric>) {
    let finding = Finding {
        key: format!("{CHECK}/{database}"),
        check: CHECK.into(),
        status: Status::Unknown,
        reason: None,
        subject: Some(database.into()),
        summary: String::new(),
        detail: None,
        advice: None,
        evidence: Vec::new(),
    };
    let Observed { idle, hidden, before } = match observed {
        Ok(observed) => observed,
        Err(error) => {
            return (Finding { reason: Some(reason_of(&error)), summary: error.to_string(), ..finding }, None);
        }
    };
    let summary = format!("{idle} sessions idle in a transaction for {} s or longer", settings.older_than);
    let look =
        "SELECT pid, usename, state_change, query FROM pg_stat_activity WHERE state LIKE 'idle in transaction%';";
    let grant = "GRANT pg_read_all_stats TO the role that pgreeve logs in as;";
    let hides = format!("{hidden} sessions of other roles cannot be looked at");
    let (status, reason, summary, advice) = match idle {
        idle if idle >= settings.critical => (Status::Critical, None, summary, Some(look)),
        idle if idle >= settings.warning => (Status::Warning, None, summary, Some(look)),
        _ if hidden > 0 => (Status::Unknown, Some(Reason::NoPrivilege), hides, Some(grant)),
        _ => (Status::Ok, None, summary, None),
    };
    let fact = |name: &str, value: String| Fact { name: name.into(), value };
    let evidence = [fact("idle", idle.to_string()), fact("hidden", hidden.to_string())];
    let evidence = evidence.into_iter().chain(before.map(|before| fact("before", before))).collect();
    let metric = Metric {
        name: "idle_in_transaction_count".into(),
        value: idle as f64,
        unit: "count".into(),
        labels: vec![Label { name: "database".into(), value: database.into() }],
    };
    (Finding { status, reason, summary, advice: advice.map(Into::into), evidence, ..finding }, Some(metric))
}

/// Why an unanswered question makes the answer unknown.
fn reason_of(error: &Error) -> Reason {
    match error {
        Error::Denied(_) => Reason::NoPrivilege,
        Error::Remote(remote) if remote.code == "42501" => Reason::NoPrivilege,
        Error::Unreachable(_) | Error::TimedOut(_) => Reason::Unreachable,
        _ => Reason::Failed,
    }
}

#[allow(unsafe_code)]
mod exports {
    use crate::{Idle, bindings};
    bindings::export!(Idle with_types_in bindings);
}
