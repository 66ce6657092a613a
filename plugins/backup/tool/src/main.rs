//! `pgreeve-backup`: takes, verifies, proves, sweeps, lists and copies backups of PostgreSQL, and plans restores. One thing per call, one JSON
//! object on stdout, an error in one line on stderr. `plugins/backup/FORMAT.md` says what lies on disk and what the answers are.

mod answer;
mod archive;
mod cli;
mod connection;
mod copy;
mod directory;
mod list;
mod manifest;
mod moment;
mod name;
mod plan;
mod program;
mod progress;
mod proof;
mod prove;
mod session;
mod space;
mod supervise;
mod sweep;
mod take;
mod verify;
mod version;
mod whole;
mod work;

use std::process::ExitCode;

fn main() -> ExitCode {
    // What is in backups is for their owner alone; children inherit it.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == supervise::WORD) {
        return supervise::main(arguments);
    }
    cli::main()
}
