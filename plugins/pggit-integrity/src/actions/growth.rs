//! VACUUM and ANALYZE of one table.

use pgreeve_sdk::{Action, ParameterKind, Right, Risk, SqlTemplate, Template, action, need};

pub(super) fn actions() -> Vec<Action> {
    let template = Template::Sql(SqlTemplate {
        statements: vec!["VACUUM (ANALYZE) :\"table\"".to_owned()],
        seconds: 3600,
        transactional: false,
    });
    vec![
        action("vacuum-analyze", "Take dead rows out of a table of pgGit, and analyze it", template)
            .risk(Risk::Low)
            .parameter("table", ParameterKind::QualifiedIdentifier, "the table, with its schema")
            .need(need(Right::Owner("the table".into()), "VACUUM is the owner's; from 17 on MAINTAIN on it does")),
    ]
}
