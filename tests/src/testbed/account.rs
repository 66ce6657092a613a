//! Who the servers run as. PostgreSQL refuses to run as root, so root's tests run it as the user `postgres`, in
//! directories of that user; everybody else's run it as themselves.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// User and group id of `postgres`, `None` when the tests do not run as root.
static POSTGRES: LazyLock<Option<(u32, u32)>> = LazyLock::new(|| {
    if !is_root() {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
    let fields = passwd.lines().find_map(|line| line.strip_prefix("postgres:"));
    let mut ids = fields.expect("user postgres exists: run tests/setup/postgres.sh").split(':').skip(1);
    let mut next = || ids.next().and_then(|id| id.parse().ok()).expect("/etc/passwd has numeric ids");
    Some((next(), next()))
});

/// Whether the tests run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes `path`, which a test made, belong to the servers' user.
///
/// # Panics
/// When it is a directory of everybody's, such as `/tmp`: who owns that is the machine's, and outlives the test.
pub fn give(path: &Path) -> std::io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    assert!(!found.is_dir() || found.mode() & 0o1000 == 0, "{} is everybody's, and stays so", path.display());
    match *POSTGRES {
        Some((user, group)) => std::os::unix::fs::chown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}

/// Makes `command` run as the servers' user.
pub fn run_as_server_user(command: &mut Command) -> &mut Command {
    if let Some((user, group)) = *POSTGRES {
        command.uid(user).gid(group);
    }
    command
}
