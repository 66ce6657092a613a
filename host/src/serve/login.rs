//! Who logged in: the kernel's audit login uid of a process. It stays as it was through su and sudo, and tells two people apart who both come as root.
//! For the record alone: it grants nothing.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt::PeerPidfd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Of what nobody logged in for: a daemon's children.
const UNSET: u32 = u32::MAX;

/// The login uid of the process at the other end of a socket, which `pid` is by the socket's credentials. Nothing where there is none, or where
/// it cannot be known to be that process's.
pub(super) fn login_uid(socket: &impl AsFd, pid: Option<i32>) -> Option<u32> {
    let pid = pid.and_then(Pid::from_raw)?;
    let process = process(socket, pid)?;
    let text = std::fs::read_to_string(format!("/proc/{}/loginuid", pid.as_raw_nonzero())).ok()?;
    // A number names another process only when the first has ended: as it is there still, it was there while its file was read.
    let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).ok()? > 0;
    text.trim().parse().ok().filter(|uid| !ended && *uid != UNSET)
}

/// The process that connected. Before Linux 6.5, the one that has its number now: another one only where that one ended, and its number was
/// taken again, within the moment since it connected.
fn process(socket: &impl AsFd, pid: Pid) -> Option<OwnedFd> {
    match getsockopt(socket, PeerPidfd) {
        Ok(process) => Some(process),
        Err(Errno::ENOPROTOOPT) => pidfd_open(pid, PidfdFlags::empty()).ok(),
        Err(_) => None,
    }
}
