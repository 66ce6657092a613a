//! Backups that pgBackRest or Barman makes: what those programs say of them, by commands that the operator named and that only read.

use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Error, RemoteError, commands};
use serde::Deserialize;

use super::BarmanServer;

/// A stanza of `pgbackrest info --output=json`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Stanza {
    pub(crate) name: String,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) backup: Vec<RepositoryBackup>,
    #[serde(default)]
    pub(crate) repo: Vec<Repository>,
    /// The clusters that the stanza was of: `stanza-upgrade` adds one, and the backups of those before stay.
    #[serde(default)]
    pub(crate) db: Vec<InRepository>,
}

impl Stanza {
    /// Whether a backup is in this repository and of the cluster that the stanza is of now.
    pub(crate) fn has(&self, repository: u32, backup: &RepositoryBackup) -> bool {
        let Some(place) = backup.database else { return true };
        let ids = self.db.iter().filter(|db| db.repo_key == repository).filter_map(|db| db.id);
        place.repo_key == repository && (place.id.is_none() || ids.max().is_none_or(|newest| place.id == Some(newest)))
    }
}

/// A repository of a stanza.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Repository {
    pub(crate) key: u32,
    pub(crate) status: Status,
}

/// 0 is well.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) code: u32,
    #[serde(default)]
    pub(crate) message: String,
}

/// A backup in a repository.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RepositoryBackup {
    pub(crate) label: String,
    /// `full`, `diff`, `incr`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Whether pages with wrong checksums were found.
    #[serde(default)]
    pub(crate) error: Option<bool>,
    pub(crate) timestamp: Times,
    #[serde(default)]
    pub(crate) database: Option<InRepository>,
}

/// Seconds since 1970.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Times {
    pub(crate) stop: i64,
}

/// A cluster in a repository.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct InRepository {
    /// Counts up with each `stanza-upgrade`.
    #[serde(default)]
    pub(crate) id: Option<u32>,
    #[serde(rename = "repo-key")]
    pub(crate) repo_key: u32,
}

/// A backup of `barman list-backups`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct BarmanBackup {
    pub(crate) backup_id: String,
    pub(crate) status: String,
    /// Seconds since 1970, as text in most versions; none while it is being made and where it failed.
    #[serde(default)]
    end_time_timestamp: Option<serde_json::Value>,
}

impl BarmanBackup {
    /// When it ended, in seconds since 1970.
    pub(crate) fn ended(&self) -> Option<i64> {
        match self.end_time_timestamp.as_ref()? {
            serde_json::Value::Number(number) => number.as_f64().map(|seconds| seconds as i64),
            serde_json::Value::String(text) => text.parse::<f64>().ok().map(|seconds| seconds as i64),
            _ => None,
        }
    }
}

/// One line of `barman check`.
#[derive(Clone, Debug)]
pub(crate) struct BarmanCheck {
    pub(crate) what: String,
    pub(crate) ok: bool,
    pub(crate) hint: String,
}

/// `pgbackrest info --output=json`.
pub(crate) fn pgbackrest() -> Answer<Vec<Stanza>> {
    json("pgbackrest-info", &[])
}

/// `barman -f json list-backups` and `check`, of these servers, or of all where none is named.
pub(crate) fn barman(servers: &[String]) -> Answer<Vec<BarmanServer>> {
    #[derive(Deserialize)]
    struct Line {
        status: String,
        #[serde(default)]
        hint: String,
    }
    let backups: BTreeMap<String, serde_json::Value> = json("barman-list", &[])?;
    // `check` has a status of 1 when a line is not well, and says the same on stdout.
    let checks: BTreeMap<String, BTreeMap<String, Line>> = json("barman-check", &[0, 1])?;
    let named = servers.iter().chain(backups.keys().filter(|_| servers.is_empty()));
    Ok(named
        .map(|name| BarmanServer {
            name: name.clone(),
            // Barman adds notes and errors of its own between the servers: what is no list of backups is none.
            backups: backups.get(name).cloned().and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default(),
            checks: checks
                .get(name)
                .into_iter()
                .flatten()
                .map(|(what, line)| BarmanCheck {
                    what: what.clone(),
                    ok: line.status == "OK",
                    hint: line.hint.clone(),
                })
                .collect(),
        })
        .filter(|server| !server.name.starts_with('_'))
        .collect())
}

/// Runs a named command and reads what it prints. A status other than 0 (or than those given) is its error, with the end of its stderr.
fn json<T: for<'a> Deserialize<'a>>(command: &str, statuses: &[i32]) -> Answer<T> {
    let output = commands::run(command, &[])?;
    let failed = |message: String| {
        let said = output.stderr.trim();
        Error::Remote(RemoteError {
            code: output.exit_status.to_string(),
            message: if said.is_empty() { message.clone() } else { format!("{message}: {said}") },
            detail: None,
            hint: Some(format!("run the command {command:?} of agent.toml by hand, as the agent's user")),
        })
    };
    if output.exit_status != 0 && !statuses.contains(&output.exit_status) {
        return Err(failed(format!("{command} ended with status {}", output.exit_status)));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| failed(format!("{command} printed no JSON that is understood: {error}")))
}
