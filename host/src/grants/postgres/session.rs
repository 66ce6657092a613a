//! One run's use of one database: a single connection, a single open cursor, every call within its limits.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{SimpleQueryRow, types::Type};

use super::{
    connect::connect,
    cursor::{BATCH, Rows},
    dsn::Target,
    error::{Error, Limit},
    limits::{Cost, Limits},
    link::Link,
    parameter::{Parameter, type_of},
    server::Server,
    value::Value,
};

/// The superusers among the roles that the login is or could become; a member can `SET ROLE`, even within a query.
/// Every name is qualified and there is no operator: the login's own search path is still in force.
const SUPERUSERS: &str = "SELECT rolname, session_user FROM pg_catalog.pg_roles \
                          WHERE rolsuper AND pg_catalog.pg_has_role(session_user, oid, 'MEMBER')";

/// A connection to one database for one run. Dropping it closes the connection and cancels what still runs on the
/// server.
pub struct Session {
    /// None once the connection is lost or given up, and while a call is going on: a call that is dropped midway drops
    /// it too.
    link: Option<Link>,
    /// Cleans up after the link, also after one that was dropped midway.
    driver: Option<JoinHandle<()>>,
    /// Why there is no link.
    lost: Option<Error>,
    limits: Limits,
    begin: String,
    cost: Cost,
    cursors: u64,
    /// The number of the cursor that is open on the server.
    open: Option<u64>,
    /// Since when a call has been waiting; still set when that call was dropped midway.
    busy_since: Option<Instant>,
    /// Types that parameters named.
    types: HashMap<String, u32>,
}

impl Session {
    /// Connects, within `limits.call_timeout` for everything together, and refuses superusers unless the target allows
    /// them.
    ///
    /// `application_name` is what the DBA sees in `pg_stat_activity`; the server cuts it off after 63 bytes.
    pub async fn connect(target: &Target, limits: &Limits, application_name: &str) -> Result<Self, Error> {
        let started = Instant::now();
        let connected =
            timeout(limits.call_timeout, connect(target, limits, application_name)).await.map_err(|_| {
                Error::Unreachable(format!("cannot connect ({target}): no connection within {:?}", limits.call_timeout))
            })??;
        let known = target.allow_superuser || (!connected.superuser && target.vetting.holds());
        let (link, driver) = Link::new(connected);
        let mut session = Self {
            link: Some(link),
            driver: Some(driver),
            lost: None,
            limits: limits.clone(),
            begin: limits.begin(),
            cost: Cost { waited: started.elapsed(), ..Cost::default() },
            cursors: 0,
            open: None,
            busy_since: None,
            types: HashMap::new(),
        };
        if !known {
            let link = session.take()?;
            let rows = session.bounded(link, async |link| link.rows(SUPERUSERS).await).await?;
            if let Some(row) = rows.first() {
                let name = |row: &SimpleQueryRow, index| row.try_get(index).ok().flatten().unwrap_or("?").to_owned();
                let login = name(row, 1);
                let how = if rows.iter().any(|row| name(row, 0) == login) {
                    "is a superuser".to_owned()
                } else {
                    format!("is a member of superuser {}", name(row, 0))
                };
                session.close().await;
                return Err(Error::Denied(format!(
                    "the login role {login} {how} and could change anything ({target}): use a role with the rights that are needed \
                     (`pgreeve grants` prints them), or set {} = true in this database's section of agent.toml",
                    target.superuser_key
                )));
            }
            target.vetting.pass();
        }
        Ok(session)
    }

