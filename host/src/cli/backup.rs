//! `pgreeve backup …`: the backup tool, a program of its own that lies beside this one. A plan is told what the object stores of agent.toml have, for
//! the tool has no keys.

use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::output::{self, Progress};
use super::{Failure, load, objects};
use crate::grants::error::Error;
use crate::grants::objects::{Object, Store, fetch_each, list};

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
    if arguments.first().is_none_or(|verb| verb != PLAN) {
        return Err(cannot(command.exec()));
    }
    output::quiet_log();
    command.arg("--agent-config").arg(std::path::absolute(config).unwrap_or_else(|_| config.to_owned()));
    // A machine that has no agent.toml, or none that this user may read, has its directories all the same.
    let (stores, why) = objects::known(config);
    command.args(why.map(|why| unasked(&why)));
    let place = if stores.is_empty() { None } else { Some(Place::make()?) };
    for (store, place) in stores.iter().flat_map(|store| place.as_ref().map(|place| (store, place))) {
        let below = place.0.join(&store.name);
        match load::runtime()?.block_on(manifests(store, &below)) {
            Ok(left_out) => {
                let mut argument = OsString::from(format!("--stored={}:", store.name));
                argument.push(&below);
                command.arg(argument).args(left_out.map(|why| unasked(&why)));
            }
            Err(error) => {
                command.arg(unasked(&format!("the plan knows nothing of the copies in {store}: {error}")));
            }
        }
    }
    let status = command.status().map_err(cannot)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(super::FAILED))
}

/// Tells the plan what was not looked at, on one line.
fn unasked(why: &str) -> String {
    format!("--unasked={}", why.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Brings the newest manifests of a store to a directory; why some could not be brought.
async fn manifests(store: &Store, into: &Path) -> Result<Option<String>, Error> {
    std::fs::create_dir(into).map_err(|why| Error::Denied(format!("cannot make {}: {why}", into.display())))?;
    let wanted = |object: &Object| object.size < MANIFEST && objects::is_manifest(object);
    let mut found: Vec<Object> = list(store, "").await?.into_iter().filter(wanted).collect();
    let newest = found.split_off(found.len().saturating_sub(MOST));
    let mut progress = Progress::of(format!("reading what {store} has"), newest.len());
    let mut failed = Vec::new();
    fetch_each(store, &newest, into, |outcome| {
        failed.extend(outcome.err());
        progress.one_more();
    })
    .await?;
    // Of the others it can still be told.
    Ok(failed.first().map(|error| format!("the plan leaves {} copies in {store} out: {error}", failed.len())))
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
