//! A plugin that wants a right of every kind, for the tests of `pgreeve grants` and `pgreeve doctor`. It looks at nothing.

use pgreeve_sdk::{
    Capability, Failure, Manifest, Need, ObjectKind, Plugin, Privilege, Report, Right, Run, SqlTemplate, Status,
    Template, action, finding, manifest, need, sql,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// None.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

struct Rights;

fn on(privilege: &str, object: ObjectKind, name: &str, arguments: &[&str]) -> Need {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let privilege = Privilege { privilege: privilege.into(), object, name: name.into(), arguments };
    Need { required: false, ..need(Right::Privilege(privilege), "to be looked at") }
}

impl Plugin for Rights {
    type Settings = Settings;
    type Observed = ();

    fn manifest() -> Manifest {
        let vacuum = SqlTemplate { statements: vec!["VACUUM app.orders".into()], seconds: 5, transactional: false };
        let owner = need(Right::Owner("the table app.orders".into()), "only its owner can vacuum it");
        manifest("rights", env!("CARGO_PKG_VERSION"), "Wants a right of every kind")
            .check("nothing", "Nothing", "Always ok.")
            .want(Capability::Postgres, true, "to want rights in it")
            .need(need(Right::Member("pg_monitor".into()), "statistics"))
            .need(Need { required: false, ..need(Right::Attribute("REPLICATION".into()), "slots") })
            .need(on("SELECT", ObjectKind::Table, "app.orders", &[]))
            .need(on("SELECT", ObjectKind::Sequence, "app.orders_id_seq", &[]))
            .need(on("EXECUTE", ObjectKind::Function, "app.total", &["integer", "text[]", "app.mood"]))
            .need(on("EXECUTE", ObjectKind::Function, "pg_ls_waldir", &[]))
            .need(on("SELECT", ObjectKind::Table, "elsewhere.objects", &[]))
            .need(on("SET", ObjectKind::Parameter, "log_min_messages", &[]))
            .action(
                action("vacuum", "Vacuums a table", Template::Sql(vacuum))
                    .need(Need { required: true, ..on("MAINTAIN", ObjectKind::Table, "app.orders", &[]) })
                    .need(Need { until: Some(16), ..owner })
                    // Ownership is told in words: what it is of no use without is not known from them.
                    .need(Need { required: true, ..on("USAGE", ObjectKind::Schema, "app", &[]) }),
            )
            .action(
                action("end", "Ends a session", sql(5, &["SELECT pg_catalog.pg_terminate_backend(0)"]))
                    .need(need(Right::Member("pg_signal_backend".into()), "to end it")),
            )
            .action(
                action("checkpoint", "Makes a checkpoint", sql(5, &["CHECKPOINT"]))
                    .need(need(Right::Superuser("a checkpoint before 15".into()), "to write everything")),
            )
    }

    fn observe(_: &Run<Settings>) -> Result<(), Failure> {
        Ok(())
    }

    fn judge(_: &Run<Settings>, (): &()) -> Report {
        let findings = vec![finding("nothing", "", Status::Ok, "nothing to see")];
        Report { findings, metrics: Vec::new(), proposals: Vec::new() }
    }
}

pgreeve_sdk::export!(Rights);
