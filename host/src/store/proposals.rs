//! Proposals: what plugins want done, who allowed it, and what became of it. A proposal that is made again is the same one.
//!
//! ```text
//!            observed                approve                  begin                  settle
//! (nothing) ─────────▶ open ───────────────────▶ approved ───────────▶ acting ─────────────────▶ verified
//!                       │  ▲                        │                   │   │  ineffective, failed: it still stands
//!                       │  └── expired, changed ────┘                   │   ▼
//!            reject     ▼                                    kill -9 at │  ineffective │ failed
//!                    rejected                                 any moment▼
//!                                                                    uncertain ── repeatable and observed again, or approved ──▶ …
//! not observed any more: gone (what was approved: stale)
//! ```

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;

use super::row::{SKEW, optional_time, time};
use super::state::State;
use super::{Store, StoreError};
use crate::report::Proposal;

/// A proposal as a run made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Hash of job, plugin digest, action, target, arguments and findings: 32 hexadecimal digits.
    pub id: String,
    /// The same without the plugin's digest.
    pub identity: String,
    /// The plugin's digest.
    pub plugin_digest: String,
    /// As the plugin made it.
    pub told: Proposal,
    /// What would be done, line by line; or why it can never be.
    pub lines: Result<Vec<String>, String>,
    /// Where, and as whom, where the lines do not say it.
    pub address: Option<String>,
    /// `low`, `medium` or `high`.
    pub risk: String,
    /// Doing it twice does no harm.
    pub repeatable: bool,
}

/// A proposal as the store has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// 32 hexadecimal digits.
    pub id: String,
    #[allow(missing_docs)]
    pub job: String,
    /// As the plugin made it.
    pub told: Proposal,
    /// The digest of the plugin that made it.
    pub plugin_sha256: String,
    /// What would be done, line by line.
    pub lines: Vec<String>,
    /// Where, and as whom, where the lines do not say it.
    pub address: Option<String>,
    /// `low`, `medium` or `high`.
    pub risk: String,
    /// Doing it twice does no harm.
    pub repeatable: bool,
    /// How it stands.
    pub state: State,
    /// Why it stands so.
    pub why: Option<String>,
    /// Who approved or rejected it.
    pub who: Option<String>,
    /// When the approval ends.
    pub until: Option<Timestamp>,
    /// First proposed.
    pub first: Timestamp,
    /// Last proposed.
    pub seen: Timestamp,
    /// In this state since.
    pub changed: Timestamp,
    /// Attempts in a row that did not clear the findings.
    pub failures: u32,
}

/// A proposal that took another state because of what a run reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its id.
    pub id: String,
    /// The state that it had.
    pub from: Option<State>,
    /// The state that it has.
    pub to: State,
    /// Why.
    pub why: Option<String>,
}

/// As [`standing`] reads them.
pub(super) const COLUMNS: &str = "id, job, told, plugin_digest, lines, address, risk, repeatable, state, why, who, until, first, seen, changed, failures";

impl Store {
    /// Takes in what a job's newest report proposes; what it does not propose any more is gone. Of what that report could not see, a refusal
    /// by a person and a doubt stay. What changed, in no order.
    pub fn observe(
        &mut self,
        job: &str,
        proposed: &[Proposed],
        unseen: impl Fn(&Standing) -> bool,
        now: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        self.write("record proposals", |transaction| {
            let mut changes = Vec::new();
            for proposal in proposed {
                changes.extend(observe(transaction, job, proposal, now)?);
            }
            let standing =
                list(transaction, "job = ?1 AND state NOT IN ('verified', 'gone', 'stale', 'acting')", [job])?;
            for standing in standing.into_iter().filter(|standing| !proposed.iter().any(|new| new.id == standing.id)) {
                let (to, why) = match standing.state {
                    State::Rejected | State::Uncertain if unseen(&standing) => continue,
                    State::Approved => (State::Stale, "it is not proposed any more"),
                    _ => (State::Gone, "it is not proposed any more"),
                };
                changes.push(turn(transaction, &standing.id, Some(standing.state), to, Some(why), now)?);
                if standing.state == State::Failed && standing.repeatable {
                    // What made it fail had nothing to do with it: it begins anew when it is wanted again.
                    transaction.execute("UPDATE proposal SET failures = 0 WHERE id = ?1", [&standing.id])?;
                }
            }
            Ok(changes)
        })
    }

