//! What the tool writes beside a backup: the manifest with its seal, the proof of a restore test, the record of a verification.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::name::Kind;

/// The number of the format that this plugin reads.
pub(crate) const FORMAT: u32 = 1;

/// `backup` in `NAME.json`, as far as it is judged.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) database: Option<String>,
    #[serde(default)]
    pub(crate) schemas: Vec<String>,
    pub(crate) started_us: i64,
    pub(crate) finished_us: i64,
    pub(crate) duration_ms: i64,
    pub(crate) data_until_us: i64,
    pub(crate) payload: String,
    pub(crate) bytes: u64,
    /// Of the database, or of all, when it was taken.
    #[serde(default)]
    pub(crate) database_bytes: Option<u64>,
    pub(crate) content: Content,
    pub(crate) server: Server,
    pub(crate) lsn: Option<String>,
    #[serde(default)]
    pub(crate) summary: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) caveats: Vec<Caveat>,
    #[serde(default)]
    pub(crate) caveats_left_out: u64,
}

/// `NAME.content.json` as the manifest knows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Content {
    pub(crate) bytes: u64,
}

/// The server that was backed up.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Server {
    pub(crate) system_identifier: Option<String>,
    pub(crate) timeline: Option<u32>,
}

/// Something that a backup cannot vouch for.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Caveat {
    pub(crate) code: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
}

/// `NAME.proof.json`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Proof {
    /// None: the manifest could not be read.
    pub(crate) manifest_sha256: Option<String>,
    pub(crate) passed: bool,
    pub(crate) proved_us: i64,
    /// None, as `age_s`: nothing was restored, for it was not whole.
    pub(crate) restore_ms: Option<i64>,
    pub(crate) age_s: Option<f64>,
    #[serde(default)]
    pub(crate) failures: Vec<String>,
}

/// `NAME.verified.json`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Verified {
    pub(crate) manifest_sha256: Option<String>,
    pub(crate) verified_us: i64,
    pub(crate) whole: bool,
    #[serde(default)]
    pub(crate) problems: Vec<String>,
}

/// Why a manifest is none that can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is damaged; what is wrong with it.
    Damaged(String),
    /// It is of another format: of a newer tool, not damage.
    Format(u32),
}

/// A manifest, and the seal that tells it from every other.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) manifest: Manifest,
    pub(crate) seal: String,
}

/// Reads `NAME.json`; the error says what is wrong with it.
pub(crate) fn unseal(bytes: &[u8]) -> Result<Sealed, Wrong> {
    let damaged = |what: &str| Wrong::Damaged(what.to_owned());
    if bytes.is_empty() {
        return Err(damaged("the manifest is empty"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("the manifest is no text"))?;
    let rest = text.strip_prefix("{\"sha256\": \"").and_then(|rest| rest.split_once("\", \"backup\": "));
    let (seal, rest) = rest.ok_or_else(|| damaged("the manifest does not begin as one"))?;
    let body = rest.strip_suffix("}\n").ok_or_else(|| damaged("the manifest is truncated"))?;
    let actual: String = Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    if actual != seal {
        return Err(damaged("the manifest's seal does not hold: it was changed or is truncated"));
    }
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let understood = |error: serde_json::Error| Wrong::Damaged(format!("the manifest cannot be understood: {error}"));
    let known: Format = serde_json::from_str(body).map_err(understood)?;
    if known.format != FORMAT {
        return Err(Wrong::Format(known.format));
    }
    Ok(Sealed { manifest: serde_json::from_str(body).map_err(understood)?, seal: seal.to_owned() })
}

/// Reads a proof or a record of a verification; the error says what is wrong with it.
pub(crate) fn record<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(bytes)
        .map_err(|error| if bytes.is_empty() { "it is empty".to_owned() } else { error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"format": 1, "name": "globals-cluster-20261120T180802Z", "kind": "globals", "database": null,
        "started_us": 1, "finished_us": 2, "duration_ms": 1, "data_until_us": 1, "payload": "globals-cluster-20261120T180802Z.sql",
        "bytes": 5, "content": {"bytes": 3, "sha256": ""}, "server": {"major": 15, "system_identifier": null, "timeline": null}, "lsn": null}"#;

    fn seal(body: &str) -> String {
        let digest: String = Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{{\"sha256\": \"{digest}\", \"backup\": {body}}}\n")
    }

    #[test]
    fn a_sealed_manifest_is_read_and_any_changed_byte_is_seen() {
        let text = seal(BODY);
        assert_eq!(unseal(text.as_bytes()).unwrap().manifest.bytes, 5);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            assert!(unseal(&bytes).is_err(), "byte {at}");
            assert!(unseal(&text.as_bytes()[..at]).is_err(), "the first {at} bytes");
        }
    }

    #[test]
    fn another_format_is_not_judged_and_said() {
        let newer = unseal(seal(&BODY.replacen("\"format\": 1", "\"format\": 2", 1)).as_bytes());
        assert_eq!(newer.unwrap_err(), Wrong::Format(2));
        assert_eq!(unseal(b"").unwrap_err(), Wrong::Damaged("the manifest is empty".to_owned()));
    }
}
