//! Reading proposals back: for `pgreeve proposals`, for the API, for whoever acts on them.

use jiff::Timestamp;
use rusqlite::{named_params, params};

use super::proposals::{COLUMNS, Standing, list, standing};
use super::state::State;
use super::{Store, StoreError};

/// Which proposals to list.
#[derive(Clone, Debug, Default)]
pub struct ProposalFilter {
    /// Of this job alone.
    pub job: Option<String>,
    /// Those whose id begins so, whatever their state.
    pub id: Option<String>,
    /// In this state alone.
    pub state: Option<State>,
    /// Also those that do not stand any more.
    pub all: bool,
    /// That come after this one in the list: when it was first proposed, and its id.
    pub after: Option<(Timestamp, String)>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// The proposals of a job, or of all; those that stand, or all. The newest first.
    pub fn proposals(&self, job: Option<&str>, all: bool) -> Result<Vec<Standing>, StoreError> {
        let filter = "(?1 IS NULL OR job = ?1) AND (?2 OR state NOT IN ('verified', 'gone', 'stale'))";
        self.read("read the proposals", |connection| list(connection, filter, params![job, all]))
    }

    /// A part of the proposals, first proposed last first: an order in which a proposal keeps its place.
    pub fn list_proposals(&self, filter: &ProposalFilter) -> Result<Vec<Standing>, StoreError> {
        let (first, id) = filter.after.as_ref().map_or((i64::MAX, ""), |(first, id)| (first.as_microsecond(), id));
        let wanted = "(:job IS NULL OR job = :job) AND (:id IS NULL OR (id >= :id AND id < :id || 'g')) AND (:state IS NULL OR state = :state)
             AND (:any OR state NOT IN ('verified', 'gone', 'stale')) AND (first < :first OR (first = :first AND id > :after))";
        let parameters = named_params! {
            ":job": filter.job, ":id": filter.id, ":state": filter.state.map(State::word), ":first": first, ":after": id, ":limit": filter.limit,
            ":any": filter.all || filter.state.is_some() || filter.id.is_some(),
        };
        self.read("list the proposals", |connection| {
            let sql = format!("SELECT {COLUMNS} FROM proposal WHERE {wanted} ORDER BY first DESC, id LIMIT :limit");
            connection.prepare_cached(&sql)?.query_map(parameters, standing)?.collect()
        })
    }

    /// The proposals whose id begins so, at most three.
    pub fn proposals_called(&self, prefix: &str) -> Result<Vec<Standing>, StoreError> {
        let end = format!("{prefix}g");
        let found =
            self.read("read a proposal", |connection| list(connection, "id >= ?1 AND id < ?2", [prefix, &end]))?;
        Ok(found.into_iter().take(3).collect())
    }
}
