//! The only part that talks to servers: one query per feature, so that what a role may not see, or a version does not
//! have, costs that feature alone. The queries stand in `sql/`, with what they have to get right.

use pgreeve_sdk::{Answer, Database, Error, FromRow, Role, Server};

use crate::rows::{
    Archiver, Holder, Identity, Limits, Look, PrimaryEnd, Ready, ReceiverSettings, Sender, Slot, Startup, Subscription,
    SubscriptionErrors, Sync, Waited, Waiter, WalWritten,
};

/// SQLSTATE of a query that a standby cancelled because it was in the way of replay.
const RECOVERY_CONFLICT: &str = "40001";

/// A commit that has waited this long for a synchronous standby is looked at twice. Seconds.
const LONG_COMMIT: f64 = 2.0;

/// One scope: what was seen, or why nothing could be.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) scope: String,
    pub(crate) seen: Answer<Seen>,
}

/// What one server showed, in one round of questions.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) server: Server,
    /// Asked last.
    pub(crate) identity: Answer<Identity>,
    /// Several looks where WAL waits for replay: only movement tells whether it stands. None on a primary.
    pub(crate) looks: Option<Answer<Vec<Look>>>,
    pub(crate) receiver_settings: Option<Answer<ReceiverSettings>>,
    pub(crate) startup: Option<Answer<Vec<Startup>>>,
    /// Asked where no receiver was found.
    pub(crate) wal_written: Option<Answer<WalWritten>>,
    /// One look, or two where a standby is behind.
    pub(crate) senders: Vec<Answer<Vec<Sender>>>,
    pub(crate) slots: Answer<Vec<Slot>>,
    pub(crate) subscriptions: Answer<Vec<Subscription>>,
    /// Asked where there are subscriptions.
    pub(crate) subscription_errors: Answer<Vec<SubscriptionErrors>>,
    pub(crate) archiver: Answer<Archiver>,
    pub(crate) ready: Answer<Ready>,
    pub(crate) xmin: Answer<Vec<Holder>>,
    pub(crate) sync: Answer<Vec<Sync>>,
    /// Commits that waited for a synchronous standby at both of two looks, or at the only one if none waited long.
    pub(crate) waiters: Answer<Vec<Waiter>>,
    pub(crate) limits: Answer<Limits>,
    /// The scope that the setting `primary` names.
    pub(crate) primary: Option<Answer<Primary>>,
}

/// The server that the setting `primary` names.
#[derive(Debug)]
pub(crate) struct Primary {
    pub(crate) scope: String,
    pub(crate) server: Server,
    /// Asked before the standby was looked at: what the standby has not replayed of this, it is behind.
    pub(crate) end: PrimaryEnd,
    /// Asked after it: nothing that follows this primary can be further.
    pub(crate) after: PrimaryEnd,
}

impl Seen {
    /// The looks at a standby; none where there are none.
    pub(crate) fn looks(&self) -> &[Look] {
        match &self.looks {
            Some(Ok(looks)) => looks,
            _ => &[],
        }
    }

    /// Whether the role was another one at the end of the round than at its beginning.
    pub(crate) fn changed_role(&self) -> bool {
        self.identity.as_ref().is_ok_and(|identity| identity.standby != (self.server.role == Role::Standby))
    }
}

/// Looks at one server, once more if it was promoted meanwhile.
pub(crate) fn observe(scope: &str, primary: Option<&str>) -> Observed {
    let database = Database::named(scope);
    let seen = match round(&database, primary) {
        Ok(seen) if seen.changed_role() => round(&database, primary),
        seen => seen,
    };
    Observed { scope: scope.to_owned(), seen }
}

