//! The job's settings. One job may do one thing at its hour (take, verify, prove, expire) and another watch: see `docs/plugin-backup.md`.

use pgreeve_sdk::{Problem, Seconds};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::name::Kind;

const DAY: f64 = 86_400.0;

/// What a job of the plugin is for, and its thresholds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The `files` grant that holds the backups. Default: the first one granted that is not `wal_archive`.
    pub(crate) directory: Option<String>,
    /// The `files` grant that holds the archived WAL, one file per segment, perhaps compressed. Default: none, and continuity is not judged.
    pub(crate) wal_archive: Option<String>,
    /// Whether the server archives its WAL itself. Default true; false where pg_receivewal or Barman fetches it.
    pub(crate) archives_itself: bool,
    /// Databases that are backed up. Default: all of the server that take connections and are no templates.
    pub(crate) databases: Vec<String>,
    /// Databases that are not, although they are there. Default: none.
    pub(crate) exclude: Vec<String>,
    /// Kinds of backup whose age and size are watched. Default ["full", "globals"]: a dump has no roles, so both belong together.
    pub(crate) expect: Vec<Kind>,
    /// Whether the job watches. Default: it does, if it does nothing else of the next five.
    pub(crate) watch: Option<bool>,
    /// Kinds that this job proposes to take when they are due. Default: none.
    pub(crate) take: Vec<Kind>,
    /// Whether this job proposes to read backups again and compare their checksums, when `verify_every` is over. Default false.
    pub(crate) verify: bool,
    /// Kinds whose newest backup this job proposes to restore as a test, when `prove_every` is over. Default: none.
    pub(crate) prove: Vec<Kind>,
    /// Whether this job proposes to remove what is beyond retention, and what was left over. Default false.
    pub(crate) expire: bool,
    /// Whether this job proposes to bring the newest backups to `copies`, when they are not there. Default false.
    pub(crate) upload: bool,
    /// The `objects` grant that holds copies of the backups. Default: none, and copies are not judged.
    pub(crate) copies: Option<String>,
    /// How much later than a backup its copy may be there, beyond the kind's `warning` and `critical`. Default "4h".
    pub(crate) copy_late: Seconds,
    /// Of full dumps. Defaults: every "1d", keep "30d", keep_count 7.
    pub(crate) full: Promise,
    /// Of dumps of the schema. Defaults: every "7d", keep "180d", keep_count 4.
    pub(crate) schema: Promise,
    /// Of dumps of roles and tablespaces. Defaults: every "1d", keep "30d", keep_count 7.
    pub(crate) globals: Promise,
    /// Of base backups. Defaults: every "7d", keep "30d", keep_count 2.
    pub(crate) base: Promise,
    /// Share of the median size of the backups before below which the newest is too small. Default 0.5.
    pub(crate) size_drop: f64,
    /// Multiple of that median above which the newest is too large. Default 3.
    pub(crate) size_jump: f64,
    /// Caveats of backups that are known and accepted: `code`, or `code:subject`. Default: none.
    pub(crate) accept_caveats: Vec<String>,
    /// Names in the directory that are no backups and may be there. Default ["lost+found"].
    pub(crate) allow: Vec<String>,
    /// How often the checksums of each stored backup are to be looked at again. Default "7d"; half as long again is a warning.
    pub(crate) verify_every: Seconds,
    /// How often a restore is to be tested. Default "7d": Monday 04:00.
    pub(crate) prove_every: Seconds,
    /// Age of the last passed restore test from which on it is a warning. Default "8d".
    pub(crate) proof_warning: Seconds,
    /// Age of the last passed restore test from which on it is critical. Default "15d": two were missed.
    pub(crate) proof_critical: Seconds,
    /// How long a restore may take (RTO), by the last restore test. Default: none is promised.
    pub(crate) rto: Option<Seconds>,
    /// How much WAL may be lost (RPO), in time, where WAL is archived. Default "15m".
    pub(crate) rpo: Seconds,
    /// How old the newest restored change of a restore test may have been (RPO of dumps). Default: none is promised.
    pub(crate) dump_rpo: Option<Seconds>,
    /// How long something that is no whole backup may lie there unchanged before it is taken for left over. Default "6h", at least "1h".
    pub(crate) leftover_after: Seconds,
    /// Whether backups on the file system of the data directory are accepted. Default false: a broken disk takes both.
    pub(crate) same_disk: bool,
    /// Where pgBackRest makes backups: its stanzas are judged. Default: none.
    pub(crate) pgbackrest: Option<Outside>,
    /// Where Barman makes backups: the servers it lists are judged. Default: none.
    pub(crate) barman: Option<Outside>,
}

