//! Validates foreign keys.

use pgreeve_sdk::{Action, ParameterKind, Right, action, need, sql};

pub(super) fn actions() -> Vec<Action> {
    vec![
        action(
            "validate-foreign-key",
            "Validate a foreign key: it fails, and changes nothing, where rows lead nowhere",
            sql(600, &["ALTER TABLE :\"table\" VALIDATE CONSTRAINT :\"constraint\""]),
        )
        .parameter("table", ParameterKind::QualifiedIdentifier, "the table, with its schema")
        .parameter("constraint", ParameterKind::Identifier, "the foreign key")
        .need(need(Right::Owner("the table".into()), "VALIDATE CONSTRAINT is the owner's")),
    ]
}
