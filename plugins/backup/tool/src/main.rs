//! `pgreeve-backup`: takes, verifies, proves, sweeps, lists and copies backups of PostgreSQL, and plans restores. One thing per call, one JSON
//! object on stdout, an error in one line on stderr. `plugins/backup/FORMAT.md` says what lies on disk and what the answers are.

mod answer;
mod cli;
mod connection;
mod directory;
mod list;
mod manifest;
mod moment;
mod name;
mod program;
mod proof;
mod prove;
mod session;
mod space;
mod sweep;
mod take;
mod verify;
mod whole;
mod work;

use std::process::ExitCode;

fn main() -> ExitCode {
    // What is in backups is for their owner alone; children inherit it.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    cli::main()
}
