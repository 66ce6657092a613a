//! What the kernel's error numbers mean to a guest, in words that say what was tried, on what, and what to do.

use rustix::io::Errno;

use super::Directory;
use super::policy::{Relative, shown};
use crate::grants::error::Error;

/// A call on a path inside the directory failed. `lacking` says which permission is missing where, for EACCES and EPERM.
pub(super) fn inside(
    directory: &Directory,
    path: &Relative,
    tried: &str,
    errno: Errno,
    lacking: Option<String>,
) -> Error {
    let name = &directory.name;
    let subject = format!("{} in the granted directory {name:?} ({})", shown(path.as_str()), directory.path.display());
    match errno {
        Errno::XDEV => Error::Denied(format!(
            "{subject} leads out of the directory by a symbolic link, or onto another file system that is mounted below it: grant what is meant \
             with a [files.NAME] section of its own in agent.toml"
        )),
        Errno::LOOP => Error::Denied(format!(
            "{subject} is a loop of symbolic links, or a link into a process's own files (/proc/PID/fd), which are never followed"
        )),
        errno if server_gone(errno) => Error::Unreachable(format!(
            "cannot {tried} {subject}: {}: its server or FUSE process is gone",
            words(errno)
        )),
        errno => Error::Remote {
            code: errno_name(errno),
            message: format!("cannot {tried} {subject}: {}", words(errno)),
            detail: lacking,
            hint: hint(errno),
        },
    }
}

/// The granted directory itself cannot be opened: nothing is known about what is in it.
pub(super) fn whole(directory: &Directory, why: &str) -> Error {
    let Directory { name, path, .. } = directory;
    Error::Unreachable(format!("cannot open the granted directory {name:?} ({}): {why}", path.display()))
}

/// Errors of a network or FUSE file system whose other side is not there.
fn server_gone(errno: Errno) -> bool {
    const GONE: [Errno; 9] = [
        Errno::STALE,
        Errno::NOTCONN,
        Errno::CONNABORTED,
        Errno::CONNREFUSED,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
        Errno::NETUNREACH,
        Errno::TIMEDOUT,
        Errno::REMOTEIO,
    ];
    GONE.contains(&errno)
}

fn hint(errno: Errno) -> Option<String> {
    let hint = match errno {
        Errno::ACCESS | Errno::PERM => "give the agent's user the permission, best through a group or an ACL (setfacl)",
        Errno::IO | Errno::UCLEAN => "look for the file system's errors in the kernel's log (dmesg)",
        Errno::MFILE | Errno::NFILE => "raise the limit on open files (LimitNOFILE= in the agent's unit)",
        Errno::AGAIN => "directories were being renamed all the while: ask again",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// The user that the agent runs as, for messages about permissions.
pub(in crate::grants) fn user() -> String {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    format!("the agent's user (uid {uid}, gid {gid})")
}

/// The kernel's words for an error, without the number.
pub(in crate::grants) fn words(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// The name that manual pages use, `errno N` for rare ones.
pub(in crate::grants) fn errno_name(errno: Errno) -> String {
    const NAMES: [(Errno, &str); 27] = [
        (Errno::PERM, "EPERM"),
        (Errno::NOENT, "ENOENT"),
        (Errno::INTR, "EINTR"),
        (Errno::IO, "EIO"),
        (Errno::NXIO, "ENXIO"),
        (Errno::BADF, "EBADF"),
        (Errno::AGAIN, "EAGAIN"),
        (Errno::NOMEM, "ENOMEM"),
        (Errno::ACCESS, "EACCES"),
        (Errno::BUSY, "EBUSY"),
        (Errno::XDEV, "EXDEV"),
        (Errno::NODEV, "ENODEV"),
        (Errno::NOTDIR, "ENOTDIR"),
        (Errno::ISDIR, "EISDIR"),
        (Errno::INVAL, "EINVAL"),
        (Errno::NFILE, "ENFILE"),
        (Errno::MFILE, "EMFILE"),
        (Errno::FBIG, "EFBIG"),
        (Errno::NAMETOOLONG, "ENAMETOOLONG"),
        (Errno::NOSYS, "ENOSYS"),
        (Errno::LOOP, "ELOOP"),
        (Errno::OVERFLOW, "EOVERFLOW"),
        (Errno::OPNOTSUPP, "EOPNOTSUPP"),
        (Errno::NOTCONN, "ENOTCONN"),
        (Errno::TIMEDOUT, "ETIMEDOUT"),
        (Errno::STALE, "ESTALE"),
        (Errno::UCLEAN, "EUCLEAN"),
    ];
    match NAMES.iter().find(|(known, _)| *known == errno) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("errno {}", errno.raw_os_error()),
    }
}
