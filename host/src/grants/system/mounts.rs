//! Which mount a file lies on: `/proc/self/mountinfo`, as proc_pid_mountinfo(5) describes it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// One line: a file system, or a part of it, at a place in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// The kernel's number for it.
    pub(super) id: u64,
    /// Major and minor number of the device. Not `st_dev` on btrfs, where each subvolume has its own.
    pub(super) device: (u32, u32),
    /// Where it is mounted.
    pub(super) point: PathBuf,
}

/// All mounts, in the order in which they were made. Lines that are not understood are left out.
pub(super) fn parse(mountinfo: &[u8]) -> Vec<Mount> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    // 36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/root rw
    let mut fields = line.split(|byte| *byte == b' ');
    let mut number = || std::str::from_utf8(fields.next()?).ok();
    let (id, _parent, device) = (number()?, number()?, number()?);
    let (major, minor) = device.split_once(':')?;
    Some(Mount {
        id: id.parse().ok()?,
        device: (major.parse().ok()?, minor.parse().ok()?),
        point: OsString::from_vec(unescaped(fields.nth(1)?)).into(),
    })
}

/// Blank, tab, line feed, backslash and `#` are written as three octal digits after a backslash.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

/// The mount that a file lies on: by the kernel's number where it tells (Linux 5.8), else the one whose mount point goes furthest along
/// the file's path, which must have no symbolic links in it; first among those of the file's device. Of mounts on top of each other it is
/// the last.
pub(super) fn holding<'a>(mounts: &'a [Mount], id: Option<u64>, device: (u32, u32), path: &Path) -> Option<&'a Mount> {
    let by_id = mounts.iter().find(|mount| Some(mount.id) == id);
    let longest = |mounts: &mut dyn Iterator<Item = &'a Mount>| {
        mounts.filter(|mount| path.starts_with(&mount.point)).max_by_key(|mount| mount.point.components().count())
    };
    by_id
        .or_else(|| longest(&mut mounts.iter().filter(|mount| mount.device == device)))
        .or_else(|| longest(&mut mounts.iter()))
}
