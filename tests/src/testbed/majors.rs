//! Which majors of PostgreSQL are installed, and where: `PGREEVE_PG_<major>`, Debian's place, then the bed's cache. A major is here when its server
//! is; its client programs may come from elsewhere, or be missing.

use std::fmt;
use std::path::PathBuf;
use std::sync::LazyLock;

use super::account;

/// A major version of PostgreSQL, e.g. `Major(15)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Major(
    /// The number in front of the first dot of the version.
    pub u16,
);

impl fmt::Display for Major {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Major {
    /// The directory of `postgres` and `initdb`, `None` when this major is not installed.
    fn find_bin_dir(self) -> Option<PathBuf> {
        let variable = format!("PGREEVE_PG_{self}");
        if let Some(own) = std::env::var_os(&variable).filter(|value| !value.is_empty()) {
            let own = PathBuf::from(own);
            assert!(
                own.join("postgres").is_file(),
                "{variable}={} holds no postgres: correct or unset it",
                own.display()
            );
            return Some(own);
        }
        [PathBuf::from(format!("/usr/lib/postgresql/{self}/bin")), cache_dir().join(format!("postgresql-{self}/bin"))]
            .into_iter()
            .find(|dir| dir.join("postgres").is_file())
    }

    /// Directories of this major's programs: that of its server, then that of client programs which its package did not bring.
    pub fn program_dirs(self) -> Vec<PathBuf> {
        let clients = cache_dir().join(format!("postgresql-clients/programs/{self}/bin"));
        self.find_bin_dir().into_iter().chain(Some(clients).filter(|dir| dir.is_dir())).collect()
    }

    /// The path of a client program of this major, which not every package brings.
    pub fn optional_program(self, name: &str) -> Option<PathBuf> {
        self.program_dirs().into_iter().map(|dir| dir.join(name)).find(|program| program.is_file())
    }

    /// The path of a program of this major.
    pub(super) fn program(self, name: &str) -> PathBuf {
        let Some(dir) = self.find_bin_dir() else {
            panic!("PostgreSQL {self} is not installed: run tests/setup/postgres.sh, or set PGREEVE_PG_{self}");
        };
        dir.join(name)
    }
}

/// The supported majors that are installed, oldest first. 15 is always among them: without it nothing was set up, which
/// is a failure and no reason to skip everything.
pub fn available() -> Vec<Major> {
    static FOUND: LazyLock<Vec<Major>> =
        LazyLock::new(|| (14..=18).map(Major).filter(|major| major.find_bin_dir().is_some()).collect());
    assert!(FOUND.contains(&Major(15)), "PostgreSQL 15 is not installed: run tests/setup/postgres.sh");
    FOUND.clone()
}

/// Where the scripts of `tests/setup` put what they fetch (`cache.sh` names the same directory), and `template.rs` keeps initialised clusters.
pub(super) fn cache_dir() -> PathBuf {
    if account::is_root() {
        return PathBuf::from("/var/cache/pgreeve-tests");
    }
    let base = std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    base.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache"))
        .join("pgreeve-tests")
}
