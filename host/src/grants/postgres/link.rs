//! One live connection and the task that drives it. However it ends, the server is not left working: a statement that
//! is still running when the [`Link`] goes away is cancelled by a real cancel request, then the socket is closed.

use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, TryStreamExt as _};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow, types::Type};

use super::{
    connect::{Canceller, Connected},
    cursor::Column,
    error::{Error, Limit},
    meter::Meter,
    parameter::Parameter,
    touched::Touched,
    warnings::{Driver, Warnings},
};

/// For a cancel request; a server that does not take one within this time will not do so later.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);
/// For the Terminate message of an idle connection.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection. Dropping it ends the connection.
pub(super) struct Link {
    client: Client,
    shared: Arc<Shared>,
    canceller: Canceller,
    warnings: Warnings,
    /// Its end tells the driver that the link is gone.
    _gone: oneshot::Sender<()>,
}

struct Shared {
    /// A statement may be running.
    busy: AtomicBool,
    meter: Arc<Meter>,
    /// Why the connection ended by itself.
    end: OnceLock<Error>,
}

impl Link {
    /// The link, and the task that cleans up after it: whoever wants to know that nothing is left on the server awaits that.
    pub(super) fn new(connected: Connected) -> (Self, JoinHandle<()>) {
        let Connected { client, driver, meter, canceller, warnings, superuser: _ } = connected;
        let shared = Arc::new(Shared { busy: AtomicBool::new(false), meter, end: OnceLock::new() });
        let (_gone, gone) = oneshot::channel();
        let driver = tokio::spawn(drive(driver, gone, shared.clone(), canceller.clone()));
        (Self { client, shared, canceller, warnings, _gone }, driver)
    }

    /// From now on dropping the link cancels what runs.
    pub(super) fn busy(&self, busy: bool) {
        self.shared.busy.store(busy, Relaxed);
    }

    pub(super) fn received(&self) -> u64 {
        self.shared.meter.received()
    }

    /// Why the connection is of no use any more; none while it is.
    pub(super) fn end(&self) -> Option<Error> {
        if self.shared.meter.exceeded() {
            return Some(Error::LimitExceeded(Limit::Bytes));
        }
        let lost = || Error::Unreachable("the server closed the connection".to_owned());
        self.client.is_closed().then(|| self.shared.end.get().cloned().unwrap_or_else(lost))
    }

    /// Asks the server to cancel what runs; the connection stays, and the statement's own answer tells what came of it.
    pub(super) async fn cancel(&self) {
        cancel(self.canceller.clone()).await;
    }

    /// What the server warned of since the last time.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.warnings.take()
    }

    /// One statement of an action, by the extended protocol: whatever the text holds, it is one statement or an error.
    pub(super) async fn act(&self, sql: &str) -> Result<Touched, tokio_postgres::Error> {
        let none: [(Parameter, Type); 0] = [];
        let mut rows = std::pin::pin!(self.client.query_typed_raw(sql, none).await?);
        let mut first = None;
        while let Some(row) = rows.try_next().await? {
            first.get_or_insert_with(|| super::touched::plain(&row));
        }
        Ok(Touched { rows: rows.rows_affected().unwrap_or_default(), value: first.flatten() })
    }

    /// Our own statements, whose answers say nothing.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(sql).await
    }

    /// Ends the transaction without waiting for the answer: the next message finds it ended, and a server that fails
    /// here has lost the connection, which the next call reports. Advisory locks are the one thing that a query can
    /// leave in a session beyond its transaction; an application may be waiting for them.
    pub(super) fn rollback(&self) {
        let _ = self.client.batch_execute("ROLLBACK;SELECT pg_catalog.pg_advisory_unlock_all()").now_or_never();
    }

    /// Opens a cursor and fetches its first rows in one round trip.
    pub(super) async fn open(
        &self,
        begin: Option<&str>,
        sql: &str,
        parameters: &[(Parameter, Type)],
        count: u64,
    ) -> Result<(Arc<[Column]>, VecDeque<SimpleQueryRow>), Error> {
        // The extended protocol takes one statement only: whatever the text holds, it stays within this DECLARE.
        let declare = format!("DECLARE c NO SCROLL CURSOR FOR {sql}");
        let parameters =
            parameters.iter().map(|(parameter, type_)| (parameter as _, type_.clone())).collect::<Vec<_>>();
        // Biased: the messages leave in this order, on the first poll.
        let (begun, declared, described, fetched) = tokio::join!(
            biased;
            async { self.client.batch_execute(begin.unwrap_or_default()).await },
            self.client.query_typed(&declare, &parameters),
            self.client.prepare("FETCH 0 FROM c"),
            self.fetch(count),
        );
        // The first failure is the cause of the others.
        begun.map_err(|error| Error::from_client(&error))?;
        declared.map_err(|error| Error::from_client(&error))?;
        let fetched = fetched?;
        let described = described.map_err(|error| Error::from_client(&error))?;
        Ok((described.columns().iter().map(Column::new).collect(), fetched))
    }

    /// Fetches rows in text form, the only one that every type has.
    pub(super) async fn fetch(&self, count: u64) -> Result<VecDeque<SimpleQueryRow>, Error> {
        Ok(self.rows(&format!("FETCH {count} FROM c")).await?.into())
    }

    /// The rows of our own statements.
    pub(super) async fn rows(&self, sql: &str) -> Result<Vec<SimpleQueryRow>, Error> {
        let stream = self.client.simple_query_raw(sql).await.map_err(|error| Error::from_client(&error))?;
        stream
            .try_filter_map(|message| {
                std::future::ready(Ok(match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                }))
            })
            .try_collect()
            .await
            .map_err(|error| Error::from_client(&error))
    }

    /// Begins the transaction and looks types up in it; none for a name that stands for no type.
    pub(super) async fn types(&self, begin: &str, names: &[&str]) -> Result<Vec<Option<u32>>, Error> {
        let lookup = |name: &str| {
            let name = Parameter::new(&super::Value::Text(name.to_owned()));
            async move {
                let sql = "SELECT pg_catalog.to_regtype($1)::pg_catalog.oid";
                let rows = self.client.query_typed(sql, &[(&name, Type::TEXT)]).await?;
                rows.first().map_or(Ok(None), |row| row.try_get(0))
            }
        };
        let (begun, oids) = tokio::join!(
            biased;
            self.client.batch_execute(begin),
            futures_util::future::join_all(names.iter().map(|name| lookup(name))),
        );
        begun.map_err(|error| Error::from_client(&error))?;
        oids.into_iter().map(|oid| oid.map_err(|error| Error::from_client(&error))).collect()
    }
}

/// Runs the connection until it ends or the link is gone, and cleans up.
async fn drive(mut connection: Driver, gone: oneshot::Receiver<()>, shared: Arc<Shared>, canceller: Canceller) {
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        _ = gone => None,
    };
    match ended {
        Some(outcome) => {
            if let Err(error) = outcome {
                // Before the connection is dropped, which is when waiting callers learn of it.
                let _ = shared.end.set(Error::from_client(&error));
            }
            drop(connection);
            if shared.meter.exceeded() {
                cancel(canceller).await;
            }
        }
        None if shared.busy.load(Relaxed) => {
            cancel(canceller).await;
            drop(connection);
        }
        // A connection that does not take the goodbye is dropped without.
        None => drop(timeout(GOODBYE_TIMEOUT, connection).await),
    }
}

/// A server that takes no cancel request has its own statement_timeout; closing the socket is all that is left to do.
async fn cancel(canceller: Canceller) {
    let _ = canceller.cancel(CANCEL_TIMEOUT).await;
}
