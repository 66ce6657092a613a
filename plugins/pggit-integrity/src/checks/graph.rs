//! What must point at what: entries, trees, commits, parents, refs, HEAD; and history that goes on.

use std::collections::BTreeSet;

use pgreeve_sdk::{Finding, Reason, Report, Status};

use super::{Check, commits as own};
use crate::install::V0;
use crate::observe::graph::{Branch, Content, Entries, Graph, Keyless, Seen};
use crate::view::{View, answered, count, some_of, time};

pub(super) const CHECKS: [Check; 8] = [
    (
        "commits",
        "Commits",
        "Whether each commit of pggit_v0 has its object, its tree and its parents, none descends from itself, there is one \
            root, and each is reached from a ref. Where no commit at all has a parent, as pgGit's own create_basic_commit \
            leaves it, roots and unreachable commits are counted and not alarmed on.",
    ),
    ("trees", "Entries of trees", "Whether each entry belongs to a tree and leads to a blob or tree, as it says."),
    (
        "ref",
        "Refs",
        "Whether branches point at commits, `main` is there, and HEAD leads to one of them. A tag may be on anything.",
    ),
    (
        "ref-moved",
        "Refs move on",
        "Whether each ref still descends from where it was at the last run. It stays until the setting `baseline` gets another \
            name, or the ref holds again what it lost. A tag moves never.",
    ),
    (
        "graph-content",
        "What was committed stays",
        "Whether objects, entries, commits and parents that were there are unchanged, by sums of hashes. It stays until the \
            setting `baseline` gets another name.",
    ),
    (
        "graph-keys",
        "Names stand once",
        "Whether objects, refs, commits and the entries of a tree still have their primary key: without it a second `main` can be written.",
    ),
    own::CHECK,
    (
        "branches",
        "Branches of pggit",
        "Whether `main` is there and active, no branch is its own ancestor, and how many are active.",
    ),
];

const V0_CHECKS: [&str; 6] = ["commits", "trees", "ref", "ref-moved", "graph-content", "graph-keys"];
const RESTORE: &str = "restore pggit_v0 from a backup, or the rows that are named";

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    match (&seen.graph, &seen.entries, &seen.content, &seen.keys) {
        (Some(graph), Some(trees), Some(kept), Some(keyless)) => {
            answered(view, "commits", graph, report, |graph, report| {
                commits(view, graph, trees.as_ref().ok(), report);
                refs(view, graph, report);
                moved(view, graph, report);
            });
            answered(view, "trees", trees, report, |trees, report| report.findings.push(entries(view, trees)));
            answered(view, "graph-content", kept, report, |kept, report| report.findings.push(content(view, kept)));
            answered(view, "graph-keys", keyless, report, |keyless, report| report.findings.push(keys(view, keyless)));
        }
        _ => V0_CHECKS.iter().for_each(|check| report.findings.push(none(view, seen.v0, check))),
    }
    match &seen.branches {
        None => report.findings.push(view.not_applicable("branches", "", "there is no table pggit.branches")),
        Some(rows) => answered(view, "branches", rows, report, |rows, report| branches(view, rows, report)),
    }
    match &seen.commits {
        None => report.findings.push(view.not_applicable(own::CHECK.0, "", "there is no table pggit.commits")),
        Some(commits) => answered(view, own::CHECK.0, commits, report, |commits, report| {
            own::judge(view, commits, report);
        }),
    }
}

fn none(view: &View<'_>, v0: V0, check: &str) -> Finding {
    if v0 == V0::None {
        return view.not_applicable(check, "", "pggit_v0 is not installed");
    }
    view.unknown(check, "", Reason::Unsupported, "pggit_v0 is laid out in no known way")
        .advise("look at \\dt pggit_v0.* for tables that are gone")
}

