//! `pgreeve backup …`: the backup tool, a program of its own that lies beside this one. A plan is told what the object stores of agent.toml have, for
//! the tool has no keys.

use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Failure, load, objects, output};
use crate::grants::error::Error;
use crate::grants::objects::{Object, Store, fetch, list};

const TOOL: &str = "pgreeve-backup";
const PLAN: &str = "restore-plan";
/// A manifest is smaller, by the format.
const MANIFEST: u64 = 64 << 10;
/// Manifests of one store that a plan knows, the newest.
const MOST: usize = 1000;

/// Becomes the tool. Only the directory of this program is looked in, no PATH.
pub(super) fn main(config: &Path, arguments: &[OsString]) -> Result<u8, Failure> {
    let own = std::env::current_exe().map_err(|error| format!("cannot tell where pgreeve lies: {error}"))?;
    let tool = own.with_file_name(TOOL);
    let cannot = |error: std::io::Error| -> Failure {
        format!("cannot run {}: {error}; install {TOOL} beside pgreeve", tool.display()).into()
    };
    let mut command = Command::new(&tool);
    command.args(arguments);
    // A machine that has no agent.toml, or none that this user may read, has its directories all the same.
    let stores = match arguments.first() {
        Some(verb) if verb == PLAN => objects::stores(config).unwrap_or_default(),
        _ => Vec::new(),
    };
    if stores.is_empty() {
        return Err(cannot(command.exec()));
    }
    output::quiet_log();
    let place = Place::make()?;
    command.arg("--agent-config").arg(std::path::absolute(config).unwrap_or_else(|_| config.to_owned()));
    for store in stores {
        let below = place.0.join(&store.name);
        match load::runtime()?.block_on(manifests(&store, &below)) {
            Ok(()) => {
                let mut argument = OsString::from(format!("--stored={}:", store.name));
                argument.push(&below);
                command.arg(argument);
            }
            Err(error) => output::error(&format!("the plan knows nothing of the copies in {store}: {error}")),
        }
    }
    let status = command.status().map_err(cannot)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(super::FAILED))
}

/// Brings the newest manifests of a store to a directory.
async fn manifests(store: &Store, into: &Path) -> Result<(), Error> {
    std::fs::create_dir(into).map_err(|why| Error::Denied(format!("cannot make {}: {why}", into.display())))?;
    let wanted = |object: &Object| object.size < MANIFEST && objects::is_manifest(object);
    let mut found: Vec<Object> = list(store, "").await?.into_iter().filter(wanted).collect();
    let newest = found.split_off(found.len().saturating_sub(MOST));
    for object in newest {
        match fetch(store, std::slice::from_ref(&object), into).await {
            Ok(()) => {}
            Err(error @ (Error::Unreachable(_) | Error::TimedOut(_))) => return Err(error),
            // Of the others it can still be told.
            Err(error) => output::error(&format!("the plan leaves a copy out: {error}")),
        }
    }
    Ok(())
}

/// A directory of this process', removed when this is dropped.
struct Place(PathBuf);

impl Place {
    fn make() -> Result<Self, Failure> {
        let path =
            std::env::temp_dir().join(format!("pgreeve-plan-{}-{:016x}", std::process::id(), rand::random::<u64>()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing but copies of manifests is in it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
