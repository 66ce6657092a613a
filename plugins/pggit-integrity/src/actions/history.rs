//! Moves old rows of the history to its archive.

use pgreeve_sdk::{Action, ObjectKind, ParameterKind, Privilege, Right, Risk, action, need, sql};

/// Both tables have these columns in every release; their order may differ.
macro_rules! columns {
    ($table:literal) => {
        concat!(
            $table,
            "id, ",
            $table,
            "object_id, ",
            $table,
            "change_type, ",
            $table,
            "change_severity, ",
            $table,
            "commit_hash, ",
            $table,
            "branch_id, ",
            $table,
            "merge_base_hash, ",
            $table,
            "merge_resolution, ",
            $table,
            "old_version, ",
            $table,
            "new_version, ",
            $table,
            "old_metadata, ",
            $table,
            "new_metadata, ",
            $table,
            "change_description, ",
            $table,
            "sql_executed, ",
            $table,
            "created_at, ",
            $table,
            "created_by, ",
            $table,
            "old_hash, ",
            $table,
            "new_hash"
        )
    };
}

pub(super) fn actions() -> Vec<Action> {
    let table = |privilege: &str, name: &str| {
        Right::Privilege(Privilege {
            privilege: privilege.into(),
            object: ObjectKind::Table,
            name: name.into(),
            arguments: Vec::new(),
        })
    };
    vec![
        action(
            "archive-history",
            "Move rows of pggit.history to pggit.history_archive, of each object all but its newest",
            sql(
                3600,
                &[concat!(
                    "WITH newest AS (SELECT n.object_id, max(n.id) AS id FROM pggit.history n GROUP BY n.object_id), \
                     moved AS (DELETE FROM pggit.history h USING newest WHERE newest.object_id = h.object_id AND h.id < newest.id \
                     AND h.created_at < now()::timestamp - make_interval(days => :'days'::int) RETURNING ",
                    columns!("h."),
                    ") INSERT INTO pggit.history_archive (",
                    columns!(""),
                    ") SELECT ",
                    columns!("m."),
                    " FROM moved m"
                )],
            ),
        )
        .risk(Risk::Medium)
        .parameter("days", ParameterKind::Integer, "how many days rows stay")
        .need(need(table("SELECT", "pggit.history"), "finds the rows"))
        .need(need(table("DELETE", "pggit.history"), "takes them away"))
        .need(need(table("INSERT", "pggit.history_archive"), "puts them there, in the same transaction")),
    ]
}
