//! Attempts: written and on the disk before anything is done, ended after. One that has no end when the agent starts is in doubt.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Row, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::proposals::{Standing, one, turn};
use super::row::{SKEW, optional_time, time};
use super::state::State;
use super::{Store, StoreError};

/// Something that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Counts up.
    pub id: i64,
    /// The proposal's id.
    pub proposal: String,
    #[allow(missing_docs)]
    pub job: String,
    #[allow(missing_docs)]
    pub action: String,
    /// Who allowed it.
    pub who: String,
    #[allow(missing_docs)]
    pub begun: Timestamp,
    /// None: under way, or the agent ended with it.
    pub ended: Option<Timestamp>,
    /// `done`, `failed`, `uncertain` or `refused`.
    pub result: Option<String>,
    /// What was seen.
    pub detail: Option<String>,
    /// `verified`, `ineffective` or `unverified`.
    pub verdict: Option<String>,
}

/// The limits of one action of one job, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Attempts within an hour.
    pub max_per_hour: u32,
    /// Between the end of an attempt and the next.
    pub cooldown: Duration,
    /// How long after an action its findings may take to clear: so long, what was done and not looked at is not done again.
    pub settles: Duration,
}

/// How a proposal stands after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its findings are gone.
    Verified,
    /// They still stand.
    Ineffective,
    /// Nobody could see.
    Unverified,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Settled {
    /// `done`, `failed`, `uncertain` or `refused`.
    pub result: &'static str,
    /// What was seen of it.
    pub detail: String,
    /// What the plugin saw afterwards.
    pub verdict: Verdict,
    /// How the proposal stands from now on.
    pub state: State,
    /// Why it stands so.
    pub why: String,
}

impl Verdict {
    /// The word used in output, in the store and in the audit log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Ineffective => "ineffective",
            Self::Unverified => "unverified",
        }
    }
}

