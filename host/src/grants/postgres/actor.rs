//! The actor's connection to one database, for one action: read-write, by a login of its own, every statement with its time-outs.
//!
//! What an error leaves behind is said exactly ([`Fault`]): the server's refusal of a statement is certain, a lost connection is not.
//! However the connection ends, nothing stays behind on the server: dropping an actor cancels what runs.

use std::time::Duration;

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::error::Severity;

use super::{Error, Limits, Scope, Session, Touched, link::Link};

/// How much longer than the server's own time-out an answer is waited for; then the statement is cancelled.
const MARGIN: Duration = Duration::from_secs(5);
/// How long after a cancel request its answer is waited for.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// `idle_in_transaction_session_timeout`; statements follow each other at once.
const IDLE: Duration = Duration::from_secs(30);

/// Where the settings of an actor's connection are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// In each transaction, by `SET LOCAL`, which holds behind a pooler too.
    Transaction,
    /// When the session starts, in its `options`: for statements that cannot be in a transaction. A pooler in transaction mode refuses
    /// `options` or swallows them; both are found out before anything is sent.
    Session,
}

/// A relation lock that the connection holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// With its schema; `relation` and its number where it has no name any more.
    pub relation: String,
    /// As `pg_locks` says it: `AccessExclusiveLock`.
    pub mode: String,
}

/// Why a statement did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server refused or ended it, and says so: as far as one transaction goes, it has not happened.
    Answered(Error),
    /// The connection was lost or the time was over after it was sent: nobody knows whether the server carried it out.
    Lost(Error),
}

impl Fault {
    /// What went wrong.
    pub fn error(&self) -> &Error {
        match self {
            Self::Answered(error) | Self::Lost(error) => error,
        }
    }
}

/// A connection for one action.
pub struct Actor {
    /// None once it is lost.
    link: Option<Link>,
    driver: JoinHandle<()>,
    /// For one answer.
    patience: Duration,
    /// The settings, by `SET LOCAL`.
    local: String,
}

impl Actor {
    /// Logs in with `act_dsn`; `statement` is each statement's time-out, `name` the `application_name`. Superusers are refused unless the
    /// operator allows them. Nothing that an error here tells of has been carried out.
    pub async fn connect(scope: &Scope, statement: Duration, name: &str, keeps: Keeps) -> Result<Self, Error> {
        let mut target = scope.act.clone().ok_or_else(|| {
            Error::Denied(format!(
                "nothing is done in database {:?}: add act_dsn, the connection string of a login for actions, under [postgres.{}] in \
                 agent.toml",
                scope.name, scope.name
            ))
        })?;
        let settings = settings(scope, statement);
        if keeps == Keeps::Session {
            let own = settings.iter().map(|(name, value)| format!("-c {name}={value}")).collect::<Vec<_>>().join(" ");
            // What comes last wins.
            target.options = Some(target.options.map_or(own.clone(), |options| format!("{options} {own}")));
        }
        let limits = Limits {
            connect_timeout: scope.connect_timeout,
            call_timeout: scope.connect_timeout.max(scope.statement_timeout) + MARGIN,
            ..Limits::default()
        };
        let session = Session::connect(&target, &limits, name).await?;
        let lost = || Error::Unreachable("the server closed the connection".to_owned());
        let (link, driver) = session.into_link().ok_or_else(lost)?;
        let local = settings.iter().map(|(name, value)| format!(";SET LOCAL {name}={value}")).collect::<String>();
        let mut actor = Self { link: Some(link), driver, patience: statement.saturating_add(MARGIN), local };
        if keeps == Keeps::Session {
            actor.made_sure(&settings).await?;
        }
        Ok(actor)
    }

