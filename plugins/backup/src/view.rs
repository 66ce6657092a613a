//! What every check is given: the series of backups with what each backup is worth, and the words for people.

use std::collections::BTreeSet;

pub(crate) use pgreeve_sdk::level;
use pgreeve_sdk::{Bytes, Error, Finding, Metric, Proposal, Reason, Report, Run, Seconds, Status, finding, metric};

use crate::memory::Failed;
use crate::moment::SECOND;
use crate::name::{Kind, Name, Series};
use crate::observe::{Observed, Place, Seen};
use crate::sealed::Sealed;
use crate::settings::Settings;
use crate::shelf::{Backup, Shelf, Worth};

/// What the tool refused, it would refuse again: it is proposed again after so long. Seconds.
const REFUSED: f64 = 86_400.0;

/// One run as the checks see it.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) settings: &'a Settings,
    /// Microseconds since 1970.
    pub(crate) now: i64,
    pub(crate) observed: &'a Observed,
    /// The directory of the backups, where it could be looked into.
    pub(crate) place: Option<(&'a Place, &'a Shelf)>,
    /// The system identifier of the cluster that is backed up, told now or remembered.
    pub(crate) cluster: Option<u64>,
    /// Every series that is there.
    pub(crate) rows: Vec<Row<'a>>,
}

/// A series of backups and what each is worth, newest first.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) series: Series,
    pub(crate) backups: Vec<(&'a Backup, Worth<'a>)>,
}

impl<'a> Row<'a> {
    /// The good ones, newest first. A dump of single schemas is no backup of its database.
    pub(crate) fn good(&self) -> impl Iterator<Item = (&'a Backup, &'a Sealed)> + '_ {
        self.backups.iter().filter_map(|(backup, worth)| match worth {
            Worth::Good(sealed) if sealed.manifest.schemas.is_empty() => Some((*backup, *sealed)),
            _ => None,
        })
    }

    /// The newest good one.
    pub(crate) fn newest(&self) -> Option<(&'a Backup, &'a Sealed)> {
        self.good().max_by_key(|(_, sealed)| sealed.manifest.finished_us)
    }
}

impl<'a> View<'a> {
    /// Sorts what was observed.
    pub(crate) fn new(run: &'a Run<Settings>, observed: &'a Observed) -> Self {
        let now = run.now();
        let place = observed.directory.as_ref().and_then(|place| Some((place, place.shelf.as_ref().ok()?)));
        let seen = observed.server.as_ref().and_then(|(_, seen)| seen.as_ref().ok());
        // A server that does not answer is still the one that it was.
        let told = seen.map(|seen| seen.server.system_identifier);
        let cluster = told.or(observed.memory.cluster.filter(|_| observed.server.is_some()));
        let rows = place.map_or_else(Vec::new, |(_, shelf)| {
            let series = shelf.series().into_iter();
            series
                .map(|(series, backups)| Row {
                    series: series.clone(),
                    backups: backups.into_iter().map(|backup| (backup, shelf.worth(backup, cluster, now))).collect(),
                })
                .collect()
        });
        Self { settings: &run.settings, now, observed, place, cluster, rows }
    }

