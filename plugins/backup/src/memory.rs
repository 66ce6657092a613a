//! What a job remembers: the actions that failed and why, which the host tells the run that verifies them and no other, and the time of the last
//! run, by which a clock that went back is seen.

use std::collections::BTreeMap;

use pgreeve_sdk::{Outcome, ResultKind};
use serde::{Deserialize, Serialize};

use crate::observe::Looked;

/// Failures that are remembered at most; more series fail only if all do, for one reason.
const MOST: usize = 50;
/// Databases that are remembered at most.
const DATABASES: usize = 2000;
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
    /// The cluster's system identifier as the server told it last: backups are sorted by it while the server does not answer.
    #[serde(default)]
    pub(crate) cluster: Option<u64>,
    /// The server's databases, and when each was first seen, in microseconds; 0: it was there when this was seen for the first time.
    #[serde(default)]
    pub(crate) databases: BTreeMap<String, i64>,
    /// Which segments of archived WAL were looked into.
    #[serde(default, skip_serializing_if = "Looked::is_empty")]
    pub(crate) wal: Looked,
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
        let (cluster, databases, wal) = (before.cluster, before.databases, before.wal);
        Self { at: now, went_back: (before.at - now).max(0), cluster, databases, wal, failures }
    }

    /// Takes in which cluster the server is of, and its databases, where it told them.
    pub(crate) fn know(&mut self, cluster: u64, databases: Option<Vec<String>>) {
        let another = self.cluster.is_some_and(|before| before != cluster);
        self.cluster = Some(cluster);
        let Some(databases) = databases else { return };
        let first = if another || self.databases.is_empty() { 0 } else { self.at };
        let before = if another { BTreeMap::new() } else { std::mem::take(&mut self.databases) };
        self.databases = databases
            .into_iter()
            .take(DATABASES)
            .map(|name| {
                let seen = before.get(&name).copied().unwrap_or(first);
                (name, seen)
            })
            .collect();
    }

    /// The failure of an action, if the last attempt failed.
    pub(crate) fn failed(&self, action: &str, argument: Option<&str>) -> Option<&Failed> {
        self.failures.get(&key(action, argument))
    }

    /// What this action was refused about, by the tool or by the host, and when: trying again changes nothing until something is repaired.
    pub(crate) fn refusals(&self, action: &str) -> impl Iterator<Item = (Option<&str>, &Failed)> {
        self.failures.iter().filter_map(move |(key, failed)| {
            let (of, argument) = key.split_once(':').map_or((key.as_str(), None), |(of, about)| (of, Some(about)));
            (of == action && failed.is_refusal()).then_some((argument, failed))
        })
    }

    /// Forgets a failure that something newer has made good.
    pub(crate) fn forget(&mut self, action: &str, argument: Option<&str>) {
        self.failures.remove(&key(action, argument));
    }
}

impl Failed {
    /// The tool's exit status 4 (FORMAT.md).
    fn is_refusal(&self) -> bool {
        self.detail.lines().next() == Some("exit status 4")
    }

    /// In one line why it failed: what the tool said on stderr, or the first of what was seen.
    pub(crate) fn why(&self) -> &str {
        let mut lines = self.detail.lines().filter(|line| !line.trim().is_empty());
        let said = lines.clone().find(|line| !line.starts_with("exit status")).or_else(|| lines.next());
        said.map_or("no reason was given", |line| line.trim_start_matches("stderr: "))
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
    fn a_database_is_new_if_it_came_after_the_others() {
        let mut memory = Memory::advance(None, 10, &[]);
        memory.know(7, Some(vec!["app".into()]));
        let mut memory = Memory::advance(Some(memory), 20, &[]);
        memory.know(7, Some(vec!["app".into(), "shop".into()]));
        assert_eq!(memory.databases, BTreeMap::from([("app".into(), 0), ("shop".into(), 20)]));
        let mut memory = Memory::advance(Some(memory), 30, &[]);
        memory.know(7, None);
        assert_eq!(memory.databases.get("shop"), Some(&20));
        // After an upgrade by dump and restore all of it is another cluster's.
        memory.know(8, Some(vec!["shop".into()]));
        assert_eq!((memory.cluster, memory.databases.get("shop")), (Some(8), Some(&0)));
    }

    #[test]
    fn a_clock_that_went_back_is_seen_once() {
        let first = Memory::advance(None, 100, &[]);
        let second = Memory::advance(Some(first), 40, &[]);
        assert_eq!(second.went_back, 60);
        assert_eq!(Memory::advance(Some(second), 41, &[]).went_back, 0);
    }
}
