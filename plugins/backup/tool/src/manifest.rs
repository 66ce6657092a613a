//! The manifest and the content of a backup, as `FORMAT.md` has them, and the seal around the manifest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::answer::{Failure, Kind as Why};
use crate::directory::{Directory, unjudged};
use crate::name::{Kind, Name};

/// The number of the format that this tool writes and reads.
pub(crate) const FORMAT: u32 = 1;
const BEFORE: &str = "{\"sha256\": \"";
const BETWEEN: &str = "\", \"backup\": ";
const AFTER: &str = "}\n";
/// More caveats than this are counted, not listed.
const MOST_CAVEATS: usize = 100;
/// Characters of a caveat's subject and detail each: with all of them a manifest stays below the 64 KiB that readers expect.
const LONGEST_CAVEAT: usize = 250;

/// `backup` in `NAME.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) method: String,
    pub(crate) database: Option<String>,
    pub(crate) schemas: Vec<String>,
    pub(crate) started: String,
    pub(crate) started_us: i64,
    pub(crate) finished: String,
    pub(crate) finished_us: i64,
    pub(crate) duration_ms: i64,
    pub(crate) data_until: String,
    pub(crate) data_until_us: i64,
    pub(crate) payload: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: Option<String>,
    pub(crate) content: Digested,
    pub(crate) estimated_bytes: u64,
    pub(crate) database_bytes: u64,
    pub(crate) server: ServerFacts,
    pub(crate) client: Client,
    pub(crate) tool: String,
    pub(crate) lsn: Option<String>,
    pub(crate) start_lsn: Option<String>,
    pub(crate) start_segment: Option<String>,
    pub(crate) summary: BTreeMap<String, u64>,
    pub(crate) caveats: Vec<Caveat>,
    pub(crate) caveats_left_out: usize,
}

/// Size and SHA-256 of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digested {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// The server that a backup was taken from, or restored to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ServerFacts {
    pub(crate) version: String,
    pub(crate) version_num: u32,
    pub(crate) major: u32,
    pub(crate) system_identifier: Option<String>,
    pub(crate) role: String,
    pub(crate) timeline: Option<u32>,
}

/// The program that took it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Client {
    pub(crate) program: String,
    pub(crate) major: u32,
}

/// Something that the backup cannot vouch for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Caveat {
    pub(crate) code: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
}

impl Caveat {
    pub(crate) fn new(code: &str, subject: &str, detail: impl Into<String>) -> Self {
        let shortened = |text: &str| match text.char_indices().nth(LONGEST_CAVEAT) {
            None => text.to_owned(),
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        };
        Self { code: code.to_owned(), subject: shortened(subject), detail: shortened(&detail.into()) }
    }
}

/// `NAME.content.json`. What does not apply to a kind is empty or absent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Content {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<FileEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) database: Option<DatabaseShape>,
    pub(crate) schemas: Vec<String>,
    pub(crate) tables: Vec<Table>,
    pub(crate) objects: BTreeMap<String, u64>,
    pub(crate) event_triggers: Vec<EventTrigger>,
    pub(crate) extensions: Vec<Extension>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) large_objects: Option<LargeObjects>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) databases: Vec<DatabaseSize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tablespaces: Vec<Tablespace>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) globals: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) superuser: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) settings: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wal_segment_bytes: Option<u64>,
}

/// A file of a payload directory; `path` is below the backup directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// What a new database needs to take the restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatabaseShape {
    pub(crate) encoding: String,
    pub(crate) collate: String,
    pub(crate) ctype: String,
    pub(crate) provider: String,
    pub(crate) locale: Option<String>,
    pub(crate) icu_rules: Option<String>,
}

/// A table and the bounds of its rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) rows_min: Option<u64>,
    pub(crate) rows_max: Option<u64>,
}

/// An event trigger; `enabled` as in `pg_event_trigger.evtenabled`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct EventTrigger {
    pub(crate) name: String,
    pub(crate) enabled: String,
}

/// An extension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Extension {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) schema: String,
}

