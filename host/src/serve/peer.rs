//! Who is at the other end of a connection: credentials from the kernel, names from the system's databases.

use std::ffi::CString;
use std::time::Duration;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use tokio::net::UnixStream;

use super::login::login_uid;
use crate::rights::Peer;

/// How long the system's databases (a directory service, perhaps) may take to answer. Without an answer the peer has no names.
const LOOK_UP: Duration = Duration::from_secs(5);

/// The peer of a connection, by `SO_PEERCRED`: what it was when it connected; and who logged in, where that is another user.
pub(super) async fn peer(stream: &UnixStream) -> std::io::Result<Peer> {
    let credentials = stream.peer_cred()?;
    let (uid, gid, pid) = (credentials.uid(), credentials.gid(), credentials.pid());
    let login = login_uid(stream, pid).filter(|login| *login != uid);
    let of_login = move |name: Option<String>| login.map(|login| name.unwrap_or_else(|| format!("uid {login}")));
    let nameless = Peer { uid, pid, login: of_login(None), ..Peer::default() };
    let named = tokio::task::spawn_blocking(move || {
        let name = login.and_then(|login| User::from_uid(Uid::from_raw(login)).ok().flatten()).map(|user| user.name);
        Peer { login: of_login(name), ..named(uid, gid, pid) }
    });
    Ok(tokio::time::timeout(LOOK_UP, named).await.ok().and_then(Result::ok).unwrap_or_else(|| {
        tracing::warn!(uid, "the names of user and groups could not be had in time: only what needs none is allowed");
        nameless
    }))
}

fn named(uid: u32, gid: u32, pid: Option<i32>) -> Peer {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let others = user.as_ref().and_then(|user| {
        let name = CString::new(user.name.as_str()).ok()?;
        getgrouplist(&name, user.gid).ok()
    });
    let mut gids = others.unwrap_or_default();
    gids.push(Gid::from_raw(gid));
    gids.sort_by_key(|gid| gid.as_raw());
    gids.dedup();
    let groups = gids.into_iter().filter_map(|gid| Group::from_gid(gid).ok().flatten()).map(|group| group.name);
    Peer { uid, user: user.map(|user| user.name), groups: groups.collect(), pid, login: None }
}
