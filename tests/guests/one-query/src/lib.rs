//! A plugin that makes one query in each scope it is granted: what the postgres grant costs, and what it allows.
//! Settings: the query, and how often to make it.

use pgreeve_sdk::bindings::pgreeve::plugin::postgres::{self, Other};
use pgreeve_sdk::{
    Answer, Capability, Failure, Finding, Manifest, Plugin, Report, Run, Status, Value, finding, manifest, reason_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What to ask.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The query.
    query: String,
    /// Its parameters, each in the text form of a type.
    parameters: Vec<Parameter>,
    /// The scope to ask; all granted ones if empty.
    scope: String,
}

/// A parameter as the text escape gives it.
#[derive(Clone, Deserialize, JsonSchema)]
pub struct Parameter {
    /// As `to_regtype` reads it; empty leaves it to the statement.
    type_name: String,
    /// The value.
    text: String,
}

impl Default for Settings {
    fn default() -> Self {
        let query = "select count(*)::text as answer from pg_stat_activity".into();
        Self { query, parameters: Vec::new(), scope: String::new() }
    }
}

/// All rows of a query, read in small batches.
fn ask(scope: &str, settings: &Settings) -> Answer<Vec<Vec<Value>>> {
    let parameters = settings.parameters.iter().cloned();
    let parameters: Vec<Value> =
        parameters.map(|it| Value::Other(Other { type_name: it.type_name, text: it.text })).collect();
    let cursor = postgres::query(scope, &settings.query, &parameters)?;
    let mut rows = Vec::new();
    while let Some(batch) = cursor.next(100)? {
        rows.extend(batch);
    }
    Ok(rows)
}

struct OneQuery;

impl Plugin for OneQuery {
    type Settings = Settings;
    type Observed = Vec<(String, Answer<Vec<Vec<Value>>>)>;

    fn manifest() -> Manifest {
        manifest("one-query", env!("CARGO_PKG_VERSION"), "Makes one query")
            .check("query", "The query's answer", "Ok with the first row's answer; unknown if there is none.")
            .want(Capability::Postgres, false, "to make the query")
    }

    fn observe(run: &Run<Settings>) -> Result<Self::Observed, Failure> {
        let scopes = match run.settings.scope.as_str() {
            "" => run.granted("postgres").to_vec(),
            scope => vec![scope.to_owned()],
        };
        let ask = |scope: String| {
            let rows = ask(&scope, &run.settings);
            (scope, rows)
        };
        Ok(scopes.into_iter().map(ask).collect())
    }

    fn judge(_: &Run<Settings>, observed: &Self::Observed) -> Report {
        let judge = |(scope, rows): &(String, Answer<Vec<Vec<Value>>>)| match rows {
            Ok(rows) => {
                let first = rows.first().map_or_else(|| "no row".to_owned(), |row| format!("{row:?}"));
                finding("query", scope, Status::Ok, first).fact("rows", rows.len())
            }
            Err(error) => {
                Finding::unknown("query", scope, reason_of(error), error.line()).fact("error", format!("{error:?}"))
            }
        };
        Report { findings: observed.iter().map(judge).collect(), metrics: Vec::new(), proposals: Vec::new() }
    }
}

pgreeve_sdk::export!(OneQuery);