fn round(database: &Database, primary: Option<&str>) -> Answer<Seen> {
    let server = database.identify()?;
    let standby = server.role == Role::Standby;
    let before = primary.map(|name| (name, primary_end(name)));
    let looks = standby.then(|| rows::<Look>(database, include_str!("sql/look.sql")));
    let senders = rows::<Sender>(database, include_str!("sql/senders.sql"));
    let slots = rows(database, include_str!("sql/slots.sql"));
    let subscriptions = rows::<Subscription>(database, include_str!("sql/subscriptions.sql"));
    let subscription_errors = match &subscriptions {
        Ok(subscriptions) if !subscriptions.is_empty() => rows(database, include_str!("sql/subscription_errors.sql")),
        _ => Ok(Vec::new()),
    };
    let archiver = row(database, include_str!("sql/archiver.sql"));
    let ready = row(database, include_str!("sql/ready.sql"));
    let xmin = rows(database, include_str!("sql/xmin.sql"));
    let sync = rows(database, include_str!("sql/sync.sql"));
    let limits = row(database, include_str!("sql/limits.sql"));
    let absent = matches!(&looks, Some(Ok(looks)) if looks.iter().all(|look| look.receiver.is_none()));
    Ok(Seen {
        receiver_settings: standby.then(|| row(database, include_str!("sql/receiver_settings.sql"))),
        startup: standby.then(|| rows(database, include_str!("sql/startup.sql"))),
        wal_written: absent.then(|| row(database, include_str!("sql/wal_written.sql"))),
        waiters: waiters(database),
        senders: look_again_at_senders(database, senders),
        looks: looks.map(|looks| look_again(database, looks)),
        slots,
        subscriptions,
        subscription_errors,
        archiver,
        ready,
        xmin,
        sync,
        limits,
        primary: before.map(|(name, before)| {
            let ((server, end), (_, after)) = (before?, primary_end(name)?);
            Ok(Primary { scope: name.to_owned(), server, end, after })
        }),
        identity: identity(database)?,
        server,
    })
}

/// Asked last. If the server is gone by then, that is the one answer, and not one for each question.
fn identity(database: &Database) -> Answer<Answer<Identity>> {
    match row(database, include_str!("sql/identity.sql")) {
        Err(error @ Error::Unreachable(_)) => Err(error),
        answer => Ok(answer),
    }
}

fn primary_end(scope: &str) -> Answer<(Server, PrimaryEnd)> {
    let database = Database::named(scope);
    Ok((database.identify()?, row(&database, include_str!("sql/primary.sql"))?))
}

/// WAL that waited at the first look may be replayed a moment later; only if it is not, a pause is worth its time.
fn look_again(database: &Database, looks: Answer<Vec<Look>>) -> Answer<Vec<Look>> {
    let mut looks = looks?;
    for waits in [false, true] {
        let end = looks.first().and_then(|look| look.end_lsn);
        let behind =
            looks.last().is_some_and(|look| look.bytes().is_some_and(|bytes| bytes > 0) && look.replay_lsn < end);
        if !behind {
            break;
        }
        if waits {
            row::<Waited>(database, include_str!("sql/pause.sql"))?;
        }
        looks.extend(rows::<Look>(database, include_str!("sql/look.sql"))?);
    }
    Ok(looks)
}

fn look_again_at_senders(database: &Database, first: Answer<Vec<Sender>>) -> Vec<Answer<Vec<Sender>>> {
    let behind =
        first.as_ref().is_ok_and(|senders| senders.iter().any(|sender| sender.bytes().is_some_and(|bytes| bytes > 0)));
    if behind { vec![first, rows(database, include_str!("sql/senders.sql"))] } else { vec![first] }
}

fn waiters(database: &Database) -> Answer<Vec<Waiter>> {
    const SQL: &str = include_str!("sql/waiters.sql");
    let first: Vec<Waiter> = rows(database, SQL)?;
    if !first.iter().any(|waiter| waiter.age.is_some_and(|age| age >= LONG_COMMIT)) {
        return Ok(first);
    }
    // `state_change` is when the statement began, which may have run long before it came to wait: it counts if it still
    // waits.
    row::<Waited>(database, include_str!("sql/pause.sql"))?;
    let mut second: Vec<Waiter> = rows(database, SQL)?;
    second.retain(|waiter| first.iter().any(|other| other.statement == waiter.statement));
    Ok(second)
}

fn rows<T: FromRow>(database: &Database, sql: &str) -> Answer<Vec<T>> {
    match database.rows(sql) {
        Err(Error::Remote(error)) if error.code == RECOVERY_CONFLICT => database.rows(sql),
        answer => answer,
    }
}

fn row<T: FromRow>(database: &Database, sql: &str) -> Answer<T> {
    match database.row(sql) {
        Err(Error::Remote(error)) if error.code == RECOVERY_CONFLICT => database.row(sql),
        answer => answer,
    }
}