fn commits(view: &View<'_>, graph: &Graph, entries: Option<&Entries>, report: &mut Report) {
    let before = report.findings.len();
    let mut say = |object: &str, status: Status, what: &str, names: &[&str], advice: &str| {
        if !names.is_empty() {
            let commits = count(names.len(), "commit", "commits");
            let summary = format!("{commits} {what}: {}", some_of(names, 3));
            report.findings.push(view.finding("commits", object, status, summary).advise(advice));
        }
    };
    let of = |bad: &dyn Fn(&crate::observe::graph::Commit) -> bool| {
        graph.commits.iter().filter(|commit| bad(commit)).map(|commit| commit.sha.as_str()).collect::<Vec<_>>()
    };
    let objects = of(&|commit| commit.kind.as_deref() != Some("commit"));
    say("objects", Status::Critical, "without an object of a commit", &objects, RESTORE);
    let trees = of(&|commit| commit.tree.is_none() || commit.tree_kind.as_deref() != Some("tree"));
    say("trees", Status::Critical, "without their tree", &trees, RESTORE);
    let orphans: BTreeSet<&str> =
        graph.links.iter().filter(|link| !graph.lineage.has(&link.parent)).map(|link| link.child.as_str()).collect();
    let orphans: Vec<&str> = orphans.into_iter().collect();
    say("parents", Status::Critical, "whose parent is gone", &orphans, RESTORE);
    let cyclic: Vec<&str> = graph.lineage.cyclic().into_iter().collect();
    say("cycle", Status::Critical, "that descend from themselves", &cyclic, "remove the parent that closes the circle");
    let flat = graph.lineage.is_flat();
    let roots = graph.lineage.roots();
    let roots: Vec<&str> = roots.into_iter().filter(|root| !orphans.contains(root)).collect();
    if roots.len() > 1 && !flat {
        let advice = "a commit that lost its parents, or one by pggit_v0.create_basic_commit, which writes none: add the row \
            of its parent";
        say("roots", Status::Warning, "without a parent, where there should be one", &roots, advice);
    }
    let heads = graph.head.iter().filter_map(|head| head.direct.as_deref());
    let reached = graph.lineage.history(graph.refs.iter().map(|one| one.target.as_str()).chain(heads));
    let lost = of(&|commit| !reached.contains(commit.sha.as_str()));
    if !flat {
        let advice = "make a branch on the newest of them, or look which ref was moved or deleted";
        say("unreachable", Status::Warning, "that no ref reaches", &lost, advice);
    }
    if let Some(number) = entries.map(|entries| entries.lost_commits).filter(|number| *number > 0) {
        let summary = format!(
            "{} without a row in commit_graph",
            count(number as usize, "object of a commit", "objects of commits")
        );
        report.findings.push(view.finding("commits", "graph", Status::Critical, summary).advise(RESTORE));
    }
    if report.findings.len() == before {
        let total = count(graph.commits.len(), "commit", "commits");
        let noise = if flat && graph.commits.len() > 1 {
            format!("; none has a parent, and refs reach {}", reached.len())
        } else {
            String::new()
        };
        report.findings.push(view.ok("commits", "", format!("{total} with object, tree and parents{noise}")));
    }
}

fn refs(view: &View<'_>, graph: &Graph, report: &mut Report) {
    let before = report.findings.len();
    for one in &graph.refs {
        let commit = graph.lineage.has(&one.target);
        if one.target_kind.is_none() || one.kind == "branch" && !commit {
            let what = one
                .target_kind
                .as_deref()
                .map_or("nothing", |kind| if kind == "commit" { "a commit without a row" } else { kind });
            let summary = format!("{} {} points at {what} ({})", one.kind, one.name, one.target);
            report.findings.push(view.finding("ref", &one.name, Status::Critical, summary).advise(
                "set it to the newest commit that is right: UPDATE pggit_v0.refs SET target_sha = … WHERE name = …;",
            ));
        }
    }
    let named = |name: &str| graph.refs.iter().any(|one| one.name == name);
    let branch = |name: &str| graph.refs.iter().any(|one| one.name == name && one.kind != "tag");
    let main = branch("main") || branch("refs/heads/main");
    if !main && (!graph.commits.is_empty() || !graph.refs.is_empty()) {
        report.findings.push(
            view.finding("ref", "main", Status::Critical, "there are commits, and no branch main").advise(
                "INSERT INTO pggit_v0.refs (name, target_sha, type) VALUES ('main', …, 'branch'); with the newest commit of \
                 pggit_v0.commit_graph",
            ),
        );
    }
    let advice = "INSERT INTO pggit_v0.head (ref_name) VALUES ('main'); after looking what it should be";
    match graph.head.as_slice() {
        [] if graph.had_head => {
            report.findings.push(view.finding("ref", "HEAD", Status::Critical, "HEAD is gone").advise(advice));
        }
        [] => {}
        [head] => {
            let name = head.name.clone().unwrap_or_default();
            let detached = head.direct.as_deref().is_some_and(|sha| graph.lineage.has(sha));
            let short = name.strip_prefix("refs/heads/").unwrap_or(&name);
            if !detached && !branch(&name) && !branch(short) && !graph.commits.is_empty() {
                let what = if named(&name) || named(short) { "a tag and no branch" } else { "no ref" };
                let summary = format!("HEAD leads to {name}, which is {what}");
                report.findings.push(view.finding("ref", "HEAD", Status::Critical, summary).advise(advice));
            }
        }
        several => {
            let summary = format!("HEAD has {} rows, where there should be one", several.len());
            report.findings.push(
                view.finding("ref", "HEAD", Status::Warning, summary).advise("leave the right one in pggit_v0.head"),
            );
        }
    }
    if report.findings.len() == before {
        let total = count(graph.refs.len(), "ref points", "refs point");
        report.findings.push(view.ok("ref", "", format!("{total} at what it must")));
    }
}

