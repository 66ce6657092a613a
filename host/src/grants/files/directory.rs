//! A directory that the operator grants, and the rules for reading in it.

use std::path::{Component, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::gate::Gate;

/// A granted directory: a `[files.NAME]` of agent.toml. Clones share the count of the calls under way, so all runs see that it hangs.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The name in `[files.NAME]`, by which guests ask for it.
    pub name: String,
    /// Absolute. Symbolic links on the way to it are the operator's own and are followed, at the start of each run anew.
    pub path: PathBuf,
    /// What may be read, and how much.
    pub rules: Rules,
    pub(super) gate: Arc<Gate>,
}

/// The keys of `[files.NAME]` besides `path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Files with more than one name may be read. Default false: a second name may have been put there by somebody who wants a file
    /// read that lies elsewhere. True for what makes hard links itself, as rsnapshot and pgBackRest's `repo-hardlink` do.
    pub hard_links: bool,
    /// Actions may remove and rename files. Default false.
    pub write: bool,
    /// Entries of one page of a listing, 1 to 10,000. Default 10,000.
    pub max_entries: u32,
    /// Bytes of the largest file that is hashed. Default 64 GiB.
    pub max_hash: u64,
    /// Wall-clock time of one call, 10 ms to 1 h. Default 30 s.
    pub timeout: Duration,
}

/// The most that one page holds, and the default.
const MOST_ENTRIES: u32 = 10_000;
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(3600);

impl Default for Rules {
    fn default() -> Self {
        Self {
            hard_links: false,
            write: false,
            max_entries: MOST_ENTRIES,
            max_hash: 64 << 30,
            timeout: Duration::from_secs(30),
        }
    }
}

impl Directory {
    /// Checks what can be wrong in agent.toml; whether the directory is there is seen when a run first asks for it. The error is fit for
    /// a message about the configuration.
    pub fn new(name: String, path: PathBuf, rules: Rules) -> Result<Self, String> {
        let shown = path.display();
        if !path.is_absolute() {
            return Err(format!("the path {shown} is not absolute: write it from `/` on"));
        }
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err("the path holds a NUL byte, which no path can".to_owned());
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(format!("the path {shown} holds `..`: write the directory that it means"));
        }
        if !(1..=MOST_ENTRIES).contains(&rules.max_entries) {
            return Err(format!("max_entries is {}, and must be 1 to {MOST_ENTRIES}", rules.max_entries));
        }
        if !(SHORTEST..=LONGEST).contains(&rules.timeout) {
            return Err(format!("timeout is {:?}, and must be 10ms to 1h", rules.timeout));
        }
        Ok(Self { name, path, rules, gate: Arc::default() })
    }
}
