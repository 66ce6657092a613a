//! A disk without room, played in a process of its own.

use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

const STATE_DIR: &str = "PGREEVE_TEST_AUDIT_STATE_DIR";

/// From now on, no file of this process grows beyond `bytes`: writing there fails, as on a full disk.
fn let_files_grow_to(bytes: Option<u64>) {
    let hard = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(hard), maximum: hard }).unwrap();
}

fn fill_up(state_dir: &Path) {
    let path = state_dir.join(FILE);
    let mut audit = written(state_dir);
    let (head, whole) = (audit.head(), fs::read(&path).unwrap());
    // Room for every part of a line but all of it.
    for room in [0, 1, 20, 100, 200] {
        let_files_grow_to(Some(whole.len() as u64 + room));
        let refused = audit.append(&event("begun", "watch", "p3"));
        assert!(matches!(refused, Err(AuditError::Io { .. })), "{refused:?}");
        assert_eq!(fs::read(&path).unwrap(), whole, "nothing of it is left");
        assert!(verified(&path, &head));
    }
    let_files_grow_to(None);
    assert_eq!(audit.append(&event("begun", "watch", "p3")).unwrap().seq, head.seq + 1);
    assert!(verified(&path, &audit.head()));
}

#[test]
fn a_full_disk_leaves_a_good_log_that_goes_on_when_there_is_room() {
    if let Some(state_dir) = std::env::var_os(STATE_DIR).map(PathBuf::from) {
        fill_up(&state_dir);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (_crate, module) = module_path!().split_once("::").unwrap();
    let name = format!("{module}::a_full_disk_leaves_a_good_log_that_goes_on_when_there_is_room");
    // A shell in between lets writes beyond the file size limit fail rather than end the process.
    let out = Command::new("/bin/sh")
        .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env(STATE_DIR, dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(read(&dir.path().join(FILE), &Filter::default()).unwrap().0.len(), 6);
}