fn keys(view: &View<'_>, keyless: &[Keyless]) -> Finding {
    if keyless.is_empty() {
        return view.ok("graph-keys", "", "objects, refs, commits and entries have their primary keys");
    }
    let names: Vec<&str> = keyless.iter().map(|table| table.name.as_str()).collect();
    let summary = format!("{} without primary key: {}", count(names.len(), "table", "tables"), names.join(", "));
    view.finding("graph-keys", "", Status::Critical, summary).advise(
        "look for what stands twice (SELECT name, count(*) FROM pggit_v0.refs GROUP BY name HAVING count(*) > 1; and so on), remove what is wrong, then \
         as owner: ALTER TABLE pggit_v0.refs ADD PRIMARY KEY (name);",
    )
}

fn moved(view: &View<'_>, graph: &Graph, report: &mut Report) {
    for one in &graph.moved {
        let (summary, status) = match &one.now {
            Some(now) => (
                format!("{} went from {} to {now}, which does not descend from it", one.name, one.before),
                Status::Warning,
            ),
            None => (format!("{} is gone, and no ref holds its commit {}", one.name, one.before), Status::Warning),
        };
        report.findings.push(view.finding("ref-moved", &one.name, status, summary).advise(
            "if it was not meant: set the ref back to the commit that it had; if it was, give the job's setting baseline a new name",
        ));
    }
    if graph.moved.is_empty() {
        report.findings.push(view.ok("ref-moved", "", "each ref is where it was, or further on"));
    }
}

fn entries(view: &View<'_>, entries: &Entries) -> Finding {
    let bad: Vec<String> = [
        (entries.no_tree, "of no tree"),
        (entries.not_tree, "of an object that is no tree"),
        (entries.no_object, "that lead to nothing"),
        (entries.other_kind, "that lead to another kind of object"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{number} {what}"))
    .collect();
    if bad.is_empty() {
        return view.ok("trees", "", format!("{} entries lead to what they say", entries.entries));
    }
    let example = entries.example.clone().unwrap_or_default();
    let summary = format!("entries of trees: {}; such as in {example}", some_of(&bad, 4));
    view.finding("trees", "", Status::Critical, summary).advise(RESTORE)
}

fn content(view: &View<'_>, content: &Content) -> Finding {
    if content.changed.is_empty() {
        return view.ok("graph-content", "", format!("what was committed is as it was since {}", time(content.since)));
    }
    let parts: Vec<String> = content
        .changed
        .iter()
        .map(|(part, more)| match *more {
            0 => format!("{part} changed"),
            more if more < 0 => format!("{part}: {} fewer", -more),
            more => format!("{part}: {more} more"),
        })
        .collect();
    let summary =
        format!("what was committed is not what it was since {}: {}", time(content.since), some_of(&parts, 4));
    view.finding("graph-content", "", Status::Critical, summary)
        .advise("compare pggit_v0 with a backup; if it was meant, give the job's setting baseline a new name")
}

fn branches(view: &View<'_>, rows: &[Branch], report: &mut Report) {
    const CHECK: &str = "branches";
    let before = report.findings.len();
    match rows.iter().find(|branch| branch.name == "main") {
        Some(main) if main.status.as_deref() == Some("ACTIVE") => {}
        Some(_) => report
            .findings
            .push(view.finding(CHECK, "main", Status::Critical, "the branch main is not active").advise(
                "UPDATE pggit.branches SET status = 'ACTIVE' WHERE name = 'main'; after asking who changed it",
            )),
        None => report.findings.push(
            view.finding(CHECK, "main", Status::Critical, "the branch main is gone")
                .advise("INSERT INTO pggit.branches (id, name) VALUES (1, 'main'); pgGit takes id 1 for it"),
        ),
    }
    let parent = |id: i64| rows.iter().find(|branch| branch.id == id).and_then(|branch| branch.parent);
    let own = |branch: &&Branch| {
        let mut at = branch.parent;
        (0..rows.len()).any(|_| {
            let here = at == Some(branch.id);
            at = at.and_then(parent);
            here
        })
    };
    let circular: Vec<&str> = rows.iter().filter(own).map(|branch| branch.name.as_str()).collect();
    if !circular.is_empty() {
        let summary = format!("branches that descend from themselves: {}", some_of(&circular, 4));
        report.findings.push(
            view.finding(CHECK, "cycle", Status::Critical, summary)
                .advise("set parent_branch_id of one of them to the branch it was made from, mostly 1"),
        );
    }
    let active = rows.iter().filter(|branch| branch.status.as_deref() == Some("ACTIVE")).count();
    let most = view.settings().branches_most;
    if active >= most as usize {
        report.findings.push(
            view.finding(CHECK, "number", Status::Warning, format!("{active} branches are active; there should be fewer than {most}"))
                .advise("merge or delete those that nobody works on: SELECT name, created_by, created_at FROM pggit.branches WHERE status = 'ACTIVE' ORDER BY created_at;"),
        );
    }
    if report.findings.len() == before {
        report.findings.push(view.ok(
            CHECK,
            "",
            format!("main and {}", count(active.saturating_sub(1), "other is active", "others are active")),
        ));
    }
    report.metrics.push(view.metric("pggit_branches_count", active as f64, "count", None));
}
