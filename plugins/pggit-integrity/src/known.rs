//! What the installs that work consist of: names, and the beginnings of the md5 of functions' bodies. Measured on
//! PostgreSQL 15, the same on 17 and 18; `known.txt` has a line for each part, headed by the letters of [`RELEASES`] that have
//! it; an index is followed by its table, and a table's columns by their names and types.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::install::Kind;

/// Installs by letter. Releases that are not named here install the same as one that is.
pub(crate) const RELEASES: [(char, &str); 11] = [
    ('a', "sql/install.sql of v0.2.1"),
    ('b', "pggit--0.1.3.sql of v0.2.1"),
    ('c', "pggit--1.0.0.sql of v0.2.1"),
    ('x', "extension of v0.1.3"),
    ('d', "sql/install.sql of v0.1.3"),
    ('e', "sql/install.sql of v0.1.4"),
    ('f', "pggit--0.1.3.sql of v0.1.4 to v0.5.0"),
    ('g', "sql/install.sql of v0.2.0"),
    ('h', "sql/install.sql of v0.3.0"),
    ('i', "sql/install.sql of v0.4.0 to v0.5.0"),
    ('j', "sql/install.sql of v0.5.1"),
];

/// An install is taken for one of a release if either has no more than one in so many of its tables and functions alone.
const ALONE: usize = 5;

/// A part of an install, as it is found.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Object {
    /// `table`, `columns`, `view`, `sequence`, `index`, `check`, `trigger` or `function`.
    pub(crate) kind: String,
    pub(crate) name: String,
    /// As in `sql/structure_objects.sql`.
    pub(crate) fingerprint: String,
}

/// The parts of one release.
pub(crate) struct Release {
    /// As in [`RELEASES`].
    pub(crate) name: &'static str,
    /// By kind and name, with their fingerprints.
    pub(crate) parts: BTreeMap<(&'static str, &'static str), &'static str>,
}

impl Release {
    /// The release that an install is most likely of, if it is near to one that is known.
    pub(crate) fn of(kind: Kind, objects: &[Object]) -> Option<Self> {
        if [Kind::None, Kind::Partial, Kind::V0Alone, Kind::Remains].contains(&kind) {
            return None;
        }
        let here: BTreeMap<(&str, &str), &str> = objects
            .iter()
            .map(|object| ((object.kind.as_str(), object.name.as_str()), object.fingerprint.as_str()))
            .filter(|(part, _)| telling(part))
            .collect();
        let releases = RELEASES.iter().map(|(letter, name)| Self::read(*letter, name));
        let near = releases.filter_map(|release| Some((release.distance(&here)?, release)));
        near.min_by_key(|(distance, _)| *distance).map(|(_, release)| release)
    }

    /// How many tables and functions are on one side alone, and then how many bodies differ; none if it is too far away.
    fn distance(&self, here: &BTreeMap<(&str, &str), &str>) -> Option<(usize, usize)> {
        let wanted: BTreeSet<&(&str, &str)> = self.parts.keys().filter(|part| telling(part)).collect();
        let lacking = wanted.iter().filter(|part| !here.contains_key(**part)).count();
        let more = here.keys().filter(|part| !wanted.contains(part)).count();
        let changed =
            here.iter().filter(|(part, print)| self.parts.get(*part).is_some_and(|known| known != *print)).count();
        (lacking * ALONE <= wanted.len() && more * ALONE <= here.len()).then_some((lacking + more, changed))
    }

    fn read(letter: char, name: &'static str) -> Self {
        let mut parts = BTreeMap::new();
        for line in include_str!("known.txt").lines() {
            let Some((letters, part)) = line.split_once(' ') else { continue };
            let Some((kind, rest)) = part.split_once(' ') else { continue };
            let (part, fingerprint) = match kind {
                "function" | "index" => rest.rsplit_once(' ').unwrap_or((rest, "")),
                // The columns follow the table, and their types have blanks.
                "columns" => rest.split_once(' ').unwrap_or((rest, "")),
                _ => (rest, ""),
            };
            if letters.contains(letter) {
                parts.insert((kind, part), fingerprint);
            }
        }
        Self { name, parts }
    }
}

fn telling((kind, _): &(&str, &str)) -> bool {
    ["table", "function"].contains(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects_of(letter: char) -> Vec<Object> {
        let parts = Release::read(letter, "").parts.into_iter();
        parts
            .map(|((kind, name), fingerprint)| Object {
                kind: kind.into(),
                name: name.into(),
                fingerprint: fingerprint.into(),
            })
            .collect()
    }

    #[test]
    fn each_release_is_recognised_whole_and_with_parts_gone_or_added() {
        for (letter, name) in RELEASES {
            let mut objects = objects_of(letter);
            assert!(objects.len() > 300, "{name}");
            assert_eq!(Release::of(Kind::Script, &objects).unwrap().name, name);
            objects.retain(|object| {
                !["pggit.commits", "pggit.dependencies", "pggit.blobs"].contains(&object.name.as_str())
            });
            objects.push(Object { kind: "table".into(), name: "pggit.mine".into(), fingerprint: String::new() });
            assert_eq!(Release::of(Kind::Script, &objects).unwrap().name, name);
        }
    }

    #[test]
    fn half_an_install_is_of_no_release() {
        let objects = objects_of('a');
        let quarter: Vec<Object> = objects.iter().step_by(4).cloned().collect();
        assert!(Release::of(Kind::Script, &quarter).is_none());
        assert!(Release::of(Kind::Script, &[]).is_none());
        assert!(Release::of(Kind::Partial, &objects).is_none());
    }
}
