//! Sees that a program is one that only root or the agent's user can have put there. A program that others can replace is theirs, and
//! would run with the agent's rights.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{Metadata, read_link, symlink_metadata},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Component, Path, PathBuf},
};

use rustix::fs::FileType;

/// As many links as Linux follows.
const MOST_LINKS: u32 = 40;

/// Checks the program, and every directory and link on the way to it, at each use. Blocks on the file system.
///
/// Each must be owned by root or by the agent's user and not be writable by group or others; a directory with the sticky bit (`/tmp`)
/// may be, because there an owner's file is safe. The interpreter that a script's first line names is not looked at.
pub(super) fn check(program: &Path) -> Result<(), String> {
    let mut ahead: VecDeque<OsString> = parts(program);
    let mut at = PathBuf::from("/");
    let mut links = 0;
    owned_well(&at, &look(&at)?)?;
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&part);
        let found = look(&next)?;
        owned_well(&next, &found)?;
        if found.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return Err(format!("{} leads through more than {MOST_LINKS} symbolic links", program.display()));
            }
            let target = read_link(&next).map_err(|why| format!("cannot read the link {}: {why}", next.display()))?;
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            for part in parts(&target).into_iter().rev() {
                ahead.push_front(part);
            }
        } else {
            at = next;
        }
    }
    let found = look(&at)?;
    if !found.is_file() {
        return Err(format!("{} is no regular file", at.display()));
    }
    if found.permissions().mode() & 0o111 == 0 {
        return Err(format!("{} is not executable: chmod +x it", at.display()));
    }
    Ok(())
}

/// The names that a path leads through.
fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn look(path: &Path) -> Result<Metadata, String> {
    symlink_metadata(path).map_err(|why| format!("cannot look at {}: {why}", path.display()))
}

fn owned_well(path: &Path, found: &Metadata) -> Result<(), String> {
    let agent = rustix::process::geteuid().as_raw();
    match fault(found.uid(), found.mode(), agent) {
        Some(fault) => Err(format!("{} {fault}", path.display())),
        None => Ok(()),
    }
}

/// Why others can change it, from its owner, its mode with the file type, and the agent's user.
pub(super) fn fault(owner: u32, mode: u32, agent: u32) -> Option<String> {
    let kind = FileType::from_raw_mode(mode);
    let sticky_directory = kind == FileType::Directory && mode & 0o1000 != 0;
    if owner != 0 && owner != agent {
        Some(format!("belongs to user id {owner}, who could replace it: chown it to root or to the agent's user"))
    } else if kind != FileType::Symlink && !sticky_directory && mode & 0o022 != 0 {
        Some(format!("can be changed by others than its owner (mode {:04o}): chmod go-w it", mode & 0o7777))
    } else {
        None
    }
}