    /// Poolers can be set to swallow `options`; without time-outs nothing is sent.
    async fn made_sure(&mut self, settings: &[(&str, String)]) -> Result<(), Error> {
        let Some((name, value)) = settings.first() else { return Ok(()) };
        let ask = format!(
            "SELECT setting OPERATOR(pg_catalog.=) '{value}' FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) '{name}'"
        );
        let made = self.bounded(async |link| link.act(&ask).await).await.map_err(|fault| fault.error().clone())?;
        if made.value.as_deref() == Some("true") {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "the session has another {name} than was asked for, as behind a pooler: for statements outside of transactions, act_dsn has to lead \
             to the server itself"
        )))
    }

    /// Begins a transaction with everything set: one that writes, whatever the login's default is. In recovery there are none, and some actions
    /// are for standbys.
    pub async fn begin(&mut self) -> Result<(), Fault> {
        let recovery = self.bounded(async |link| link.act("SELECT pg_catalog.pg_is_in_recovery()").await).await?;
        let access = if recovery.value.as_deref() == Some("false") { "READ WRITE" } else { "READ ONLY" };
        let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED {access}{}", self.local);
        self.bounded(async |link| link.batch(&begin).await).await
    }

    /// One statement.
    pub async fn run(&mut self, sql: &str) -> Result<Touched, Fault> {
        self.bounded(async |link| link.act(sql).await).await
    }

    /// Has the server check now what it would check at COMMIT: deferred constraints and their triggers.
    pub async fn constraints(&mut self) -> Result<(), Fault> {
        self.bounded(async |link| link.batch("SET CONSTRAINTS ALL IMMEDIATE").await).await
    }

    /// What of the transaction a rollback does not undo, or may not: sequences that were advanced, and triggers on what was written, whose
    /// functions may reach further. One sentence for each.
    pub async fn lasting(&mut self) -> Result<Vec<String>, Fault> {
        let outcome = self.bounded(async |link| Ok(link.rows(LASTING).await)).await?;
        let rows = outcome.map_err(Fault::Answered)?;
        Ok(rows.iter().map(|row| row.try_get(0).ok().flatten().unwrap_or_default().to_owned()).collect())
    }

    /// Ends the transaction. The server has no time-out for what COMMIT waits for (a synchronous standby): after ours it is cancelled, which
    /// ends the waiting and not the transaction.
    pub async fn commit(&mut self) -> Result<(), Fault> {
        self.bounded(async |link| link.batch("COMMIT").await).await
    }

    /// Undoes the transaction.
    pub async fn rollback(&mut self) -> Result<(), Fault> {
        self.bounded(async |link| link.batch("ROLLBACK").await).await
    }

    /// The relation locks that the connection holds now, but for those of this question.
    pub async fn locks(&mut self) -> Result<Vec<Held>, Fault> {
        let outcome = self.bounded(async |link| Ok(link.rows(LOCKS).await)).await?;
        let rows = outcome.map_err(Fault::Answered)?;
        let text = |value: Result<Option<&str>, _>| value.ok().flatten().unwrap_or_default().to_owned();
        Ok(rows.iter().map(|row| Held { relation: text(row.try_get(0)), mode: text(row.try_get(1)) }).collect())
    }

    /// What the server warned of since the last time.
    pub fn warnings(&self) -> Vec<String> {
        self.link.as_ref().map(Link::warnings).unwrap_or_default()
    }

    /// Closes the connection, and returns when it is closed and what still ran is cancelled.
    pub async fn close(self) {
        drop(self.link);
        // Its own limits bound it; it fails by a panic only, and then the socket is closed as well.
        let _ = self.driver.await;
    }

    async fn bounded<T, F>(&mut self, work: F) -> Result<T, Fault>
    where
        F: AsyncFnOnce(&Link) -> Result<T, tokio_postgres::Error>,
    {
        let Some(link) = self.link.take() else {
            return Err(Fault::Lost(Error::Unreachable("the connection was lost before".to_owned())));
        };
        link.busy(true);
        let answer = {
            let mut answer = std::pin::pin!(work(&link));
            match timeout(self.patience, &mut answer).await {
                Ok(answer) => Some(answer),
                Err(_) => {
                    link.cancel().await;
                    timeout(LAST_WORDS, &mut answer).await.ok()
                }
            }
        };
        match answer {
            None => Err(Fault::Lost(Error::TimedOut(format!(
                "no answer within {}, not even to a cancel request: the connection was closed",
                humantime::format_duration(self.patience)
            )))),
            Some(Ok(value)) => {
                link.busy(false);
                self.link = Some(link);
                Ok(value)
            }
            Some(Err(error)) if certain(&error) => {
                link.busy(false);
                self.link = Some(link);
                Err(Fault::Answered(Error::from_client(&error)))
            }
            Some(Err(error)) => {
                let end = link.end().filter(|end| matches!(end, Error::LimitExceeded(_)));
                Err(Fault::Lost(end.unwrap_or_else(|| Error::from_client(&error))))
            }
        }
    }
}

/// The server's own word that it did not do it, after which it goes on; or nothing was sent, for it fits into no message.
fn certain(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        Some(said) => said.parsed_severity() == Some(Severity::Error),
        None => matches!(Error::from_client(error), Error::Invalid(_)),
    }
}

/// Everything that an action's statements depend on; no value holds a blank, for `options`.
fn settings(scope: &Scope, statement: Duration) -> Vec<(&'static str, String)> {
    // 0 would switch a time-out off.
    let ms = |limit: Duration| limit.as_millis().clamp(1, i32::MAX as u128).to_string();
    vec![
        ("statement_timeout", ms(statement)),
        ("lock_timeout", ms(scope.lock_timeout)),
        ("idle_in_transaction_session_timeout", ms(IDLE)),
        ("search_path", "pg_catalog,pg_temp".to_owned()),
        // What the quoting of templates rests on.
        ("standard_conforming_strings", "on".to_owned()),
        ("client_encoding", "UTF8".to_owned()),
        ("default_transaction_read_only", "off".to_owned()),
    ]
}

/// A trigger of the operator's or an extension's is any that no constraint made. `D`: disabled; `R`: fires for replication alone.
const LASTING: &str = "SELECT format('the sequence %I.%I was advanced, and stays so', n.nspname, c.relname) \
     FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND c.relkind = 'S' AND l.mode <> 'AccessShareLock' \
     UNION \
     SELECT format('%I.%I has the trigger %I: if its function %s reached out of the database, that stays', n.nspname, c.relname, t.tgname, \
                   t.tgfoid::regprocedure) \
     FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') \
     WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.mode NOT IN ('AccessShareLock', 'RowShareLock') \
     UNION \
     SELECT format('the event trigger %I fires on DDL: if its function %s reached out of the database, that stays', e.evtname, \
                   e.evtfoid::regprocedure) \
     FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled IN ('O', 'A') \
       AND EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted \
                     AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')) \
     ORDER BY 1";

/// Reading the catalogs takes locks too: those are left out where nothing stronger is held on a catalog. What the transaction itself has
/// dropped has no name any more.
const LOCKS: &str = "SELECT CASE WHEN n.nspname IS NULL THEN 'relation ' || l.relation ELSE format('%I.%I', n.nspname, c.relname) END, l.mode \
     FROM pg_catalog.pg_locks l \
     LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation \
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted \
       AND NOT (n.nspname IS NOT DISTINCT FROM 'pg_catalog' AND l.mode = 'AccessShareLock') ORDER BY 1, 2";