/// What is promised of one kind of backup.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Promise {
    /// How often one is made. It is due after four fifths of this.
    pub(crate) every: Option<Seconds>,
    /// Age of the last good one from which on it is a warning. Default: `every` and four hours.
    pub(crate) warning: Option<Seconds>,
    /// Age of the last good one from which on it is critical. Default: twice `every` and four hours.
    pub(crate) critical: Option<Seconds>,
    /// How long one is kept.
    pub(crate) keep: Option<Seconds>,
    /// So many good ones are kept, however old they are; the newest always is.
    pub(crate) keep_count: Option<u32>,
}

/// What is promised of backups that another program makes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Outside {
    /// Stanzas (pgBackRest) or servers (Barman) that have to be there. Default: those that the program lists.
    pub(crate) expect: Vec<String>,
    /// Age of the last backup of any type from which on it is a warning. Default "28h".
    pub(crate) warning: Seconds,
    /// Age of the last backup of any type from which on it is critical. Default "52h".
    pub(crate) critical: Seconds,
    /// Age of the last full backup from which on it is a warning. Default "8d".
    pub(crate) full_warning: Seconds,
    /// Age of the last full backup from which on it is critical. Default "15d".
    pub(crate) full_critical: Seconds,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            expect: Vec::new(),
            warning: Seconds(28.0 * 3600.0),
            critical: Seconds(52.0 * 3600.0),
            full_warning: Seconds(8.0 * DAY),
            full_critical: Seconds(15.0 * DAY),
        }
    }
}

/// A promise with nothing left open. Seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kept {
    pub(crate) due: f64,
    pub(crate) warning: f64,
    pub(crate) critical: f64,
    pub(crate) keep: f64,
    pub(crate) keep_count: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            directory: None,
            wal_archive: None,
            archives_itself: true,
            databases: Vec::new(),
            exclude: Vec::new(),
            expect: vec![Kind::Full, Kind::Globals],
            watch: None,
            take: Vec::new(),
            verify: false,
            prove: Vec::new(),
            expire: false,
            upload: false,
            copies: None,
            copy_late: Seconds(4.0 * 3600.0),
            full: Promise::default(),
            schema: Promise::default(),
            globals: Promise::default(),
            base: Promise::default(),
            size_drop: 0.5,
            size_jump: 3.0,
            accept_caveats: Vec::new(),
            allow: vec!["lost+found".to_owned()],
            verify_every: Seconds(7.0 * DAY),
            prove_every: Seconds(7.0 * DAY),
            proof_warning: Seconds(8.0 * DAY),
            proof_critical: Seconds(15.0 * DAY),
            rto: None,
            rpo: Seconds(900.0),
            dump_rpo: None,
            leftover_after: Seconds(6.0 * 3600.0),
            same_disk: false,
            pgbackrest: None,
            barman: None,
        }
    }
}

impl Settings {
    /// What is promised of a kind.
    pub(crate) fn promise(&self, kind: Kind) -> Kept {
        let (promise, every, keep, count) = match kind {
            Kind::Full => (&self.full, 1.0, 30.0, 7),
            Kind::Schema => (&self.schema, 7.0, 180.0, 4),
            Kind::Globals => (&self.globals, 1.0, 30.0, 7),
            Kind::Base => (&self.base, 7.0, 30.0, 2),
        };
        let seconds = |given: Option<Seconds>, usual: f64| given.map_or(usual, |given| given.0);
        let every = seconds(promise.every, every * DAY);
        Kept {
            due: every * 0.8,
            warning: seconds(promise.warning, every + 4.0 * 3600.0),
            critical: seconds(promise.critical, 2.0 * every + 4.0 * 3600.0),
            keep: seconds(promise.keep, keep * DAY),
            keep_count: promise.keep_count.unwrap_or(count).max(1) as usize,
        }
    }

    /// Whether the job watches.
    pub(crate) fn watches(&self) -> bool {
        self.watch
            .unwrap_or(self.take.is_empty() && self.prove.is_empty() && !self.verify && !self.expire && !self.upload)
    }

