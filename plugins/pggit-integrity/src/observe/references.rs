//! Foreign keys of pgGit's tables, and rows that refer to nothing.

use std::collections::{BTreeMap, BTreeSet};

use pgreeve_sdk::{Answer, Error};
use serde::{Deserialize, Serialize};

use super::{Look, dependencies};
use crate::memory::Baseline;
use crate::view::identifier;

/// Under this name the foreign keys of an install are kept.
const KEYS: &str = "references/keys";

/// Foreign keys that every install has whose tables it has: child, column, parent, column.
const KNOWN: [(&str, &str, &str, &str); 14] = [
    ("pggit.history", "object_id", "pggit.objects", "id"),
    ("pggit.objects", "parent_id", "pggit.objects", "id"),
    ("pggit.dependencies", "dependent_id", "pggit.objects", "id"),
    ("pggit.dependencies", "depends_on_id", "pggit.objects", "id"),
    ("pggit.branches", "parent_branch_id", "pggit.branches", "id"),
    ("pggit_audit.compliance_log", "change_id", "pggit_audit.changes", "change_id"),
    ("pggit_v0.refs", "target_sha", "pggit_v0.objects", "sha"),
    ("pggit_v0.commit_graph", "commit_sha", "pggit_v0.objects", "sha"),
    ("pggit_v0.tree_entries", "tree_sha", "pggit_v0.objects", "sha"),
    ("pggit_v0.tree_entries", "object_sha", "pggit_v0.objects", "sha"),
    ("pggit_v0.commit_parents", "commit_sha", "pggit_v0.commit_graph", "commit_sha"),
    ("pggit_v0.commit_parents", "parent_sha", "pggit_v0.commit_graph", "commit_sha"),
    ("pggit.history", "branch_id", "pggit.branches", "id"),
    ("pggit.commits", "branch_id", "pggit.branches", "id"),
];

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) keys: Answer<Vec<Key>>,
    /// References that should be kept by a foreign key, and are not.
    pub(crate) missing: Vec<Link>,
    /// Of how many references the rows were looked at.
    pub(crate) links: usize,
    /// References with rows that refer to nothing, and how many rows; an error where it could not be asked.
    pub(crate) orphans: Vec<(Link, Answer<Orphans>)>,
    /// None where the table is not there.
    pub(crate) dependencies: Option<Answer<dependencies::Seen>>,
}

/// A foreign key.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Key {
    pub(crate) child: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) validated: bool,
    pub(crate) columns: Vec<String>,
    pub(crate) targets: Vec<String>,
    pub(crate) definition: String,
    /// One of the triggers that keep it does not fire.
    pub(crate) disabled: bool,
}

/// What refers to what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) child: String,
    pub(crate) columns: Vec<String>,
    pub(crate) parent: String,
    pub(crate) targets: Vec<String>,
}

/// Rows that refer to nothing.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Orphans {
    pub(crate) rows: i64,
    /// One of the values.
    pub(crate) example: Option<String>,
}

#[derive(Deserialize)]
struct Column {
    relation: String,
    name: String,
}

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Seen {
    let keys: Answer<Vec<Key>> = look.rows(include_str!("../sql/references_keys.sql"));
    let columns: Answer<Vec<Column>> = look.rows(include_str!("../sql/references_columns.sql"));
    let columns: BTreeSet<(String, String)> =
        columns.unwrap_or_default().into_iter().map(|column| (column.relation, column.name)).collect();
    let present: BTreeMap<Link, String> =
        keys.iter().flatten().map(|key| (key.link(), key.definition.clone())).collect();
    let mut wanted: BTreeSet<Link> = known().collect();
    if keys.is_ok() {
        let kept: Baseline<BTreeSet<Link>> = look.baseline(KEYS, &present.keys().cloned().collect());
        wanted.extend(kept.value);
    }
    wanted.retain(|link| link.is_possible(&columns));
    let missing: Vec<Link> =
        if keys.is_ok() { wanted.iter().filter(|link| !present.contains_key(link)).cloned().collect() } else { vec![] };
    wanted.extend(present.into_keys());
    let answers = wanted.iter().map(|link| (link.clone(), look.row(&link.orphans())));
    let orphans = answers.filter(|(_, answer)| !matches!(answer, Ok(Orphans { rows: 0, .. }))).collect();
    let dependencies = look.install.has("pggit.dependencies").then(|| dependencies::look(look));
    Seen { keys, missing, links: wanted.len(), orphans, dependencies }
}

fn known() -> impl Iterator<Item = Link> {
    KNOWN.into_iter().map(|(child, column, parent, target)| Link {
        child: child.to_owned(),
        columns: vec![column.to_owned()],
        parent: parent.to_owned(),
        targets: vec![target.to_owned()],
    })
}

impl Key {
    /// What refers to what.
    pub(crate) fn link(&self) -> Link {
        Link {
            child: self.child.clone(),
            columns: self.columns.clone(),
            parent: self.parent.clone(),
            targets: self.targets.clone(),
        }
    }
}

impl Link {
    fn is_possible(&self, columns: &BTreeSet<(String, String)>) -> bool {
        let has = |relation: &String, names: &[String]| {
            names.iter().all(|name| columns.contains(&(relation.clone(), name.clone())))
        };
        has(&self.child, &self.columns) && has(&self.parent, &self.targets)
    }

    /// Counts rows whose columns are all set and lead nowhere.
    fn orphans(&self) -> String {
        let pairs = || self.columns.iter().zip(&self.targets);
        let joined: Vec<String> =
            pairs().map(|(own, target)| format!("p.{} = c.{}", identifier(target), identifier(own))).collect();
        let set: Vec<String> = pairs().map(|(own, _)| format!("c.{} IS NOT NULL", identifier(own))).collect();
        let first = self.columns.first().map(|column| identifier(column)).unwrap_or_default();
        format!(
            "SELECT count(*) AS rows, min(c.{first}::text) AS example FROM {} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} p WHERE {})",
            qualified(&self.child),
            set.join(" AND "),
            qualified(&self.parent),
            joined.join(" AND ")
        )
    }

    /// The statement that makes the foreign key.
    pub(crate) fn statement(&self) -> String {
        let list = |names: &[String]| names.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ");
        format!(
            "ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({})",
            qualified(&self.child),
            list(&self.columns),
            qualified(&self.parent),
            list(&self.targets)
        )
    }

    /// `pggit.history.object_id`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.child, self.columns.join("+"))
    }
}

/// `schema.name`, quoted where it must be.
pub(crate) fn qualified(name: &str) -> String {
    name.splitn(2, '.').map(identifier).collect::<Vec<_>>().join(".")
}

impl Seen {
    /// The first question that could not be asked.
    pub(crate) fn error(&self) -> Option<&Error> {
        self.orphans.iter().find_map(|(_, answer)| answer.as_ref().err())
    }
}
