//! What one server showed: plain values, which `observe` reads, `memory` compares and `checks` judge.

use pgreeve_sdk::{Answer, Server};

use super::rows::{Base, Life, Pool, Table};

/// What one server showed.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) server: Server,
    pub(crate) life: Life,
    pub(crate) databases: Answer<Vec<Base>>,
    /// Of the scope's own database; asked where its window opens or closes.
    pub(crate) tables: Option<Answer<Vec<Table>>>,
    pub(crate) pool: Buffercache,
}

/// What is known of the buffers one by one.
#[derive(Debug)]
pub(crate) enum Buffercache {
    /// The extension is not in the scope's database.
    Absent,
    /// Asking would walk through more buffers than is allowed.
    TooLarge,
    Asked(Answer<Pool>),
}