    /// Contradictions between settings that each fit the schema.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, kind) in
            [("full", Kind::Full), ("schema", Kind::Schema), ("globals", Kind::Globals), ("base", Kind::Base)]
        {
            let kept = self.promise(kind);
            if kept.warning > kept.critical {
                problems
                    .push(Problem::at(&format!("/{name}/warning"), "is above critical: it has to be at most as large"));
            }
            if kept.due <= 0.0 {
                problems.push(Problem::at(
                    &format!("/{name}/every"),
                    "is zero: a backup would be due at once after each backup",
                ));
            }
            if kept.keep < kept.due {
                problems.push(Problem::at(&format!("/{name}/keep"), "is shorter than the time between two backups"));
            }
        }
        let mut rising = |low: &str, low_value: f64, high_value: f64| {
            if low_value > high_value {
                problems.push(Problem::at(low, "is above its critical threshold: it has to be at most as large"));
            }
        };
        rising("/proof_warning", self.proof_warning.0, self.proof_critical.0);
        for (name, outside) in [("pgbackrest", &self.pgbackrest), ("barman", &self.barman)] {
            let Some(outside) = outside else { continue };
            rising(&format!("/{name}/warning"), outside.warning.0, outside.critical.0);
            rising(&format!("/{name}/full_warning"), outside.full_warning.0, outside.full_critical.0);
        }
        for (name, value) in
            [("/rpo", self.rpo.0), ("/verify_every", self.verify_every.0), ("/prove_every", self.prove_every.0)]
        {
            if value <= 0.0 {
                problems.push(Problem::at(name, "is zero: nothing could ever be in time"));
            }
        }
        if !self.prove.is_empty() && self.proof_warning.0 < self.prove_every.0 {
            problems.push(Problem::at(
                "/proof_warning",
                "is shorter than prove_every: the last restore test would be too old before the next is due",
            ));
        }
        if !(0.0..=1.0).contains(&self.size_drop) {
            problems.push(Problem::at("/size_drop", "is a share of the usual size: 0 to 1"));
        }
        if self.size_jump < 1.0 {
            problems.push(Problem::at("/size_jump", "is a multiple of the usual size: 1 or more"));
        }
        if self.leftover_after.0 < 3600.0 {
            problems
                .push(Problem::at("/leftover_after", "is shorter than an hour: a backup under way may rest so long"));
        }
        if self.upload && self.copies.is_none() {
            problems.push(Problem::at("/upload", "says nothing of where to: name the objects grant in `copies`"));
        }
        if self.wal_archive.is_some() && self.wal_archive == self.directory {
            problems
                .push(Problem::at("/wal_archive", "is the directory of the backups: archived WAL has one of its own"));
        }
        for (at, name) in self.databases.iter().enumerate() {
            if self.exclude.contains(name) {
                problems.push(Problem::at(&format!("/databases/{at}"), format!("{name:?} is in exclude too")));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let settings: Settings = serde_json::from_str(text).unwrap();
        settings.problems().into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn the_defaults_contradict_each_other_nowhere_and_the_nightly_run_finds_it_due() {
        assert!(Settings::default().problems().is_empty());
        let kept = Settings::default().promise(Kind::Full);
        // Begun at 02:00 and ended at 04:00 yesterday: due at 02:00 today, and no warning until the one of today has ended.
        assert!(kept.due < 22.0 * 3600.0 && kept.warning >= 26.0 * 3600.0);
    }

    #[test]
    fn contradictions_are_pointed_at() {
        assert_eq!(problems(r#"{"full": {"warning": "3d"}}"#), ["/full/warning"]);
        assert_eq!(problems(r#"{"base": {"keep": "1h"}}"#), ["/base/keep"]);
        assert_eq!(problems(r#"{"leftover_after": "5m", "size_drop": 2}"#), ["/size_drop", "/leftover_after"]);
        assert_eq!(problems(r#"{"databases": ["a"], "exclude": ["a"]}"#), ["/databases/0"]);
        assert_eq!(problems(r#"{"upload": true}"#), ["/upload"]);
        assert_eq!(problems(r#"{"pgbackrest": {"warning": "60h"}}"#), ["/pgbackrest/warning"]);
        assert_eq!(problems(r#"{"rpo": "0s", "verify_every": "0s"}"#), ["/rpo", "/verify_every"]);
        assert_eq!(problems(r#"{"prove": ["full"], "prove_every": "10d"}"#), ["/proof_warning"]);
    }

    #[test]
    fn a_job_that_does_nothing_else_watches() {
        let settings = |text: &str| serde_json::from_str::<Settings>(text).unwrap();
        assert!(settings("{}").watches() && !settings(r#"{"take": ["full"]}"#).watches());
        assert!(settings(r#"{"take": ["full"], "watch": true}"#).watches());
    }
}
