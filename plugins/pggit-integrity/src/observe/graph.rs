//! Commits, trees and refs of pggit_v0 in both layouts, and the branches of pggit.

use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Value};
use serde::{Deserialize, Serialize};

use super::{Look, commits};
use crate::install::V0;
use crate::lineage::Lineage;
use crate::memory::Baseline;

/// Under these names the last targets of refs, and sums of hashes, are kept.
const REFS: &str = "graph/refs";
const CONTENT: &str = "graph/content";
/// The same of the layout with arrays, since modes of entries, generations, committers and the time of writing are part of the sums; what an earlier
/// release of the plugin kept of that layout is under [`CONTENT`], without them.
const CONTENT_ARRAYS: &str = "graph/content/arrays";
/// Times without a zone may be so far off, in microseconds.
const ZONES: i64 = 26 * 3_600_000_000;

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) v0: V0,
    /// None where pggit_v0 is not there, or is laid out in no known way.
    pub(crate) graph: Option<Answer<Graph>>,
    pub(crate) entries: Option<Answer<Entries>>,
    pub(crate) content: Option<Answer<Content>>,
    /// Tables in which one name can stand twice.
    pub(crate) keys: Option<Answer<Vec<Keyless>>>,
    /// None where the table is not there.
    pub(crate) branches: Option<Answer<Vec<Branch>>>,
    pub(crate) commits: Option<Answer<commits::Seen>>,
}

/// A table whose primary key is gone, with its columns.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Keyless {
    pub(crate) name: String,
}

/// The commits and what points at them.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) commits: Vec<Commit>,
    pub(crate) links: Vec<Link>,
    pub(crate) refs: Vec<Ref>,
    pub(crate) head: Vec<Head>,
    pub(crate) lineage: Lineage,
    /// Targets that refs had and that they lost, by name; the present target.
    pub(crate) moved: Vec<Moved>,
    /// Whether HEAD was seen earlier.
    pub(crate) had_head: bool,
}

/// A commit.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Commit {
    pub(crate) sha: String,
    pub(crate) tree: Option<String>,
    /// The type of its object, and of its tree's.
    pub(crate) kind: Option<String>,
    pub(crate) tree_kind: Option<String>,
}

/// A parent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Link {
    pub(crate) child: String,
    pub(crate) parent: String,
}

/// A branch or a tag.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ref {
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) kind: String,
    pub(crate) target_kind: Option<String>,
}

/// What is checked out.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Head {
    #[serde(rename = "ref")]
    pub(crate) name: Option<String>,
    pub(crate) direct: Option<String>,
}

/// A ref that points at something that does not descend from what it pointed at, or that is gone with what it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) name: String,
    pub(crate) before: String,
    pub(crate) now: Option<String>,
}

/// Entries of trees, in numbers.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entries {
    pub(crate) entries: i64,
    pub(crate) no_tree: i64,
    pub(crate) not_tree: i64,
    pub(crate) no_object: i64,
    pub(crate) other_kind: i64,
    pub(crate) example: Option<String>,
    /// Objects of commits that have no row in the graph.
    pub(crate) lost_commits: i64,
}

/// Whether what was recorded stays.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) since: i64,
    /// Parts that are others now, and how many rows more they have.
    pub(crate) changed: Vec<(String, i64)>,
}

