//! Names of backups, `KIND-LABEL-STAMP`, as `FORMAT.md` has them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::moment;

/// What a backup is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// One database, schema and data.
    Full,
    /// One database, no data.
    Schema,
    /// Roles and tablespaces of the cluster.
    Globals,
    /// Physical, the whole cluster.
    Base,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Full, Self::Schema, Self::Globals, Self::Base];

    /// The first part of a name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Schema => "schema",
            Self::Globals => "globals",
            Self::Base => "base",
        }
    }

    /// Whether it is of one database.
    pub(crate) fn of_database(self) -> bool {
        matches!(self, Self::Full | Self::Schema)
    }
}

/// All backups of one kind of one database, or of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) kind: Kind,
    /// The database's name as it is in names of files; `cluster` for `globals` and `base`.
    pub(crate) label: String,
}

impl Series {
    /// The series of a database, or of the cluster for kinds that are of all of it.
    pub(crate) fn of(kind: Kind, database: &str) -> Self {
        Self { kind, label: if kind.of_database() { label(database) } else { "cluster".to_owned() } }
    }

    /// The database's real name; none for the cluster's kinds, and where a label is not one that the tool makes.
    pub(crate) fn database(&self) -> Option<String> {
        if self.kind.of_database() { unlabel(&self.label) } else { None }
    }

    /// As keys and people have it: `full:app`, `globals`.
    pub(crate) fn subject(&self) -> String {
        match self.database() {
            Some(database) => format!("{}:{database}", self.kind.word()),
            None if self.kind.of_database() => format!("{}:{}", self.kind.word(), self.label),
            None => self.kind.word().to_owned(),
        }
    }
}

/// A backup's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) series: Series,
    /// When it was begun, in microseconds, by the tool's clock.
    pub(crate) started: i64,
    text: String,
}

impl Name {
    /// Reads a name; none for what the tool cannot have made.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('-')?;
        let kind = Kind::ALL.into_iter().find(|one| one.word() == kind)?;
        let (label, stamp) = rest.rsplit_once('-')?;
        let fits = !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'='))
            && (kind.of_database() || label == "cluster");
        let started = moment::of_stamp(stamp)?;
        fits.then(|| Self { series: Series { kind, label: label.to_owned() }, started, text: text.to_owned() })
    }

    /// Splits an entry of the directory into a backup's name and the rest: `.json`, `.dump`, `.partial` or nothing.
    pub(crate) fn of_entry(entry: &str) -> Option<(Self, &str)> {
        let (name, rest) = entry.split_at(entry.find('.').unwrap_or(entry.len()));
        Some((Self::parse(name)?, rest))
    }

    /// The whole name.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// A database's name in names of files: every byte but letters, digits, `_` and `-` is `=XX`.
pub(crate) fn label(database: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    database
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("={byte:02X}") })
        .collect()
}

fn unlabel(label: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = label;
    while let Some(first) = rest.chars().next() {
        if first == '=' {
            bytes.push(u8::from_str_radix(rest.get(1..3)?, 16).ok()?);
            rest = rest.get(3..)?;
        } else {
            bytes.extend_from_slice(rest.get(..first.len_utf8())?.as_bytes());
            rest = rest.get(first.len_utf8()..)?;
        }
    }
    String::from_utf8(bytes).ok().filter(|name| self::label(name) == label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_any_name_has_a_label_that_leads_back() {
        for (database, expected) in
            [("Größe 1", "Gr=C3=B6=C3=9Fe=201"), ("my-app.x", "my-app=2Ex"), ("../etc", "=2E=2E=2Fetc")]
        {
            assert_eq!(label(database), expected);
            assert_eq!(unlabel(expected).as_deref(), Some(database));
        }
        assert_eq!((unlabel("a=2x"), unlabel("a=2e"), unlabel("a=FF"), unlabel("a=")), (None, None, None, None));
    }

    #[test]
    fn a_name_comes_back_from_its_entries() {
        let (name, rest) = Name::of_entry("full-my-app=2Ex-20261120T180802Z.proof.json").unwrap();
        assert_eq!((name.series.subject().as_str(), rest), ("full:my-app.x", ".proof.json"));
        assert_eq!(Name::of_entry("base-cluster-20261120T180802Z").unwrap().1, "");
        assert_eq!(Series::of(Kind::Globals, "app").subject(), "globals");
    }

    #[test]
    fn what_the_tool_cannot_have_made_has_no_name() {
        for entry in [
            "notes.txt",
            "full-app.dump",
            "full--20261120T180802Z",
            "fully-a-20261120T180802Z",
            "base-x-20261120T180802Z",
            "",
        ] {
            assert_eq!(Name::of_entry(entry), None, "{entry}");
        }
    }
}
