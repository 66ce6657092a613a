//! `pgreeve backup …`: the backup tool, a program of its own that lies beside this one.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::Failure;

const TOOL: &str = "pgreeve-backup";

/// Becomes the tool. Only the directory of this program is looked in, no PATH.
pub(super) fn main(arguments: &[OsString]) -> Result<u8, Failure> {
    let own = std::env::current_exe().map_err(|error| format!("cannot tell where pgreeve lies: {error}"))?;
    let tool = own.with_file_name(TOOL);
    let error = Command::new(&tool).args(arguments).exec();
    Err(format!("cannot run {}: {error}; install {TOOL} beside pgreeve", tool.display()).into())
}
