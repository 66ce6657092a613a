//! What one statement of an action did, as far as the server says.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// What a statement did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// As the server counts them: inserted, updated, deleted or returned; 0 for what counts none.
    pub rows: u64,
    /// The first column of the first row if that is a boolean or a whole number, for `SELECT pg_terminate_backend(…)` succeeds with `false`.
    /// Nothing else is kept: what the actor's login may read is not for the plugin that reads the outcome.
    pub value: Option<String>,
}

/// The first column's value, if it is of a type that holds no text.
pub(super) fn plain(row: &Row) -> Option<String> {
    let type_ = row.columns().first()?.type_().clone();
    let shown = |text: Option<String>| text.unwrap_or_else(|| "null".to_owned());
    match type_ {
        Type::BOOL => row.try_get::<_, Option<bool>>(0).ok().map(|value| shown(value.map(|value| value.to_string()))),
        Type::INT2 => row.try_get::<_, Option<i16>>(0).ok().map(|value| shown(value.map(|value| value.to_string()))),
        Type::INT4 => row.try_get::<_, Option<i32>>(0).ok().map(|value| shown(value.map(|value| value.to_string()))),
        Type::INT8 => row.try_get::<_, Option<i64>>(0).ok().map(|value| shown(value.map(|value| value.to_string()))),
        _ => None,
    }
}
