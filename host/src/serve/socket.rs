//! The socket: in a directory that nobody else can write, made with the owner, group and mode that decide who may connect; removed at the end.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown, lchown};
use std::path::{Path, PathBuf};

use nix::unistd::Group;
use rustix::fs::{Mode, fchmod};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
use tokio::net::UnixListener;

use crate::config::Config;

/// Where the socket is, and who may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The socket.
    pub path: PathBuf,
    /// Its group, with mode 0660; none: 0600.
    pub group: Option<String>,
    /// The agent's own directory, which is opened for the group to pass through where the socket is in it.
    pub state_dir: PathBuf,
}

impl Place {
    /// What the configuration says.
    pub fn of(config: &Config) -> Self {
        let (api, state_dir) = (&config.api, config.agent.state_dir.clone());
        Self { path: api.socket.clone(), group: api.group.clone(), state_dir }
    }
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    #[error("could not {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{} may be written by others, who could put another socket in its place: chown it to the agent's user and chmod go-w, or name another api.socket",
        path.display()
    )]
    Open { path: PathBuf },
    #[error("{} is there and is no socket: remove it, or name another api.socket", path.display())]
    Other { path: PathBuf },
    #[error("another process listens on {}: name another api.socket", path.display())]
    Taken { path: PathBuf },
    #[error("there is no group {name:?}: make it, or change api.group")]
    NoGroup { name: String },
    #[error("cannot give {} to the group {name:?}: {source}; the agent's user must be one of its members", path.display())]
    NotMember { path: PathBuf, name: String, source: io::Error },
}

/// The listening socket; its file is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Device and inode: what another put in its place is not removed.
    made: (u64, u64),
}

impl Socket {
    /// Makes it, in place of one that nobody listens on any more.
    pub(super) fn make(place: &Place) -> Result<Self, SocketError> {
        let path = &place.path;
        let failed = |doing: &'static str| {
            let path = path.clone();
            move |source: io::Error| SocketError::Io { doing, path, source }
        };
        let directory = path.parent().unwrap_or(Path::new("/"));
        guarded(directory)?;
        let group = place.group.as_ref().map(|name| Ok((name, gid(name)?))).transpose()?;
        clear(path)?;
        let socket = || -> io::Result<_> {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            // Before it has a name: Linux makes the file with these rights, so it never stands there with more.
            fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
            bind(&socket, &SocketAddrUnix::new(path)?)?;
            Ok(socket)
        };
        let socket = socket().map_err(failed("make the socket"))?;
        let metadata = std::fs::symlink_metadata(path).map_err(failed("look at"))?;
        let made = (metadata.dev(), metadata.ino());
        if let Some((name, gid)) = group {
            let refused = |path: &Path| {
                let (path, name) = (path.to_owned(), name.clone());
                move |source| SocketError::NotMember { path, name, source }
            };
            if directory == place.state_dir {
                chown(directory, None, Some(gid)).map_err(refused(directory))?;
                let open = std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o710));
                open.map_err(failed("open the directory of"))?;
            }
            lchown(path, None, Some(gid)).map_err(refused(path))?;
            let open = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660));
            open.map_err(failed("open"))?;
        }
        listen(&socket, 128).map_err(|errno| failed("listen on")(errno.into()))?;
        let listener = UnixListener::from_std(socket.into()).map_err(failed("listen on"))?;
        Ok(Self { listener, path: path.clone(), made })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let ours =
            std::fs::symlink_metadata(&self.path).is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.made);
        if ours {
            // The next start removes it too.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A directory that belongs to this user or root, and that nobody else can write.
fn guarded(directory: &Path) -> Result<(), SocketError> {
    let metadata = std::fs::metadata(directory).map_err(|source| SocketError::Io {
        doing: "look at",
        path: directory.to_owned(),
        source,
    })?;
    let owner = [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid());
    if metadata.is_dir() && owner && metadata.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(SocketError::Open { path: directory.to_owned() })
    }
}

/// Removes the socket of an agent that is dead.
fn clear(path: &Path) -> Result<(), SocketError> {
    let failed = |doing, source| SocketError::Io { doing, path: path.to_owned(), source };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at", error)),
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(SocketError::Other { path: path.to_owned() }),
        Ok(_) => {}
    }
    // A connection that is begun and closed at once; one that would block is listened on, too.
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|error| failed("remove the old", error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(SocketError::Taken { path: path.to_owned() }),
    }
}

fn gid(name: &str) -> Result<u32, SocketError> {
    let group = Group::from_name(name).ok().flatten();
    group.map(|group| group.gid.as_raw()).ok_or_else(|| SocketError::NoGroup { name: name.to_owned() })
}