impl Store {
    /// Begins an attempt: on the disk when this returns. Why not, where the proposal does not stand so any more, its approval is over, or the
    /// pace does not allow it: everything that two at once could get past is looked at here, in one transaction.
    pub fn begin_attempt(
        &mut self,
        id: &str,
        approved: bool,
        who: &str,
        pace: Pace,
        now: Timestamp,
    ) -> Result<Result<i64, String>, StoreError> {
        self.durably("record that an action begins", |transaction| {
            let Some(standing) = one(transaction, id)? else {
                return Ok(Err("there is no such proposal any more".to_owned()));
            };
            if let Err(why) = ready(transaction, &standing, approved, now)?.and(in_pace(
                transaction,
                [id, &standing.job, &standing.told.action],
                pace,
                now,
            )?) {
                return Ok(Err(why));
            }
            transaction
                .prepare_cached("INSERT INTO attempt (proposal, job, action, who, begun) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![id, standing.job, standing.told.action, who, now.as_microsecond()])?;
            let attempt = transaction.last_insert_rowid();
            turn(transaction, id, Some(standing.state), State::Acting, None, now)?;
            Ok(Ok(attempt))
        })
    }

    /// Why the pace of a job's action does not allow this proposal of it now, if it does not.
    pub fn pace(
        &self,
        id: &str,
        job: &str,
        action: &str,
        pace: Pace,
        now: Timestamp,
    ) -> Result<Result<(), String>, StoreError> {
        self.read("read the attempts", |connection| in_pace(connection, [id, job, action], pace, now))
    }

    /// Takes an attempt back that was begun and not carried out: nothing was sent. The proposal stands as before, an approval until its end.
    pub fn forgo_attempt(
        &mut self,
        attempt: i64,
        before: &Standing,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.durably("record that an action was not carried out", |transaction| {
            let proposal: String =
                transaction.query_row("SELECT proposal FROM attempt WHERE id = ?1", [attempt], |row| row.get(0))?;
            transaction
                .prepare_cached("UPDATE attempt SET ended = ?2, result = 'refused', detail = ?3 WHERE id = ?1")?
                .execute(params![attempt, now.as_microsecond(), why])?;
            turn(transaction, &proposal, Some(State::Acting), before.state, Some(why), now)?;
            transaction
                .prepare_cached("UPDATE proposal SET until = ?2 WHERE id = ?1")?
                .execute(params![proposal, before.until.map(Timestamp::as_microsecond)])
                .map(drop)
        })
    }

    /// Writes how an attempt ended: on the disk when this returns. The proposal is `acting` until it is settled.
    pub fn end_attempt(&mut self, attempt: i64, result: &str, detail: &str, now: Timestamp) -> Result<(), StoreError> {
        self.durably("record how an action ended", |transaction| {
            transaction
                .prepare_cached("UPDATE attempt SET ended = ?2, result = ?3, detail = ?4 WHERE id = ?1")?
                .execute(params![attempt, now.as_microsecond(), result, detail])
                .map(drop)
        })
    }

    /// Writes what came of it, and the state that the proposal takes; and how it ended, where that could not be written before.
    pub fn settle_attempt(&mut self, attempt: i64, settled: &Settled, now: Timestamp) -> Result<(), StoreError> {
        let Settled { result, detail, verdict, state, why } = settled;
        self.durably("record what came of an action", |transaction| {
            let proposal: String =
                transaction.query_row("SELECT proposal FROM attempt WHERE id = ?1", [attempt], |row| row.get(0))?;
            transaction
                .prepare_cached(
                    "UPDATE attempt SET verdict = ?2, ended = coalesce(ended, ?3), result = ?4, detail = ?5 WHERE id = ?1",
                )?
                .execute(params![attempt, verdict.word(), now.as_microsecond(), result, detail])?;
            turn(transaction, &proposal, Some(State::Acting), *state, Some(why), now)?;
            transaction
                .prepare_cached(
                    "UPDATE proposal SET failures = CASE WHEN ?2 THEN 0 ELSE failures + 1 END WHERE id = ?1",
                )?
                .execute(params![proposal, *verdict == Verdict::Verified])
                .map(drop)
        })
    }

    /// For the agent's start, under its lock: what was begun and has no end, and what ended and was not settled. Whether the first happened,
    /// nobody knows: it is `uncertain` from now on. The second is seen by the next run.
    pub fn doubt_attempts(&mut self, now: Timestamp) -> Result<Vec<Standing>, StoreError> {
        self.durably("record the actions in doubt", |transaction| {
            // The clock was set back: what lies ahead counts from now on, or it would keep actions waiting until then.
            let ahead = (now + SKEW).as_microsecond();
            transaction.execute(
                "UPDATE attempt SET begun = min(begun, ?1), ended = min(ended, ?1) WHERE begun > ?2 OR ended > ?2",
                params![now.as_microsecond(), ahead],
            )?;
            let mut begun = transaction.prepare("SELECT id, proposal FROM attempt WHERE ended IS NULL")?;
            let begun: Vec<(i64, String)> = begun.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            let mut doubted = Vec::new();
            for (attempt, proposal) in begun {
                transaction.execute(
                    "UPDATE attempt SET ended = ?2, result = 'uncertain', detail = ?3 WHERE id = ?1",
                    params![attempt, now.as_microsecond(), LEFT],
                )?;
                turn(transaction, &proposal, Some(State::Acting), State::Uncertain, Some(LEFT), now)?;
                doubted.extend(one(transaction, &proposal)?);
            }
            transaction.execute(
                "UPDATE proposal SET why = 'carried out; the agent ended before it could look', changed = ?1,
                     state = CASE (SELECT result FROM attempt WHERE attempt.proposal = proposal.id ORDER BY attempt.id DESC LIMIT 1)
                             WHEN 'uncertain' THEN 'uncertain' WHEN 'failed' THEN 'failed' ELSE 'ineffective' END,
                     failures = failures + 1
                 WHERE state = 'acting'",
                [now.as_microsecond()],
            )?;
            Ok(doubted)
        })
    }

    /// The attempts for a proposal, the newest first.
    pub fn attempts(&self, proposal: &str) -> Result<Vec<Attempt>, StoreError> {
        self.read("read the attempts", |connection| {
            connection
                .prepare_cached("SELECT * FROM attempt WHERE proposal = ?1 ORDER BY id DESC LIMIT 100")?
                .query_map([proposal], attempt)?
                .collect()
        })
    }

    /// [`write`](Self::write), and on the disk when it returns, whatever happens to the machine.
    pub(super) fn durably<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let attempt = || {
            self.connection.pragma_update(None, "synchronous", "FULL")?;
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        let outcome = attempt();
        // Where this fails, commits are slower than they have to be.
        let _ = self.connection.pragma_update(None, "synchronous", "NORMAL");
        outcome.map_err(|error| StoreError::sql(&self.path, doing, error))
    }
}

const LEFT: &str = "the agent ended while it was being carried out";

/// Whether a proposal stands so that it may be begun.
fn ready(
    connection: &rusqlite::Connection,
    standing: &Standing,
    approved: bool,
    now: Timestamp,
) -> rusqlite::Result<Result<(), String>> {
    if !standing.state.can_begin() {
        return Ok(Err(format!("it is {}", standing.state.word())));
    }
    if approved && (standing.state != State::Approved || standing.until.is_none_or(|until| until <= now)) {
        return Ok(Err("its approval is over".to_owned()));
    }
    if approved && standing.changed > now + SKEW {
        return Ok(Err("it was approved in the future by this clock, which was set back: approve it again".to_owned()));
    }
    let elsewhere = connection
        .prepare_cached("SELECT 1 FROM attempt WHERE proposal = ?1 AND ended IS NULL")?
        .exists([&standing.id])?;
    Ok(if elsewhere { Err("it is being carried out".to_owned()) } else { Ok(()) })
}

fn in_pace(
    connection: &rusqlite::Connection,
    [id, job, action]: [&str; 3],
    pace: Pace,
    now: Timestamp,
) -> rusqlite::Result<Result<(), String>> {
    let unseen: Option<i64> = connection
        .prepare_cached(
            "SELECT max(ended) FILTER (WHERE result = 'done' AND verdict IS NULL) FROM attempt
             WHERE id = (SELECT max(id) FROM attempt WHERE proposal = ?1 AND result IS NOT 'refused')",
        )?
        .query_row([id], |row| row.get(0))?;
    if let Some(since) = ago(unseen, now).filter(|since| *since < signed(pace.settles)) {
        return Ok(Err(format!(
            "it was carried out {} s ago, which the agent's end kept from being looked at, and verify_within is {} s",
            since.as_secs(),
            pace.settles.as_secs()
        )));
    }
    let hour_ago = now.as_microsecond() - 3_600_000_000;
    let (count, last): (u32, Option<i64>) = connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE begun > ?3), max(ended) FROM attempt
             WHERE job = ?1 AND action = ?2 AND result IS NOT 'refused'",
        )?
        .query_row(params![job, action, hour_ago], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if count >= pace.max_per_hour {
        return Ok(Err(format!("{count} attempts within an hour, and max_per_hour is {}", pace.max_per_hour)));
    }
    let cooldown = signed(pace.cooldown);
    Ok(match ago(last, now) {
        Some(since) if !cooldown.is_zero() && since < -SKEW => Err(format!(
            "the last attempt ended in {} s by this clock, which was set back, and cooldown is {} s; a restart of the agent lets it count from then on",
            -since.as_secs(),
            cooldown.as_secs()
        )),
        Some(since) if !cooldown.is_zero() && since < cooldown => {
            Err(format!("the last attempt ended {} s ago, and cooldown is {} s", since.as_secs(), cooldown.as_secs()))
        }
        _ => Ok(()),
    })
}

/// How long ago a time of the store was.
fn ago(at: Option<i64>, now: Timestamp) -> Option<SignedDuration> {
    at.and_then(|at| Timestamp::from_microsecond(at).ok()).map(|at| now.duration_since(at))
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        id: row.get("id")?,
        proposal: row.get("proposal")?,
        job: row.get("job")?,
        action: row.get("action")?,
        who: row.get("who")?,
        begun: time(row, "begun")?,
        ended: optional_time(row, "ended")?,
        result: row.get("result")?,
        detail: row.get("detail")?,
        verdict: row.get("verdict")?,
    })
}