    /// Whether a series may hold backups of several clusters, and nothing tells which are of this one.
    pub(crate) fn is_mixed(&self, row: &Row<'_>) -> bool {
        let of = |worth: &Worth<'_>| match worth {
            Worth::Good(sealed) | Worth::Future(sealed) | Worth::Damaged(_, Some(sealed)) => {
                sealed.manifest.server.system_identifier.clone()
            }
            _ => None,
        };
        let clusters: BTreeSet<String> = row.backups.iter().filter_map(|(_, worth)| of(worth)).collect();
        self.cluster.is_none() && clusters.len() > 1
    }

    /// Whether a series is of a database that the server has not, as far as it told its databases.
    pub(crate) fn is_gone(&self, series: &Series) -> bool {
        let (Some(database), Some(Ok(databases))) = (series.database(), self.seen().map(|seen| &seen.sizes)) else {
            return false;
        };
        !databases.iter().any(|there| there.name == database)
    }

    /// How long ago a database was first seen, in seconds, if it came after the others.
    pub(crate) fn is_new_for(&self, series: &Series) -> Option<f64> {
        let first = *self.observed.memory.databases.get(&series.database()?)?;
        (first > 0).then(|| self.age(first))
    }

    /// What the server showed, where it could be asked.
    pub(crate) fn seen(&self) -> Option<&'a Seen> {
        self.observed.server.as_ref().and_then(|(_, seen)| seen.as_ref().ok())
    }

    /// The databases that are backed up: those named, or those of the server; or why they are not known.
    pub(crate) fn databases(&self) -> Result<Vec<String>, Error> {
        if !self.settings.databases.is_empty() {
            return Ok(self.settings.databases.clone());
        }
        let there = match &self.observed.server {
            None => return Ok(self.of_the_directory()),
            Some((_, Err(error))) => return Err(error.clone()),
            Some((_, Ok(seen))) => seen.databases.as_ref().map_err(Clone::clone)?,
        };
        Ok(there
            .iter()
            .map(|database| database.name.clone())
            .filter(|name| !self.settings.exclude.contains(name))
            .collect())
    }

    /// The databases that backups are there of.
    fn of_the_directory(&self) -> Vec<String> {
        let names: BTreeSet<String> = self.rows.iter().filter_map(|row| row.series.database()).collect();
        names.into_iter().filter(|name| !self.settings.exclude.contains(name)).collect()
    }

    /// The series that there have to be of these kinds. Where the databases are not known, those that there are.
    pub(crate) fn wanted(&self, kinds: &[Kind]) -> Vec<Series> {
        let databases = self.databases().unwrap_or_else(|_| self.of_the_directory());
        let mut wanted = BTreeSet::new();
        for kind in kinds {
            if kind.of_database() {
                wanted.extend(databases.iter().map(|database| Series::of(*kind, database)));
            } else {
                wanted.insert(Series::of(*kind, ""));
            }
        }
        wanted.into_iter().collect()
    }

    /// A series, if any backup of it is there.
    pub(crate) fn row(&self, series: &Series) -> Option<&Row<'a>> {
        self.rows.iter().find(|row| row.series == *series)
    }

    /// Seconds since a moment, 0 for one to come.
    pub(crate) fn age(&self, at: i64) -> f64 {
        (self.now - at).max(0) as f64 / SECOND as f64
    }

    /// A refusal of the last day by which the next attempt for this series would be refused too.
    pub(crate) fn refused(&self, action: &str, series: &Series) -> Option<&'a Failed> {
        let about = |argument: Option<&str>| match argument.and_then(Name::parse) {
            Some(name) => name.series == *series,
            None => argument.map(str::to_owned) == series.database(),
        };
        let mut refusals = self.observed.memory.refusals(action);
        refusals.find(|(argument, failed)| about(*argument) && self.age(failed.at) < REFUSED).map(|(_, failed)| failed)
    }

    /// Whether the job is granted a command; without it nothing is proposed that needs it.
    pub(crate) fn can(&self, command: &str) -> bool {
        self.observed.commands.iter().any(|granted| granted == command)
    }

    /// What to say where the command is not granted.
    pub(crate) fn or_grant(&self, command: &str, advice: String) -> String {
        if self.can(command) {
            advice
        } else {
            format!(
                "{advice}; to have pgreeve do it, add [command.{command}] as in the reference agent.toml and grant it to this job"
            )
        }
    }
}

/// What the checks have to say.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Report);

impl Said {
    pub(crate) fn new() -> Self {
        Self(Report { findings: Vec::new(), metrics: Vec::new(), proposals: Vec::new() })
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        self.0.findings.push(finding);
    }

    pub(crate) fn propose(&mut self, proposal: Proposal) {
        self.0.proposals.push(proposal);
    }

    pub(crate) fn measure(&mut self, name: &str, value: f64, unit: &str, subject: &str) {
        let metric: Metric = metric(name, value, unit, &[("series", subject)]);
        self.0.metrics.push(metric);
    }
}

/// Healthy.
pub(crate) fn ok(check: &str, subject: &str, summary: impl Into<String>) -> Finding {
    finding(check, subject, Status::Ok, summary)
}

/// Nothing to judge from.
pub(crate) fn no_data(check: &str, subject: &str, summary: impl Into<String>) -> Finding {
    Finding::unknown(check, subject, Reason::NoData, summary)
}

/// Seconds for people.
pub(crate) fn time(seconds: f64) -> Seconds {
    Seconds(seconds)
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> Bytes {
    Bytes(bytes)
}

/// A count and its noun: `1 backup`, `3 backups`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