    /// Runs one SELECT, VALUES or TABLE statement with `$1` parameters, in a read-only transaction that is always
    /// rolled back.
    ///
    /// Closes the result of the query before, as far as it was not fetched. One round trip, one more for each set of
    /// type names in parameters that this session has not seen.
    pub async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Rows, Error> {
        let link = self.take()?;
        self.cost.queries += 1;
        let run_left = self.limits.rows_per_run.saturating_sub(self.cost.rows);
        let allowance = self.limits.rows_per_query.min(run_left);
        // One more than allowed shows whether there are more.
        let count = BATCH.min(allowance.saturating_add(1));

        // In a message of its own: what follows ROLLBACK in the same one would be a transaction that BEGIN finds under way.
        if self.open.take().is_some() {
            link.rollback();
        }
        let begin = self.begin.clone();
        let mut unknown: Vec<&str> =
            parameters.iter().filter_map(named_type).filter(|name| !self.types.contains_key(*name)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        let known = self.types.clone();
        let outcome = self
            .bounded(link, async |link| {
                let mut known = known;
                let looked_up = !unknown.is_empty();
                if looked_up {
                    for (name, oid) in unknown.iter().zip(link.types(&begin, &unknown).await?) {
                        let missing = || {
                            Error::Invalid(format!(
                                "parameter type {name} does not exist: name its schema too, as in public.mood"
                            ))
                        };
                        known.insert((*name).to_owned(), oid.ok_or_else(missing)?);
                    }
                }
                let parameters: Vec<(Parameter, Type)> = parameters
                    .iter()
                    .map(|value| {
                        (Parameter::new(value), type_of(named_type(value).and_then(|name| known.get(name).copied())))
                    })
                    .collect();
                let begin = if looked_up { None } else { Some(begin.as_str()) };
                let (columns, fetched) = link.open(begin, sql, &parameters, count).await?;
                Ok((columns, fetched, known))
            })
            .await;
        let (columns, fetched, known) = outcome.inspect_err(|_| self.rollback())?;
        self.types = known;
        self.cursors += 1;
        self.open = Some(self.cursors);
        let mut rows = Rows { columns, cursor: self.cursors, fetched: VecDeque::new(), allowance, complete: false };
        self.receive(&mut rows, fetched, count)?;
        Ok(rows)
    }

    /// At most `max` further rows, and at most a batch; none after the last.
    pub async fn next(&mut self, rows: &mut Rows, max: u32) -> Result<Option<Vec<Vec<Value>>>, Error> {
        if max == 0 {
            return Err(Error::Invalid("next: max must be at least 1".to_owned()));
        }
        if rows.fetched.is_empty() && !rows.complete {
            if self.open != Some(rows.cursor) {
                let why = "this result was closed by a later query, or by an error: read it to its end first";
                return Err(self.lost.clone().unwrap_or_else(|| Error::Invalid(why.to_owned())));
            }
            let link = self.take()?;
            let count = u64::from(max).min(BATCH).min(rows.allowance.saturating_add(1));
            let outcome = self.bounded(link, async |link| link.fetch(count).await).await;
            let fetched = outcome.inspect_err(|_| self.rollback())?;
            self.receive(rows, fetched, count)?;
        }
        let taken = rows.take(max as usize)?;
        Ok((!taken.is_empty()).then_some(taken))
    }

    /// Closes a result that is not wanted any more, and with it its snapshot on the server. Does not wait.
    pub fn discard(&mut self, rows: Rows) {
        if self.open == Some(rows.cursor) {
            self.rollback();
        }
        drop(rows);
    }

    /// Which server this is, now. An open result stays open.
    pub async fn identify(&mut self) -> Result<Server, Error> {
        let link = self.take()?;
        self.cost.queries += 1;
        let sql = match self.open {
            Some(_) => Server::QUERY.to_owned(),
            None => format!("{};{};ROLLBACK", self.begin, Server::QUERY),
        };
        let outcome = self.bounded(link, async |link| link.rows(&sql).await).await;
        let rows = outcome.inspect_err(|_| self.rollback())?;
        Server::from_rows(&rows)
    }

    /// Gives up the connection for another use: none if it is lost.
    pub(super) fn into_link(self) -> Option<(Link, JoinHandle<()>)> {
        self.link.zip(self.driver)
    }

    /// What this session has cost so far.
    pub fn cost(&self) -> Cost {
        let bytes = self.link.as_ref().map_or(self.cost.bytes, Link::received);
        let waiting = self.busy_since.map_or(Duration::ZERO, |since| since.elapsed());
        Cost { bytes, waited: self.cost.waited + waiting, ..self.cost }
    }

    /// Closes the connection and waits until it is closed, and until what still ran on the server is cancelled.
    pub async fn close(mut self) -> Cost {
        let cost = self.cost();
        self.link = None;
        self.cleaned_up().await;
        cost
    }

    /// Waits for the end of the connection's driver. Its own limits bound this; it cannot fail but by a panic, and then the socket is closed
    /// as well.
    async fn cleaned_up(&mut self) {
        if let Some(driver) = self.driver.take() {
            let _ = driver.await;
        }
    }

    /// Books fetched rows. A batch that is not full was the last: the transaction ends at once, so that no snapshot is
    /// held while the plugin thinks.
    fn receive(&mut self, rows: &mut Rows, fetched: VecDeque<SimpleQueryRow>, asked: u64) -> Result<(), Error> {
        let count = fetched.len() as u64;
        self.cost.rows += count;
        if count > rows.allowance {
            self.rollback();
            return Err(Error::LimitExceeded(Limit::Rows));
        }
        rows.allowance -= count;
        rows.fetched = fetched;
        if count < asked {
            rows.complete = true;
            self.rollback();
        }
        Ok(())
    }

    fn rollback(&mut self) {
        self.open = None;
        if let Some(link) = &self.link {
            link.rollback();
        }
    }

    /// The link for one call, marked as busy.
    fn take(&mut self) -> Result<Link, Error> {
        self.busy_since = None;
        let Some(link) = self.link.take() else {
            let dropped =
                || Error::Unreachable("the connection was given up when an earlier call was abandoned".to_owned());
            return Err(self.lost.clone().unwrap_or_else(dropped));
        };
        if let Some(end) = link.end() {
            self.lose(&link, &end);
            return Err(end);
        }
        link.busy(true);
        self.busy_since = Some(Instant::now());
        Ok(link)
    }

    /// Waits for one call's work within the wall clock, keeps the link if it is still of use, and counts what it cost.
    async fn bounded<T, F>(&mut self, link: Link, work: F) -> Result<T, Error>
    where
        F: AsyncFnOnce(&Link) -> Result<T, Error>,
    {
        let started = Instant::now();
        let outcome = timeout(self.limits.call_timeout, work(&link)).await;
        self.busy_since = None;
        self.cost.waited += started.elapsed();
        self.cost.bytes = link.received();
        let Ok(outcome) = outcome else {
            let limit = self.limits.call_timeout;
            let error = Error::TimedOut(format!(
                "no answer within {limit:?}: the statement was cancelled and the connection closed"
            ));
            self.lose(&link, &error);
            drop(link);
            self.cleaned_up().await;
            return Err(error);
        };
        match link.end() {
            // The server's own words, if it had any, tell more than that the connection is gone.
            Some(end) => {
                self.lose(&link, &end);
                outcome.map_err(|error| {
                    if matches!(error, Error::Unreachable(_)) || end == Error::LimitExceeded(Limit::Bytes) {
                        end
                    } else {
                        error
                    }
                })
            }
            None => {
                link.busy(false);
                self.link = Some(link);
                outcome
            }
        }
    }

    fn lose(&mut self, link: &Link, why: &Error) {
        self.cost.bytes = link.received();
        self.lost = Some(why.clone());
        self.open = None;
    }
}

/// The type that a parameter names.
fn named_type(value: &Value) -> Option<&str> {
    match value {
        Value::Other { type_name, .. } if !type_name.is_empty() => Some(type_name),
        _ => None,
    }
}
