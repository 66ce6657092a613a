//! What is said of the host: file systems told apart, and the words for places that could not be looked at. Pure functions; `system` is
//! granted as a whole, so there is nothing to refuse.

use std::path::Path;

use rustix::io::Errno;

use super::Disk;
use crate::grants::error::Error;
use crate::grants::files::{Space, errno_name, user, words};

/// A place that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Why it matters.
    pub purpose: String,
    /// Major and minor number of its device.
    pub device: (u32, u32),
    /// Where that is mounted.
    pub mount: String,
    /// Room on it.
    pub space: Space,
}

/// One disk for each device, in the order of the places, with every purpose that it serves.
pub fn merged(places: Vec<Seen>) -> Vec<Disk> {
    let mut disks: Vec<((u32, u32), Disk)> = Vec::new();
    for Seen { purpose, device, mount, space } in places {
        match disks.iter_mut().find(|(known, _)| *known == device) {
            Some((_, disk)) if disk.purpose.contains(&purpose) => {}
            Some((_, disk)) => disk.purpose.push(purpose),
            None => {
                let Space { total, available, inodes_total, inodes_available } = space;
                let disk = Disk { mount, purpose: vec![purpose], total, available, inodes_total, inodes_available };
                disks.push((device, disk));
            }
        }
    }
    disks.into_iter().map(|(_, disk)| disk).collect()
}

/// Why a place was not seen. `closed` is the directory on the way to it that may not be searched.
pub fn unseen(path: &Path, tried: &str, errno: Errno, closed: Option<&Path>) -> String {
    let shown = path.display();
    let why = format!("cannot {tried} {shown}: {} ({})", words(errno), errno_name(errno));
    match (errno, closed) {
        (Errno::ACCESS, Some(closed)) => format!(
            "{why}: {} lacks search permission (x) on {}: give it to a group that the user is in (PostgreSQL's own way is \
             initdb --allow-group-access, or chmod g+rx on a stopped server's directory), or by setfacl",
            user(),
            closed.display()
        ),
        (Errno::ACCESS, None) => {
            format!(
                "{why}: {} lacks permission to read it, or to pass where links on the way lead: give it by a group that the user is in, or by setfacl",
                user()
            )
        }
        _ => why,
    }
}

/// A file of the kernel could not be read.
pub fn unreadable(file: &str, errno: Errno) -> Error {
    Error::Remote {
        code: errno_name(errno),
        message: format!("cannot read {file}: {}", words(errno)),
        detail: None,
        hint: (errno == Errno::NOENT)
            .then(|| "`ProcSubset=pid` in the agent's unit hides it, as some containers do".to_owned()),
    }
}

/// A file of the kernel is not as its manual page has it.
pub fn malformed(file: &str) -> Error {
    Error::Remote {
        code: "malformed".to_owned(),
        message: format!("{file} does not hold the figures that Linux puts there"),
        detail: None,
        hint: None,
    }
}