/// Large objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LargeObjects {
    pub(crate) count: u64,
    pub(crate) bytes: Option<u64>,
}

/// A database of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatabaseSize {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// A tablespace that is not in the data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tablespace {
    pub(crate) oid: u32,
    pub(crate) name: String,
    pub(crate) location: String,
}

/// A manifest that was read, with its seal.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) manifest: Manifest,
    /// The seal, which identifies this very manifest.
    pub(crate) sha256: String,
}

/// Why a manifest could not be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is damaged.
    Damaged(String),
    /// It is not for this tool, or this user, or not at this moment, to judge.
    Unjudged(Failure),
}

impl Unread {
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Damaged(why) => why,
            Self::Unjudged(failure) => &failure.message,
        }
    }
}

impl Manifest {
    /// Puts the caveats in, as many as have room.
    pub(crate) fn set_caveats(&mut self, mut caveats: Vec<Caveat>) {
        self.caveats_left_out = caveats.len().saturating_sub(MOST_CAVEATS);
        caveats.truncate(MOST_CAVEATS);
        self.caveats = caveats;
    }
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of `NAME.json`.
pub(crate) fn seal(manifest: &Manifest) -> Result<String, String> {
    let body = serde_json::to_string_pretty(manifest).map_err(|why| format!("cannot write the manifest: {why}"))?;
    Ok(format!("{BEFORE}{}{BETWEEN}{body}{AFTER}", digest(body.as_bytes())))
}

/// Seal and body of `NAME.json`; the error says what is wrong with it. That much is the same in every format.
fn unseal(text: &str) -> Result<(&str, &str), &'static str> {
    let rest = text.strip_prefix(BEFORE).and_then(|rest| rest.split_once(BETWEEN));
    let (sha256, rest) = rest.ok_or("it does not begin as a manifest does")?;
    let body = rest.strip_suffix(AFTER).ok_or("it does not end as a manifest does: it is truncated")?;
    if digest(body.as_bytes()) != sha256 {
        return Err("its seal does not hold: somebody or something changed it");
    }
    Ok((sha256, body))
}

/// The format of a manifest whatever else it holds; `None` if that cannot be told.
fn format(body: &str) -> Option<u32> {
    #[derive(Deserialize)]
    struct Inner {
        format: u32,
    }
    serde_json::from_str(body).ok().map(|inner: Inner| inner.format)
}

/// Reads the manifest of a backup.
pub(crate) fn read(directory: &Directory, name: &Name) -> Result<Sealed, Unread> {
    let entry = name.entry("json");
    let damaged = |why: String| Unread::Damaged(format!("{entry} is damaged: {why}"));
    let text = directory.read(&entry).map_err(|why| {
        let said = format!("{entry} cannot be read: {why}");
        match unjudged(&why) {
            Some(kind) => Unread::Unjudged(Failure::new(kind, said)),
            None => Unread::Damaged(said),
        }
    })?;
    let text = String::from_utf8(text).map_err(|_| damaged("it is no text".to_owned()))?;
    let (sha256, body) = unseal(&text).map_err(|why| damaged(why.to_owned()))?;
    if let Some(other) = format(body).filter(|format| *format != FORMAT) {
        let why =
            format!("{entry} has format {other}, which another version of this tool wrote; this one knows {FORMAT}");
        return Err(Unread::Unjudged(Failure::new(Why::Refused, why)));
    }
    let manifest = serde_json::from_str(body).map_err(|why| damaged(format!("it cannot be understood: {why}")))?;
    let sealed = Sealed { manifest, sha256: sha256.to_owned() };
    let payload = &sealed.manifest.payload;
    if sealed.manifest.name != name.as_str() || sealed.manifest.kind != name.kind() {
        Err(Unread::Damaged(format!("{entry} is the manifest of another backup, {}", sealed.manifest.name)))
    } else if ![name.to_string(), name.entry("dump"), name.entry("sql")].contains(payload) {
        Err(damaged(format!("{payload} is no payload of it")))
    } else {
        Ok(sealed)
    }
}
