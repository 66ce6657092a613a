//! Names of backups, `KIND-LABEL-STAMP`, and of what stands beside them.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// What a backup is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
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
    const ALL: [Self; 4] = [Self::Full, Self::Schema, Self::Globals, Self::Base];

    /// The first part of a name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Schema => "schema",
            Self::Globals => "globals",
            Self::Base => "base",
        }
    }

    /// Whether it is of one database, restored by pg_restore.
    pub(crate) fn is_dump(self) -> bool {
        matches!(self, Self::Full | Self::Schema)
    }
}

/// A backup's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    text: String,
    kind: Kind,
}

impl Name {
    /// The name of a backup that starts now; `database` for dumps.
    pub(crate) fn new(kind: Kind, database: Option<&str>, started: Moment) -> Self {
        let label = database.map_or_else(|| "cluster".to_owned(), label);
        Self { text: format!("{}-{label}-{}", kind.word(), started.stamp()), kind }
    }

    /// Reads a name; `None` for anything that no tool of ours can have made.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('-')?;
        let kind = Kind::ALL.into_iter().find(|one| one.word() == kind)?;
        let (label, stamp) = rest.rsplit_once('-')?;
        let of_label = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'=');
        let label_fits = !label.is_empty() && label.bytes().all(of_label);
        (label_fits && is_stamp(stamp)).then(|| Self { text: text.to_owned(), kind })
    }

    /// Splits an entry of the directory into the backup's name and the rest, such as `.json`, `.dump`, `` or `.partial`.
    pub(crate) fn of_entry(entry: &str) -> Option<(Self, &str)> {
        let end = entry.find('.').unwrap_or(entry.len());
        let (name, rest) = entry.split_at(end);
        Some((Self::parse(name)?, rest))
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Kind and label: all backups of one kind of one database share it.
    pub(crate) fn series(&self) -> &str {
        self.text.rsplit_once('-').map_or(&self.text, |(series, _)| series)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The entry with this ending: `name.entry("json")` is the manifest.
    pub(crate) fn entry(&self, ending: &str) -> String {
        format!("{}.{ending}", self.text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// A database's name as part of a file name: letters, digits, `_` and `-` stay, every other byte becomes `=XX`.
pub(crate) fn label(database: &str) -> String {
    let mut text = String::new();
    for byte in database.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("={byte:02X}"));
        }
    }
    text
}

/// `20261120T180802Z`.
fn is_stamp(text: &str) -> bool {
    text.len() == 16
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::{Kind, Name, label};
    use crate::moment::Moment;

    #[test]
    fn a_database_of_any_name_has_a_label_that_is_a_file_name() {
        assert_eq!(label("Größe 1"), "Gr=C3=B6=C3=9Fe=201");
        assert_eq!(label("../etc"), "=2E=2E=2Fetc");
        assert!(label(&"ö".repeat(31)).len() < 200);
    }

    #[test]
    fn a_name_comes_back_from_its_entries() {
        let name = Name::new(Kind::Full, Some("my-app.x"), Moment::parse("2026-11-20T18:08:02Z").unwrap());
        assert_eq!(name.as_str(), "full-my-app=2Ex-20261120T180802Z");
        assert_eq!(Name::of_entry(&name.entry("proof.json")), Some((name.clone(), ".proof.json")));
        assert_eq!(Name::of_entry(name.as_str()), Some((name.clone(), "")));
        assert_eq!(name.series(), "full-my-app=2Ex");
    }

    #[test]
    fn what_is_not_ours_has_no_name() {
        for entry in [
            "notes.txt",
            "full-app.dump",
            "full--20261120T180802Z",
            "fully-app-20261120T180802Z",
            "base-x-20261120T18080Z",
            "",
        ] {
            assert_eq!(Name::of_entry(entry), None, "{entry}");
        }
    }
}
