//! A plugin that makes one query in each scope it is granted: what the postgres grant costs, and what it allows.
//! Settings: the query, and how often to make it.

use pgreeve_sdk::{Answer, Capability, Failure, Finding, Manifest, Plugin, Report, Run, Status, finding, manifest, reason_of};
use schemars::JsonSchema;
use serde::Deserialize;

/// What to ask.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// One SELECT whose first column is called `answer` and is a text.
    query: String,
    /// The scope to ask; all granted ones if empty.
    scope: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { query: "select count(*)::text as answer from pg_stat_activity".into(), scope: String::new() }
    }
}

/// A row of the query.
#[derive(Deserialize)]
pub struct Row {
    answer: Option<String>,
}

struct OneQuery;

impl Plugin for OneQuery {
    type Settings = Settings;
    type Observed = Vec<(String, Answer<Vec<Row>>)>;

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
            let rows = pgreeve_sdk::Database::named(&scope).rows(&run.settings.query);
            (scope, rows)
        };
        Ok(scopes.into_iter().map(ask).collect())
    }

    fn judge(_: &Run<Settings>, observed: &Self::Observed) -> Report {
        let judge = |(scope, rows): &(String, Answer<Vec<Row>>)| match rows {
            Ok(rows) => {
                let first = rows.first().and_then(|row| row.answer.clone()).unwrap_or_else(|| "NULL".into());
                finding("query", scope, Status::Ok, first).fact("rows", rows.len())
            }
            Err(error) => Finding::unknown("query", scope, reason_of(error), error.line()).fact("error", format!("{error:?}")),
        };
        Report { findings: observed.iter().map(judge).collect(), metrics: Vec::new(), proposals: Vec::new() }
    }
}

pgreeve_sdk::export!(OneQuery);