/// A branch of pggit.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Branch {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) parent: Option<i64>,
    pub(crate) status: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Kept {
    targets: BTreeMap<String, Target>,
    head: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Target {
    sha: String,
    tag: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sums {
    until: i64,
    parts: Parts,
}

#[derive(Deserialize)]
struct Sum {
    part: String,
    rows_then: i64,
    hash_then: String,
    rows_now: i64,
    hash_now: String,
}

#[derive(Deserialize)]
struct Finished {
    finished: i64,
}

/// Looks.
pub(crate) fn look(look: &Look<'_>) -> Seen {
    let v0 = look.install.v0();
    let known = [V0::Arrays, V0::Rows].contains(&v0);
    Seen {
        v0,
        graph: known.then(|| graph(look, v0)),
        entries: known.then(|| look.row(&layout(v0, include_str!("../sql/graph_entries.sql")))),
        content: known.then(|| content(look, v0)),
        keys: known.then(|| look.rows(&layout(v0, include_str!("../sql/graph_keys.sql")))),
        branches: look.install.has("pggit.branches").then(|| look.rows(include_str!("../sql/graph_branches.sql"))),
        commits: (look.install.has("pggit.branches") && look.install.has("pggit.commits")).then(|| commits::look(look)),
    }
}

fn parents(v0: V0) -> &'static str {
    if v0 == V0::Arrays {
        include_str!("../sql/graph_parents_arrays.sql")
    } else {
        include_str!("../sql/graph_parents_rows.sql")
    }
}

/// A query with the names of the layout.
fn layout(v0: V0, sql: &str) -> String {
    let sql = if v0 == V0::Arrays {
        sql.replace("/*content*/data", "content")
            .replace("/*path*/name", "path")
            .replace("/*mode*/", ", e.mode")
            .replace("/*more*/", ", c.generation, c.committer, extract(epoch FROM c.authored_at)")
    } else {
        // Within a literal it is no comment.
        sql.replace("/*kind*/NULL::text", "e.type").replace("/*path*/name", "name")
    };
    sql.replace("/*parents*/", &format!("\n{}\n", parents(v0)))
}

fn graph(look: &Look<'_>, v0: V0) -> Answer<Graph> {
    let commits: Vec<Commit> = look.rows(include_str!("../sql/graph_commits.sql"))?;
    let links: Vec<Link> = look.rows(parents(v0))?;
    let refs: Vec<Ref> = look.rows(include_str!("../sql/graph_refs.sql"))?;
    let head: Vec<Head> = look.rows(include_str!("../sql/graph_head.sql"))?;
    let lineage = Lineage::new(
        commits.iter().map(|commit| commit.sha.as_str()),
        links.iter().map(|link| (link.child.as_str(), link.parent.as_str())),
    );
    let label = &look.run.settings.baseline;
    let kept: Option<Baseline<Kept>> = look.recall(REFS).filter(|kept: &Baseline<Kept>| kept.label == *label);
    let kept = kept.map(|kept| kept.value).unwrap_or_default();
    let (targets, moved) = follow(&kept.targets, &refs, &lineage);
    let had_head = kept.head;
    look.set_baseline(REFS, &Kept { targets, head: had_head || !head.is_empty() });
    Ok(Graph { commits, links, refs, head, lineage, moved, had_head })
}

/// Follows refs as long as they move on; a target that got lost is kept, so that it stays lost.
fn follow(kept: &BTreeMap<String, Target>, refs: &[Ref], lineage: &Lineage) -> (BTreeMap<String, Target>, Vec<Moved>) {
    let held = lineage.history(refs.iter().map(|one| one.target.as_str()));
    let mut targets: BTreeMap<String, Target> =
        refs.iter().map(|one| (one.name.clone(), Target { sha: one.target.clone(), tag: one.kind == "tag" })).collect();
    let mut moved = Vec::new();
    for (name, before) in kept {
        let now = targets.get(name).map(|now| now.sha.clone());
        let well = match &now {
            Some(now) => *now == before.sha || !before.tag && (lineage.is_flat() || lineage.descends(now, &before.sha)),
            // A branch that was merged may be deleted.
            None => before.tag || held.contains(before.sha.as_str()),
        };
        if !well {
            targets.insert(name.clone(), before.clone());
            moved.push(Moved { name: name.clone(), before: before.sha.clone(), now });
        }
    }
    (targets, moved)
}

fn content(look: &Look<'_>, v0: V0) -> Answer<Content> {
    let finished: Finished = look.row(include_str!("../sql/graph_finished.sql"))?;
    let until = if v0 == V0::Arrays { finished.finished - ZONES } else { finished.finished };
    let sql = include_str!("../sql/graph_content.sql");
    let label = &look.run.settings.baseline;
    let name = if v0 == V0::Arrays { CONTENT_ARRAYS } else { CONTENT };
    let any: Option<Baseline<Sums>> = look.recall(name);
    // Sums of fewer columns are asked once more, as they were: what does not match them stands until it is mended or accepted.
    if any.is_none()
        && name != CONTENT
        && let Some(kept) = look.recall(CONTENT).filter(|kept: &Baseline<Sums>| kept.label == *label)
    {
        let sql = sql.replace("/*mode*/", "").replace("/*more*/", "");
        let (was, _) = sums(look, &layout(v0, &sql), kept.value.until, kept.value.until)?;
        let changed = differ(&kept.value.parts, &was);
        if !changed.is_empty() {
            return Ok(Content { since: kept.at, changed });
        }
    }
    let kept = any.filter(|kept| kept.label == *label);
    let then = kept.as_ref().map_or(i64::MIN, |kept| kept.value.until);
    let (was, now) = sums(look, &layout(v0, sql), then, until.max(then))?;
    let changed = kept.as_ref().map(|kept| differ(&kept.value.parts, &was)).unwrap_or_default();
    let since = kept.as_ref().map_or(look.run.now(), |kept| kept.at);
    if changed.is_empty() {
        let value = Sums { until: until.max(then), parts: now };
        look.remember(name, &Baseline { label: label.clone(), at: since, value });
    }
    Ok(Content { since, changed })
}

/// Rows, and the sum of their hashes, of each part.
type Parts = BTreeMap<String, (i64, i64)>;

/// What was there before the one time, and before the other.
fn sums(look: &Look<'_>, sql: &str, then: i64, until: i64) -> Answer<(Parts, Parts)> {
    let sums: Vec<Sum> = look.database.rows_with(sql, &[Value::Int(then), Value::Int(until)])?;
    let low = |text: &str| text.parse::<i128>().unwrap_or(0) as i64;
    let was = sums.iter().map(|sum| (sum.part.clone(), (sum.rows_then, low(&sum.hash_then)))).collect();
    let now = sums.iter().map(|sum| (sum.part.clone(), (sum.rows_now, low(&sum.hash_now)))).collect();
    Ok((was, now))
}

fn differ(before: &Parts, now: &Parts) -> Vec<(String, i64)> {
    let parts: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let of = |all: &Parts, part: &String| all.get(part).copied().unwrap_or((0, 0));
    parts
        .into_iter()
        .filter(|part| of(before, part) != of(now, part))
        .map(|part| (part.clone(), of(now, part).0 - of(before, part).0))
        .collect()
}