    /// The proposal that a person could decide on so; what it says in `why` where it could not.
    pub fn decidable(
        &self,
        id: &str,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<Result<Standing, String>, StoreError> {
        self.read("read a proposal", |connection| decidable(connection, id, decision, now))
    }

    /// What a person decided. The proposal as it stands then; why it could not be decided on, as [`decidable`](Self::decidable) says it.
    pub fn decide(
        &mut self,
        id: &str,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<Result<Standing, String>, StoreError> {
        self.durably("record a decision", |transaction| {
            if let Err(why) = decidable(transaction, id, decision, now)? {
                return Ok(Err(why));
            }
            let (state, who, why, until) = match decision {
                Decision::Approve { who, why, until } => (State::Approved, who, why, Some(until.as_microsecond())),
                Decision::Reject { who, why } => (State::Rejected, who, why, None),
            };
            transaction
                .prepare_cached(
                    "UPDATE proposal SET state = ?2, who = ?3, why = ?4, until = ?5, changed = ?6,
                         failures = CASE WHEN ?2 = 'approved' THEN 0 ELSE failures END WHERE id = ?1",
                )?
                .execute(params![id, state.word(), who, why, until, now.as_microsecond()])?;
            // Who decides has looked: the doubt is settled, for every version of the plugin.
            transaction
                .prepare_cached(
                    "UPDATE attempt SET verdict = 'settled' WHERE result = 'uncertain' AND verdict IS NOT 'verified'
                     AND proposal IN (SELECT id FROM proposal WHERE identity = (SELECT identity FROM proposal WHERE id = ?1))",
                )?
                .execute([id])?;
            one(transaction, id).map(|standing| standing.ok_or_else(|| "it is gone".to_owned()))
        })
    }

    /// Ends the approvals whose time is over, and returns the proposals.
    pub fn expire_approvals(&mut self, now: Timestamp) -> Result<Vec<Standing>, StoreError> {
        self.write("end approvals", |transaction| {
            let over = list(
                transaction,
                "state = 'approved' AND (until IS NULL OR until <= ?1 OR changed > ?2)",
                [now.as_microsecond(), (now + SKEW).as_microsecond()],
            )?;
            for standing in &over {
                let who = standing.who.as_deref().unwrap_or("nobody");
                let why = match standing.changed > now + SKEW {
                    true => format!("the approval by {who} ended, for the clock was set back to before it"),
                    false => format!("the approval by {who} ended"),
                };
                turn(transaction, &standing.id, Some(State::Approved), State::Open, Some(&why), now)?;
            }
            Ok(over)
        })
    }

    /// Ends what stands of proposals that the configuration in force has no room for, by what `why` says of them: what was approved is stale, the
    /// rest is gone. A refusal by a person, a doubt, and what is being carried out stay. The proposals as they stand then.
    pub fn withdraw(
        &mut self,
        why: impl Fn(&Standing) -> Option<String>,
        now: Timestamp,
    ) -> Result<Vec<Standing>, StoreError> {
        self.durably("withdraw proposals", |transaction| {
            let standing = list(transaction, "state IN ('open', 'approved', 'ineffective', 'failed', 'refused')", [])?;
            let mut withdrawn = Vec::new();
            for standing in standing {
                let Some(why) = why(&standing) else { continue };
                let (to, why) = match (standing.state, &standing.who) {
                    (State::Approved, Some(who)) => (State::Stale, format!("the approval by {who} ended: {why}")),
                    (State::Approved, None) => (State::Stale, why),
                    _ => (State::Gone, why),
                };
                turn(transaction, &standing.id, Some(standing.state), to, Some(&why), now)?;
                withdrawn.extend(one(transaction, &standing.id)?);
            }
            Ok(withdrawn)
        })
    }

    /// Notes why a proposal is not carried out now, without another state.
    pub fn remark(&mut self, id: &str, why: &str) -> Result<(), StoreError> {
        self.write("remark on a proposal", |transaction| {
            transaction.prepare_cached("UPDATE proposal SET why = ?2 WHERE id = ?1")?.execute(params![id, why])?;
            Ok(())
        })
    }
}

/// How long after somebody's refusal nobody else approves: who decides at the same moment has not seen it.
const UNSEEN_FOR: SignedDuration = SignedDuration::from_secs(30);

/// What a person decides about a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// To be carried out.
    #[allow(missing_docs)]
    Approve { who: String, why: Option<String>, until: Timestamp },
    /// Not to be carried out.
    #[allow(missing_docs)]
    Reject { who: String, why: Option<String> },
}

/// The proposal, if it stands so that this can be decided about it.
fn decidable(
    connection: &rusqlite::Connection,
    id: &str,
    decision: &Decision,
    now: Timestamp,
) -> rusqlite::Result<Result<Standing, String>> {
    let Some(standing) = one(connection, id)? else { return Ok(Err(format!("there is no proposal {id}"))) };
    if !standing.state.can_begin() && !matches!(standing.state, State::Rejected | State::Uncertain) {
        let why = standing.why.as_deref().unwrap_or("nothing can be decided");
        return Ok(Err(format!("it is {}: {why}", standing.state.word())));
    }
    let just_now = standing.state == State::Rejected && now.duration_since(standing.changed) < UNSEEN_FOR;
    if let Decision::Approve { who, .. } = decision
        && let Some(other) = standing.who.as_deref().filter(|other| just_now && other != who)
    {
        let why = standing.why.as_deref().unwrap_or("no reason given");
        return Ok(Err(format!(
            "{other} rejected it a moment ago: {why}; to approve it nonetheless, do so after {} s",
            UNSEEN_FOR.as_secs()
        )));
    }
    Ok(Ok(standing))
}

/// One proposal of a report.
fn observe(
    transaction: &Transaction<'_>,
    job: &str,
    new: &Proposed,
    now: Timestamp,
) -> rusqlite::Result<Option<Change>> {
    let json = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    let told = serde_json::to_string(&new.told).map_err(json)?;
    let (lines, refusal) = match &new.lines {
        Ok(lines) => (lines.clone(), None),
        Err(why) => (Vec::new(), Some(why.as_str())),
    };
    let at = now.as_microsecond();
    let old = one(transaction, &new.id)?;
    let first = old.as_ref().map_or(State::Open, |old| old.state);
    let (to, why): (State, Option<&str>) = match (&old, refusal) {
        (_, Some(refusal)) if first != State::Acting => (State::Refused, Some(refusal)),
        (None, _) if doubted(transaction, new)? => (State::Uncertain, Some(DOUBT)),
        (None, _) => (State::Open, None),
        (Some(old), _) => match old.state {
            State::Gone if doubted(transaction, new)? => (State::Uncertain, Some(DOUBTED)),
            State::Verified | State::Gone | State::Stale | State::Refused => (State::Open, None),
            State::Uncertain if new.repeatable && old.changed < now => (
                State::Open,
                Some("whether it was carried out is not known; it does no harm twice, and is proposed again"),
            ),
            State::Approved if old.lines != lines => {
                (State::Open, Some("what would be done is not what was approved any more"))
            }
            State::Approved if old.address != new.address => (
                State::Open,
                Some(match &old.address {
                    Some(_) => "where it would be done is not where it was approved for any more",
                    None => "where it would be done was not noted when it was approved",
                }),
            ),
            same => (same, old.why.as_deref()),
        },
    };
    transaction
        .prepare_cached(
            "INSERT INTO proposal (id, identity, job, action, plugin_digest, told, lines, address, risk, repeatable, state, why, first, seen, changed, failures)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?13, ?8, ?9, ?10, ?11, ?12, ?12, ?12, 0)
             ON CONFLICT (id) DO UPDATE SET told = excluded.told, lines = excluded.lines, address = excluded.address, risk = excluded.risk,
                 repeatable = excluded.repeatable, seen = excluded.seen",
        )?
        .execute(params![new.id, new.identity, job, new.told.action, new.plugin_digest, told, serde_json::to_string(&lines).map_err(json)?, new.risk, new.repeatable, to.word(), why, at, new.address])?;
    match &old {
        None => Ok(Some(Change { id: new.id.clone(), from: None, to, why: why.map(str::to_owned) })),
        Some(old) if old.state != to => turn(transaction, &new.id, Some(old.state), to, why, now).map(Some),
        Some(_) => Ok(None),
    }
}

const DOUBT: &str = "another version of the plugin began the same, and whether it was carried out is not known";

const DOUBTED: &str = "it was begun before, gone for a while, and whether it was carried out is not known";

/// Whether the same action with the same arguments is in doubt, under this or another version of the plugin. The doubt about what does harm
/// twice outlasts that it was not proposed for a while: only a person, or a run that saw it verified, settles it.
fn doubted(transaction: &Transaction<'_>, new: &Proposed) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT 1 FROM attempt JOIN proposal ON proposal.id = attempt.proposal
             WHERE attempt.id = (SELECT max(attempt.id) FROM attempt JOIN proposal ON proposal.id = attempt.proposal
                                 WHERE identity = ?1 AND result IS NOT 'refused')
               AND (state = 'acting' OR NOT (?2 AND repeatable) AND result = 'uncertain' AND coalesce(verdict, '') NOT IN ('verified', 'settled'))",
        )?
        .exists(params![new.identity, new.repeatable])
}

