//! The backup plugin: is there a good backup, is it proved, is what is not needed any more gone, and could the server be brought back to a moment?
//! It judges what lies in a directory that `pgreeve-backup` fills (`FORMAT.md`), the archived WAL, and what pgBackRest or Barman say; and proposes
//! what is due: to take, verify, prove, expire and sweep. It changes nothing itself.
//!
//! `observe/` looks, `shelf` makes backups of files, `checks/` judges, `actions` is all that it can propose.

mod actions;
mod checks;
mod memory;
mod moment;
mod name;
mod observe;
mod sealed;
mod settings;
mod shelf;
mod view;

use pgreeve_sdk::{
    Capability, Failure, Level, Manifest, Plugin, Problem, Report, Right, Run, log, manifest, need, recall, remember,
};

use memory::Memory;
use observe::Observed;
use settings::Settings;
use view::View;

struct Backup;

const MEMORY: &str = "backup";

impl Plugin for Backup {
    type Settings = Settings;
    type Observed = Observed;

    fn manifest() -> Manifest {
        let manifest = manifest(
            "backup",
            env!("CARGO_PKG_VERSION"),
            "Takes, verifies, proves and expires backups as they are due, and watches them and the WAL archive",
        )
        .want(Capability::Files, false, "the directory of the backups, and that of the archived WAL")
        .want(Capability::Postgres, false, "which databases there are, the archiver, the server's version")
        .want(
            Capability::Commands,
            false,
            "to have backups taken, verified and proved; pgBackRest's and Barman's own lists",
        )
        .want(Capability::Objects, false, "the copies of the backups in object storage")
        .want(Capability::System, false, "whether the backups lie on the disk of the data")
        .need(need(
            Right::Member("pg_monitor".into()),
            "settings, sizes and what waits to be archived show to it alone",
        ));
        actions::all().into_iter().fold(manifest.checks(&checks::ALL), Manifest::action)
    }

    fn check_settings(settings: &Settings) -> Vec<Problem> {
        settings.problems()
    }

    fn observe(run: &Run<Settings>) -> Result<Observed, Failure> {
        let before: Option<Memory> = recall(MEMORY).unwrap_or_else(|error| {
            log(Level::Warn, &format!("nothing is recalled of earlier runs: {}", error.line()));
            None
        });
        let memory = Memory::advance(before, run.now(), &run.context.outcomes);
        let mut observed = observe::observe(run, memory);
        if let Some((_, Ok(seen))) = &observed.server {
            let names =
                seen.databases.as_ref().ok().map(|all| all.iter().map(|database| database.name.clone()).collect());
            observed.memory.know(seen.server.system_identifier, names);
        }
        let made_good = checks::made_good(&View::new(run, &observed));
        for (action, argument) in made_good {
            observed.memory.forget(&action, argument.as_deref());
        }
        if observed.directory.is_none()
            && observed.pgbackrest.is_none()
            && observed.barman.is_none()
            && observed.archive.is_none()
        {
            return Err(Failure {
                message: "there is nothing to look at".to_owned(),
                advice: Some(
                    "grant the directory of the backups (files = [\"backups\"]), or say pgbackrest = {} or barman = {} in the settings".to_owned(),
                ),
            });
        }
        if let Err(error) = remember(MEMORY, &observed.memory) {
            log(Level::Warn, &format!("nothing is remembered for the next run: {}", error.line()));
        }
        Ok(observed)
    }

    fn judge(run: &Run<Settings>, observed: &Observed) -> Report {
        checks::all(&View::new(run, observed))
    }
}

pgreeve_sdk::export!(Backup);
