//! `system` against what the usual commands say of this host, and the kernel's formats as tables.

#![allow(clippy::print_stderr, reason = "a test that cannot be made on this machine says so")]

mod disks;
mod formats;
mod host;
