//! Statements over the actor's connection, one each, in order; all in one transaction or each by itself.
//!
//! In a transaction only COMMIT can leave a doubt: whatever happens before it, the server undoes. Without one, each statement that was sent can.

use std::time::{Duration, Instant};

use super::{Ended, Seen, said};
use crate::grants::postgres::{Actor, Fault, Keeps, Scope, Touched};

/// Does it.
pub(super) async fn perform(
    scope: &Scope,
    statements: &[String],
    timeout: Duration,
    transactional: bool,
    name: &str,
) -> Seen {
    let keeps = if transactional { Keeps::Transaction } else { Keeps::Session };
    let mut actor = match Actor::connect(scope, timeout, name, keeps).await {
        Ok(actor) => actor,
        Err(error) => return (Ended::Refused, said(&error)),
    };
    let mut lines = Vec::new();
    let ended = if transactional {
        in_transaction(&mut actor, statements, &mut lines).await
    } else {
        one_by_one(&mut actor, statements, &mut lines).await
    };
    warned(&actor, &mut lines);
    // Its own limits bound this; what runs is cancelled.
    actor.close().await;
    (ended, lines.join("\n"))
}

/// The first line says what came of it, for it is the one that people are shown.
async fn in_transaction(actor: &mut Actor, statements: &[String], lines: &mut Vec<String>) -> Ended {
    if let Err(fault) = actor.begin().await {
        lines.push(format!("no transaction could be begun: {}", said(fault.error())));
        return Ended::Failed;
    }
    for (number, statement) in (1..).zip(statements) {
        if let Err(fault) = step(actor, number, statements.len(), statement, lines).await {
            let undone = match fault {
                Fault::Answered(_) if actor.rollback().await.is_ok() => UNDONE,
                _ => "the connection ended before COMMIT, so the server undoes the transaction",
            };
            headline(lines, undone);
            return Ended::Failed;
        }
    }
    let (ended, headline) = match actor.commit().await {
        Ok(()) => (Ended::Done, "committed".to_owned()),
        Err(Fault::Answered(error)) => (Ended::Failed, format!("COMMIT failed: {}; {UNDONE}", said(&error))),
        Err(Fault::Lost(error)) => {
            let what = "COMMIT was sent, and whether the server carried it out is not known";
            (Ended::Uncertain, format!("{what}: {}", said(&error)))
        }
    };
    lines.insert(0, headline);
    ended
}

const UNDONE: &str = "rolled back, nothing has changed";

async fn one_by_one(actor: &mut Actor, statements: &[String], lines: &mut Vec<String>) -> Ended {
    for (number, statement) in (1..).zip(statements) {
        let Err(fault) = step(actor, number, statements.len(), statement, lines).await else { continue };
        let before = if number > 1 { "what the statements before it did stays" } else { "it is the first" };
        let after = if number < statements.len() { "; those after it were not sent" } else { "" };
        headline(lines, &format!("{before}{after}"));
        return match fault {
            Fault::Answered(_) => Ended::Failed,
            Fault::Lost(_) => Ended::Uncertain,
        };
    }
    lines.insert(0, format!("done, each of {} by itself", statements.len()));
    Ended::Done
}

/// Moves the statement that failed to the top, with what that means.
fn headline(lines: &mut Vec<String>, means: &str) {
    let at = lines.iter().rposition(|line| line.starts_with("statement ")).unwrap_or_default();
    let failed = if at < lines.len() { lines.remove(at) } else { String::new() };
    lines.insert(0, format!("{failed}; {means}"));
}

/// Runs a statement and adds a line about it, and what the server warned of.
async fn step(
    actor: &mut Actor,
    number: usize,
    of: usize,
    statement: &str,
    lines: &mut Vec<String>,
) -> Result<(), Fault> {
    let started = Instant::now();
    let outcome = actor.run(statement).await;
    let took = humantime::format_duration(Duration::from_millis(
        u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    ));
    lines.push(match &outcome {
        Ok(touched) => format!("statement {number} of {of}: {} in {took}", touched_words(touched, statement)),
        Err(Fault::Answered(error)) => format!("statement {number} of {of} failed after {took}: {}", said(error)),
        Err(Fault::Lost(error)) => {
            format!("statement {number} of {of} was sent and has no answer after {took}: {}", said(error))
        }
    });
    warned(actor, lines);
    outcome.map(drop)
}

/// What a statement did, in words. Only some statements count rows.
pub(super) fn touched_words(touched: &Touched, statement: &str) -> String {
    const COUNTING: [&str; 10] =
        ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE", "FETCH", "MOVE"];
    let first = statement.trim_start().split(|character: char| !character.is_ascii_alphabetic()).next();
    let counts = first.is_some_and(|first| COUNTING.iter().any(|word| word.eq_ignore_ascii_case(first)));
    let rows = match touched.rows {
        0 if !counts => "done".to_owned(),
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    touched.value.as_ref().map_or(rows.clone(), |value| format!("{rows}, the first {value}"))
}

fn warned(actor: &Actor, lines: &mut Vec<String>) {
    lines.extend(actor.warnings().into_iter().map(|warning| format!("the server warns: {warning}")));
}
