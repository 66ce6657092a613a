//! placeholder
use pgreeve_sdk::*;
use schemars::JsonSchema;
use serde::Deserialize;
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Settings { lag_warning: Option<Seconds> }
struct Replication;
#[derive(Deserialize)]
struct Row { n: i64 }
impl Plugin for Replication {
    type Settings = Settings;
    type Observed = Vec<Answer<Row>>;
    fn manifest() -> Manifest { manifest("replication", env!("CARGO_PKG_VERSION"), "x").check("lag", "lag", "lag").want(Capability::Postgres, true, "views") }
    fn observe(run: &Run<Settings>) -> Result<Self::Observed, Failure> { Ok(run.databases().map(|db| db.row("select 1 as n")).collect()) }
    fn judge(_run: &Run<Settings>, observed: &Self::Observed) -> Report {
        let findings = observed.iter().map(|a| match a { Ok(r) => finding("lag", "", Status::Ok, format!("{}", r.n)), Err(e) => Finding::unknown("lag", "", reason_of(e), e.line()) }).collect();
        Report { findings, metrics: vec![], proposals: vec![] }
    }
}
pgreeve_sdk::export!(Replication);
