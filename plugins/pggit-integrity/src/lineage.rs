//! Which commit descends from which. Walked in code: in SQL it would be quadratic.

use std::collections::{BTreeMap, BTreeSet};

/// Commits with their parents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lineage {
    parents: BTreeMap<String, Vec<String>>,
}

impl Lineage {
    /// From commits, and pairs of child and parent; a parent that is no commit is left out.
    pub(crate) fn new<'a>(
        commits: impl IntoIterator<Item = &'a str>,
        links: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut parents: BTreeMap<String, Vec<String>> =
            commits.into_iter().map(|commit| (commit.to_owned(), Vec::new())).collect();
        for (child, parent) in links {
            if parents.contains_key(parent)
                && let Some(own) = parents.get_mut(child)
            {
                own.push(parent.to_owned());
            }
        }
        Self { parents }
    }

    /// Whether there is such a commit.
    pub(crate) fn has(&self, commit: &str) -> bool {
        self.parents.contains_key(commit)
    }

    /// Whether no commit has a parent, as pgGit's create_basic_commit leaves it.
    pub(crate) fn is_flat(&self) -> bool {
        self.parents.values().all(Vec::is_empty)
    }

    /// Commits without parents.
    pub(crate) fn roots(&self) -> Vec<&str> {
        self.parents.iter().filter(|(_, parents)| parents.is_empty()).map(|(commit, _)| commit.as_str()).collect()
    }

    /// These commits and all that they descend from.
    pub(crate) fn history<'a>(&'a self, from: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut todo: Vec<&str> = from.into_iter().filter(|commit| self.has(commit)).collect();
        let mut seen = BTreeSet::new();
        while let Some(commit) = todo.pop() {
            if seen.insert(commit) {
                todo.extend(self.parents.get(commit).into_iter().flatten().map(String::as_str));
            }
        }
        seen
    }

    /// Whether `later` is or descends from `earlier`.
    pub(crate) fn descends(&self, later: &str, earlier: &str) -> bool {
        self.history([later]).contains(earlier)
    }

    /// Commits on a cycle, or between two: what is left when those without parents and those without children are taken
    /// away again and again.
    pub(crate) fn cyclic(&self) -> BTreeSet<&str> {
        let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (child, parents) in &self.parents {
            for parent in parents {
                children.entry(parent).or_default().push(child);
            }
        }
        let parents: BTreeMap<&str, Vec<&str>> = self
            .parents
            .iter()
            .map(|(child, parents)| (child.as_str(), parents.iter().map(String::as_str).collect()))
            .collect();
        let all: BTreeSet<&str> = parents.keys().copied().collect();
        let below = trim(&all, &parents, &children);
        trim(&below, &children, &parents)
    }
}

/// Takes away what has nothing `before` it, until nothing such is left.
fn trim<'a>(
    all: &BTreeSet<&'a str>,
    before: &BTreeMap<&'a str, Vec<&'a str>>,
    after: &BTreeMap<&'a str, Vec<&'a str>>,
) -> BTreeSet<&'a str> {
    let inside = |links: Option<&Vec<&'a str>>| {
        links.into_iter().flatten().copied().filter(|other| all.contains(other)).collect::<Vec<_>>()
    };
    let mut open: BTreeMap<&str, usize> = all.iter().map(|one| (*one, inside(before.get(one)).len())).collect();
    let mut todo: Vec<&str> = open.iter().filter(|(_, count)| **count == 0).map(|(one, _)| *one).collect();
    let mut left = all.clone();
    while let Some(one) = todo.pop() {
        left.remove(one);
        for next in inside(after.get(one)) {
            if let Some(count) = open.get_mut(next) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    todo.push(next);
                }
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(links: &[(&'static str, &'static str)]) -> Lineage {
        let commits: BTreeSet<&str> = links.iter().flat_map(|(child, parent)| [*child, *parent]).collect();
        Lineage::new(commits, links.iter().copied())
    }

    #[test]
    fn a_merge_descends_from_both_sides_and_neither_side_from_the_other() {
        let merge = line(&[("b", "a"), ("c", "a"), ("m", "b"), ("m", "c")]);
        assert!(merge.descends("m", "a") && merge.descends("m", "b") && merge.descends("m", "c"));
        assert!(!merge.descends("b", "c") && !merge.descends("a", "m"));
        assert!(merge.descends("b", "b"));
        assert_eq!(merge.roots(), ["a"]);
        assert!(merge.cyclic().is_empty());
    }

    #[test]
    fn what_is_on_a_cycle_is_named_and_what_hangs_on_it_is_not() {
        let cycle = line(&[("b", "a"), ("c", "b"), ("b", "c"), ("d", "c")]);
        assert_eq!(cycle.cyclic().into_iter().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(line(&[("a", "a")]).cyclic().into_iter().collect::<Vec<_>>(), ["a"]);
        assert!(cycle.descends("d", "a"), "and walking ends");
    }

    #[test]
    fn a_parent_that_is_not_there_is_no_link() {
        let broken = Lineage::new(["a", "b"], [("b", "gone"), ("gone", "a")]);
        assert!(broken.is_flat());
        assert_eq!(broken.roots(), ["a", "b"]);
    }

    #[test]
    fn a_long_history_is_walked_without_recursion() {
        let names: Vec<String> = (0..20_000).map(|number| format!("{number:06}")).collect();
        let links: Vec<(&str, &str)> =
            names.iter().zip(names.iter().skip(1)).map(|(parent, child)| (child.as_str(), parent.as_str())).collect();
        let long = Lineage::new(names.iter().map(String::as_str), links);
        assert!(long.descends("019999", "000000"));
        assert!(long.cyclic().is_empty());
    }
}
