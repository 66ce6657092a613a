//! What a run leaves for the next: the counters of each database and of the tables that read most. It is void for another
//! server, after a restart and after a promotion.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rows::{Base, Table};
use super::seen::Seen;
use crate::settings::Settings;
use crate::window::{Counts, Verdict, Window};

/// What is remembered of one scope.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    life: Option<LifeOf>,
    /// By OID: a name can be another database's by now.
    databases: BTreeMap<i64, BaseMemory>,
    /// Counters of tables, when their database's window opened.
    tables: BTreeMap<i64, (i64, i64)>,
    /// Whether those were all the tables that had read anything.
    complete: bool,
    /// What the last window that was judged showed of them, most blocks read first.
    pub(crate) top: Option<Vec<TableReads>>,
    /// Of this run, by database.
    #[serde(skip)]
    pub(crate) verdicts: BTreeMap<String, Verdict>,
    /// What ended all sessions since the last run, if anything did.
    #[serde(skip)]
    pub(crate) ended: Option<&'static str>,
}

/// What has to be the same for counters to be comparable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LifeOf {
    system_identifier: u64,
    started: i64,
    #[serde(default)]
    kept_since: Option<i64>,
    standby: bool,
    database: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct BaseMemory {
    reset: Option<i64>,
    window: Window,
}

/// What a table read in a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableReads {
    /// Schema and name.
    pub(crate) name: String,
    pub(crate) hits: i64,
    pub(crate) reads: i64,
}

impl Memory {
    /// What to remember after this run, with what it can say.
    pub(crate) fn advance(before: Option<Self>, seen: &Seen, settings: &Settings) -> Self {
        let life = LifeOf {
            system_identifier: seen.server.system_identifier,
            started: seen.life.started,
            kept_since: seen.life.kept_since,
            standby: seen.life.standby,
            database: seen.server.database.clone(),
        };
        let incomparable = before.as_ref().map_or(Some("this is the first run"), |before| before.incomparable(&life));
        let ended = match incomparable {
            Some(RESTARTED) => Some("restarted"),
            Some(CRASHED) => Some("a session crashed"),
            _ => None,
        };
        let before = before.unwrap_or_default();
        let mut memory =
            Self { life: Some(life), ended, databases: BTreeMap::new(), verdicts: BTreeMap::new(), ..before };
        if incomparable.is_some() {
            (memory.tables, memory.top, memory.complete) = (BTreeMap::new(), None, false);
        }
        let Ok(databases) = &seen.databases else {
            if incomparable.is_none() {
                memory.databases = before.databases;
            }
            return memory;
        };
        for base in databases {
            let known = before.databases.get(&base.oid);
            let comparable = match (incomparable, known) {
                (Some(why), _) => Err(why),
                (None, None) => Err("this database is seen for the first time"),
                (None, Some(known)) if known.reset != base.stats_reset => {
                    Err("its statistics were reset since the last run")
                }
                (None, Some(known)) => Ok(&known.window),
            };
            let (window, verdict) =
                Window::advance(comparable, counts(base, seen.life.at), settings.buffer_least_blocks);
            memory.databases.insert(base.oid, BaseMemory { reset: base.stats_reset, window });
            memory.verdicts.insert(base.datname.clone(), verdict);
        }
        memory
    }

    fn incomparable(&self, now: &LifeOf) -> Option<&'static str> {
        let Some(before) = &self.life else { return Some("this is the first run") };
        if before.system_identifier != now.system_identifier || before.database != now.database {
            Some("the scope leads to another server or database than at the last run")
        } else if before.standby != now.standby {
            Some(if now.standby { "the server is a standby since the last run" } else { "promoted since the last run" })
        } else if before.started != now.started {
            Some(RESTARTED)
        } else if before.kept_since != now.kept_since {
            Some(CRASHED)
        } else {
            None
        }
    }

    /// Whether the window of the scope's own database opens or closes in this run.
    pub(crate) fn wants_tables(&self, seen: &Seen) -> bool {
        matches!(self.verdicts.get(&seen.server.database), Some(Verdict::Told(_) | Verdict::NoBaseline(_)))
    }

    /// The tables' baseline moves with their database's window.
    pub(crate) fn take_tables(&mut self, seen: &Seen) {
        let Some(Ok(tables)) = &seen.tables else { return };
        match self.verdicts.get(&seen.server.database) {
            Some(Verdict::Told(_)) => self.top = Some(self.reads(tables)),
            Some(Verdict::NoBaseline(_)) => self.top = None,
            _ => return,
        }
        self.tables = tables.iter().map(|table| (table.id, (table.hits, table.reads))).collect();
        self.complete = tables.len() < 200;
    }

    fn reads(&self, tables: &[Table]) -> Vec<TableReads> {
        let since = |table: &Table| {
            let (hits, reads) = match self.tables.get(&table.id) {
                // Reset alone, by pg_stat_reset_single_table_counters(): what it has is what came since.
                Some((hits, reads)) if table.hits < *hits || table.reads < *reads => (0, 0),
                Some(known) => *known,
                None if self.complete => (0, 0),
                // It may have read all of it long ago.
                None => return None,
            };
            let name = format!("{}.{}", table.schemaname, table.relname);
            Some(TableReads { name, hits: table.hits - hits, reads: table.reads - reads })
        };
        let mut reads: Vec<TableReads> = tables.iter().filter_map(since).filter(|table| table.reads > 0).collect();
        reads.sort_by(|one, other| other.reads.cmp(&one.reads).then_with(|| one.name.cmp(&other.name)));
        reads.truncate(50);
        reads
    }
}

const CRASHED: &str =
    "a session crashed since the last run, and took the cache and all statistics with it (or they were reset)";
const RESTARTED: &str = "the server was restarted since the last run, and its cache began empty";

fn counts(base: &Base, at: i64) -> Counts {
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    Counts { at, hits: number(base.blks_hit), misses: number(base.blks_read) }
}
