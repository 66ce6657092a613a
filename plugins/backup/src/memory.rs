//! What a job remembers: the actions that failed and why, which the host tells the run that verifies them and no other, and the time of the last
//! run, by which a clock that went back is seen.

use std::collections::BTreeMap;

use pgreeve_sdk::{Outcome, ResultKind};
use serde::{Deserialize, Serialize};

/// Failures that are remembered at most; more series fail only if all do, for one reason.
const MOST: usize = 50;
/// Bytes of a failure's words that are kept.
const WORDS: usize = 1000;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// `now` of the last run, in microseconds.
    pub(crate) at: i64,
    /// How far the clock went back between the last run and this one, in microseconds.
    #[serde(skip)]
    pub(crate) went_back: i64,
    /// By the action and what it was about: `take-full:app`.
    pub(crate) failures: BTreeMap<String, Failed>,
}

/// An action that did not come to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failed {
    /// When the run was told of it, in microseconds.
    pub(crate) at: i64,
    /// The last run before the action, so that what was recorded since is of the action.
    pub(crate) after: i64,
    /// Whether it is unknown if it happened.
    pub(crate) uncertain: bool,
    /// What was seen of it.
    pub(crate) detail: String,
}

impl Memory {
    /// What to remember after a run at `now` that was told of these outcomes.
    pub(crate) fn advance(before: Option<Self>, now: i64, outcomes: &[Outcome]) -> Self {
        let before = before.unwrap_or_default();
        let mut failures = before.failures;
        for outcome in outcomes {
            // A label goes with a path, a directory and a payload with a name, which tell more.
            let tells = |name: &str| !["label", "directory", "payload"].contains(&name);
            let argument = outcome.arguments.iter().find(|argument| tells(&argument.name));
            let key = key(&outcome.action, argument.map(|argument| argument.value.as_str()));
            if outcome.kind == ResultKind::Done {
                failures.remove(&key);
                continue;
            }
            let detail = outcome.detail.chars().take(WORDS).collect();
            let uncertain = outcome.kind == ResultKind::Uncertain;
            failures.insert(key, Failed { at: now, after: before.at, uncertain, detail });
        }
        while failures.len() > MOST {
            failures.pop_first();
        }
        Self { at: now, went_back: (before.at - now).max(0), failures }
    }

    /// The failure of an action, if the last attempt failed.
    pub(crate) fn failed(&self, action: &str, argument: Option<&str>) -> Option<&Failed> {
        self.failures.get(&key(action, argument))
    }

    /// Forgets a failure that something newer has made good.
    pub(crate) fn forget(&mut self, action: &str, argument: Option<&str>) {
        self.failures.remove(&key(action, argument));
    }
}

fn key(action: &str, argument: Option<&str>) -> String {
    argument.map_or_else(|| action.to_owned(), |argument| format!("{action}:{argument}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgreeve_sdk::Argument;

    fn outcome(kind: ResultKind, detail: &str) -> Outcome {
        let arguments = vec![Argument { name: "database".into(), value: "app".into() }];
        Outcome {
            proposal: "p".into(),
            action: "take-full".into(),
            target: "backup-full".into(),
            arguments,
            kind,
            detail: detail.into(),
        }
    }

    #[test]
    fn a_failure_is_remembered_until_the_action_is_done() {
        let failed = Memory::advance(None, 10, &[outcome(ResultKind::Failed, "disk full")]);
        let later = Memory::advance(Some(failed), 20, &[]);
        assert_eq!(later.failed("take-full", Some("app")).map(|failed| failed.detail.as_str()), Some("disk full"));
        assert_eq!(later.failed("take-full", Some("other")), None);
        let done = Memory::advance(Some(later), 30, &[outcome(ResultKind::Done, "")]);
        assert_eq!(done.failed("take-full", Some("app")), None);
    }

    #[test]
    fn a_clock_that_went_back_is_seen_once() {
        let first = Memory::advance(None, 100, &[]);
        let second = Memory::advance(Some(first), 40, &[]);
        assert_eq!(second.went_back, 60);
        assert_eq!(Memory::advance(Some(second), 41, &[]).went_back, 0);
    }
}
