//! Which paths mean something, and what may be opened: pure functions, in whose words every refusal is made.

use rustix::fs::FileType;

use super::{Directory, Kind, Rules};
use crate::grants::error::Error;

/// The kernel's limits: a path with its closing NUL (PATH_MAX), and one part of it (NAME_MAX).
const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;

/// A path that stays inside as far as its text tells: parts that are names, with `/` between them; none for the directory itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relative(String);

impl Relative {
    /// Reads a guest's path. A path that leads out is denied, a malformed one is invalid.
    pub fn new(directory: &str, path: &str) -> Result<Self, Error> {
        let shown = shown(path);
        let out = |how: &str| {
            Err(Error::Denied(format!(
                "the path {shown} {how} and so leads out of the granted directory {directory:?}: paths are relative to it; what lies \
                 elsewhere is read through a [files.NAME] section of its own in agent.toml, granted by that name"
            )))
        };
        let invalid = |why: &str| Err(Error::Invalid(format!("the path {shown} {why}")));
        if path.is_empty() {
            return Ok(Self(String::new()));
        }
        if path.contains('\0') {
            return invalid("holds a NUL byte, which no path can");
        }
        if path.starts_with('/') {
            return out("is absolute");
        }
        if path.split('/').any(|part| part == "..") {
            return out("holds `..`");
        }
        if path.len() > LONGEST_PATH {
            return invalid("is longer than 4095 bytes");
        }
        if path.ends_with('/') {
            return invalid("ends with a slash: name the entry without it");
        }
        for part in path.split('/') {
            match part {
                "" => return invalid("holds an empty part (`//`)"),
                "." => return invalid("holds a part `.`: leave it out; the directory itself is the empty path"),
                _ if part.len() > LONGEST_NAME => return invalid("holds a name longer than 255 bytes"),
                _ => {}
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// As system calls want it: `.` for the directory itself.
    pub fn for_kernel(&self) -> &str {
        if self.0.is_empty() { "." } else { &self.0 }
    }

    /// As guests see it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory that it is in, as system calls want it.
    pub fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or(".", |(parent, _)| parent)
    }

    /// Its last name; none for the directory itself.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }

    /// The paths on the way, outermost first, this one last.
    pub fn on_the_way(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(end, _)| self.0.get(..end)).chain([self.for_kernel()])
    }
}

/// Where a listing goes on: a name, not a path.
pub fn after(after: Option<&str>) -> Result<Option<&str>, Error> {
    match after {
        Some(name) if name.contains(['/', '\0']) => Err(Error::Invalid(format!(
            "`after` is {}, which is no name: give the last part of the last entry's path",
            shown(name)
        ))),
        other => Ok(other),
    }
}

/// What an entry is, from its mode.
pub fn kind(mode: FileType) -> Kind {
    match mode {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Other,
    }
}

/// Whether the contents of an entry may be read: regular files with one name. Directories are the caller's to tell apart.
pub fn may_read(directory: &Directory, path: &Relative, mode: FileType, names: u64) -> Result<(), Error> {
    let (name, shown) = (&directory.name, shown(path.as_str()));
    let what = match mode {
        FileType::RegularFile if names > 1 && !directory.rules.hard_links => {
            return Err(Error::Denied(format!(
                "{shown} in the granted directory {name:?} is one of {names} hard links to a file that may have been put there from elsewhere: \
                 if the directory's owner makes them, add `hard_links = true` under [files.{name}] in agent.toml"
            )));
        }
        FileType::RegularFile => return Ok(()),
        FileType::Directory => {
            return Err(Error::Remote {
                code: "EISDIR".to_owned(),
                message: format!("{shown} in the granted directory {name:?} is a directory"),
                detail: None,
                hint: Some("call `entries` to list it".to_owned()),
            });
        }
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "neither a file nor a directory",
    };
    Err(Error::Denied(format!(
        "{shown} in the granted directory {name:?} is {what}: `files` opens regular files only, and no line in agent.toml changes that"
    )))
}

/// Whether a file of that size may be hashed.
pub fn may_hash(directory: &Directory, path: &Relative, size: u64) -> Result<(), Error> {
    let (name, Rules { max_hash, .. }) = (&directory.name, &directory.rules);
    if size <= *max_hash {
        return Ok(());
    }
    Err(Error::Denied(format!(
        "{} in the granted directory {name:?} has {size} bytes, and files of more than {max_hash} are not hashed: raise `max_hash` under \
         [files.{name}] in agent.toml (and `timeout` with it)",
        shown(path.as_str())
    )))
}

/// The file system's name if it is one of the kernel's own, whose files are doors into processes and devices rather than contents. The
/// numbers are those of `linux/magic.h`.
pub fn kernels_own(magic: u64) -> Option<&'static str> {
    Some(match magic {
        0x9fa0 => "procfs",
        0x6265_6572 => "sysfs",
        0x1cd1 => "devpts",
        0x6462_6720 => "debugfs",
        0x7472_6163 => "tracefs",
        0x7363_6673 => "securityfs",
        0x0027_e0eb | 0x6367_7270 => "cgroupfs",
        0xcafe_4a11 => "bpffs",
        0x6265_6570 => "configfs",
        0xf97c_ff8c => "selinuxfs",
        0xde5e_81e4 => "efivarfs",
        0x6165_676c => "pstore",
        0x1980_0202 => "mqueue",
        0x4249_4e4d => "binfmt_misc",
        0x6573_5543 => "fusectl",
        0x6e73_6673 => "nsfs",
        _ => return None,
    })
}

/// A guest's text in a message: quoted, control characters escaped, cut at 200 characters.
pub fn shown(text: &str) -> String {
    let cut: String = text.chars().take(200).collect();
    if cut.len() < text.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}
