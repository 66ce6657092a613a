//! Builds indexes anew, drops what a failed REINDEX left, sets sequences that fell behind.

use pgreeve_sdk::{Action, ParameterKind, Right, Risk, SqlTemplate, Template, action, need, sql};

pub(super) fn actions() -> Vec<Action> {
    vec![
        action("reindex", "Build an index of pgGit anew, without keeping writers out", alone(3600, "REINDEX INDEX CONCURRENTLY :\"index\""))
            .risk(Risk::Medium)
            .parameter("index", ParameterKind::QualifiedIdentifier, "the index, with its schema")
            .need(need(Right::Owner("the index's table".into()), "REINDEX is the owner's; from 17 on MAINTAIN on it does")),
        action("drop-invalid-index", "Drop what a failed REINDEX CONCURRENTLY left over", alone(600, "DROP INDEX CONCURRENTLY IF EXISTS :\"index\""))
            .parameter("index", ParameterKind::QualifiedIdentifier, "the index, with its schema")
            .need(need(Right::Owner("the index's table".into()), "DROP INDEX is the owner's")),
        action(
            "set-sequence",
            "Set a sequence to the largest value of its column, never back",
            sql(
                60,
                &["SELECT setval(:'sequence'::regclass, greatest((SELECT max(:\"column\") FROM :\"table\"), (SELECT last_value FROM :\"sequence\")))"],
            ),
        )
        .parameter("sequence", ParameterKind::QualifiedIdentifier, "the sequence, with its schema")
        .parameter("table", ParameterKind::QualifiedIdentifier, "the table that it numbers")
        .parameter("column", ParameterKind::Identifier, "the column")
        .need(need(Right::Owner("the sequence, or UPDATE on it and SELECT on its table".into()), "setval writes it")),
    ]
}

/// One statement that cannot run within a transaction.
fn alone(seconds: u32, statement: &str) -> Template {
    Template::Sql(SqlTemplate { statements: vec![statement.to_owned()], seconds, transactional: false })
}