/// Gives a proposal another state; an approval ends with it.
pub(super) fn turn(
    transaction: &Transaction<'_>,
    id: &str,
    from: Option<State>,
    to: State,
    why: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<Change> {
    transaction
        .prepare_cached("UPDATE proposal SET state = ?2, why = ?3, until = NULL, changed = ?4 WHERE id = ?1")?
        .execute(params![id, to.word(), why, now.as_microsecond()])?;
    Ok(Change { id: id.to_owned(), from, to, why: why.map(str::to_owned) })
}

pub(super) fn one(connection: &rusqlite::Connection, id: &str) -> rusqlite::Result<Option<Standing>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM proposal WHERE id = ?1"))?
        .query_row([id], standing)
        .optional()
}

pub(super) fn list(
    connection: &rusqlite::Connection,
    filter: &str,
    params: impl rusqlite::Params,
) -> rusqlite::Result<Vec<Standing>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM proposal WHERE {filter} ORDER BY seen DESC, id"))?
        .query_map(params, standing)?
        .collect()
}

pub(super) fn standing(row: &Row<'_>) -> rusqlite::Result<Standing> {
    let wrong = |column, error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error);
    let word: String = row.get("state")?;
    Ok(Standing {
        id: row.get("id")?,
        job: row.get("job")?,
        told: serde_json::from_str(&row.get::<_, String>("told")?).map_err(|error| wrong(2, error.into()))?,
        plugin_sha256: row.get("plugin_digest")?,
        lines: serde_json::from_str(&row.get::<_, String>("lines")?).map_err(|error| wrong(4, error.into()))?,
        address: row.get("address")?,
        risk: row.get("risk")?,
        repeatable: row.get("repeatable")?,
        state: State::from_word(&word).ok_or_else(|| wrong(8, format!("no state {word:?}").into()))?,
        why: row.get("why")?,
        who: row.get("who")?,
        until: optional_time(row, "until")?,
        first: time(row, "first")?,
        seen: time(row, "seen")?,
        changed: time(row, "changed")?,
        failures: row.get("failures")?,
    })
}
