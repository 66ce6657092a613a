//! pggit.commits: parents, heads of branches, and whether commits stay as long as their branch does.

use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Role, Value};
use serde::{Deserialize, Serialize};

use super::Look;
use crate::lineage::Lineage;
use crate::memory::Baseline;

/// Under these names heads of branches, and sums of hashes, are kept.
const HEADS: &str = "commits/heads";
const SUMS: &str = "commits/sums";

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Commits whose parent is none.
    pub(crate) orphans: Vec<String>,
    /// Commits that descend from themselves.
    pub(crate) cyclic: Vec<String>,
    /// Branches whose head is none, and was a commit or something else at an earlier run.
    pub(crate) lost: Vec<String>,
    /// Branches whose head never was a commit.
    pub(crate) invented: usize,
    /// Branches whose commits changed, and how many more they are.
    pub(crate) changed: Vec<(String, i64)>,
    pub(crate) rows: i64,
}

#[derive(Deserialize)]
struct Child {
    hash: String,
    parent: String,
    there: bool,
}

#[derive(Clone, Deserialize)]
struct Head {
    name: String,
    head: Option<String>,
    there: bool,
}

/// By the branch's name: its head, and whether that is a commit.
type Heads = BTreeMap<String, (Option<String>, bool)>;

#[derive(Deserialize)]
struct Writers {
    last: i64,
    writers: i64,
    branches: Vec<i64>,
}

#[derive(Deserialize)]
struct Sum {
    branch: i64,
    name: Option<String>,
    rows_then: i64,
    hash_then: String,
    rows_now: i64,
    hash_now: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// The last number.
    up_to: i64,
    /// By the branch's id: its name, rows, and the sum of their hashes.
    branches: BTreeMap<i64, (String, i64, i64)>,
}

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Answer<Seen> {
    let children: Vec<Child> = look.rows(include_str!("../sql/graph_own_commits.sql"))?;
    let heads: Vec<Head> = look.rows(include_str!("../sql/graph_own_heads.sql"))?;
    let lineage = Lineage::new(
        children.iter().flat_map(|child| [child.hash.as_str(), child.parent.as_str()]),
        children.iter().map(|child| (child.hash.as_str(), child.parent.as_str())),
    );
    let (changed, rows) = stay(look)?;
    let label = look.run.settings.baseline.clone();
    let kept: Option<Baseline<Heads>> = look.recall(HEADS).filter(|kept: &Baseline<Heads>| kept.label == label);
    let (heads, lost) = follow(kept.map(|kept| kept.value).unwrap_or_default(), &heads);
    look.remember(HEADS, &Baseline { label, at: look.run.now(), value: heads.clone() });
    Ok(Seen {
        orphans: children.iter().filter(|child| !child.there).map(|child| child.hash.clone()).collect(),
        cyclic: lineage.cyclic().into_iter().map(str::to_owned).collect(),
        invented: heads.values().filter(|(head, there)| head.is_some() && !there).count(),
        lost,
        changed,
        rows,
    })
}

/// The heads to keep, and the branches whose head went astray: those keep what they had, so that they stay astray.
fn follow(mut kept: Heads, heads: &[Head]) -> (Heads, Vec<String>) {
    let mut lost = Vec::new();
    kept.retain(|name, _| heads.iter().any(|head| head.name == *name));
    for head in heads {
        let was = kept.get(&head.name);
        let astray = |(was, there): &(Option<String>, bool)| *there || *was != head.head;
        if head.head.is_some() && !head.there && was.is_some_and(astray) {
            lost.push(head.name.clone());
        } else {
            kept.insert(head.name.clone(), (head.head.clone(), head.there));
        }
    }
    (kept, lost)
}

/// Compares the commits of each branch that is still there with the last run. Deleting a branch takes its commits along.
fn stay(look: &Look<'_>) -> Answer<(Vec<(String, i64)>, i64)> {
    let writers: Writers = look.row(include_str!("../sql/graph_own_writers.sql"))?;
    let label = look.run.settings.baseline.clone();
    let kept: Option<Baseline<Kept>> = look.recall(SUMS).filter(|kept: &Baseline<Kept>| kept.label == label);
    let up_to = kept.as_ref().map_or(-1, |kept| kept.value.up_to);
    let sums: Vec<Sum> = look.database.rows_with(
        include_str!("../sql/graph_own_sums.sql"),
        &[Value::Int(up_to), Value::Int(writers.last.max(up_to))],
    )?;
    let low = |text: &str| text.parse::<i128>().unwrap_or(0) as i64;
    let before = kept.map(|kept| kept.value).unwrap_or_default();
    let there = before.branches.iter().filter(|(branch, _)| writers.branches.contains(branch));
    let changed: Vec<(String, i64)> = there
        .filter_map(|(branch, (name, rows, hash))| {
            let now = sums.iter().find(|sum| sum.branch == *branch);
            let now = now.map_or((0, 0), |sum| (sum.rows_then, low(&sum.hash_then)));
            (now != (*rows, *hash)).then(|| (name.clone(), now.0 - rows))
        })
        .collect();
    // A standby may replay what a writer of its primary did in any order of numbers.
    if changed.is_empty() && writers.writers == 0 && look.server.role == Role::Primary {
        let of = |sum: &Sum| (sum.name.clone().unwrap_or_default(), sum.rows_now, low(&sum.hash_now));
        let value =
            Kept { up_to: writers.last.max(up_to), branches: sums.iter().map(|sum| (sum.branch, of(sum))).collect() };
        look.remember(SUMS, &Baseline { label, at: look.run.now(), value });
    }
    Ok((changed, sums.iter().map(|sum| sum.rows_now).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(name: &str, head: Option<&str>, there: bool) -> Head {
        Head { name: name.into(), head: head.map(str::to_owned), there }
    }

    #[test]
    fn a_head_goes_astray_when_it_leaves_what_it_was_for_what_is_no_commit() {
        let (kept, lost) = follow(
            Heads::new(),
            &[head("main", None, false), head("made", Some("x"), false), head("real", Some("c"), true)],
        );
        assert_eq!(lost, [""; 0], "as create_branch writes them");
        for (now, astray) in [
            (head("main", Some("gone"), false), true),
            (head("main", Some("c"), true), false),
            (head("made", Some("x"), false), false),
            (head("made", Some("y"), false), true),
            (head("real", Some("c"), false), true),
            (head("real", Some("d"), true), false),
            (head("real", None, false), false),
            (head("new", Some("z"), false), false),
        ] {
            let (after, lost) = follow(kept.clone(), std::slice::from_ref(&now));
            assert_eq!(lost.len(), usize::from(astray), "{} {:?}", now.name, now.head);
            assert_eq!(follow(after, &[now]).1, lost, "it stays what it is");
        }
    }
}
