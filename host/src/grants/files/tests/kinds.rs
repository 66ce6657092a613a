//! What is neither file nor directory is listed and never opened.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, makedev, mknodat};

use super::super::Kind;
use super::{Ground, code, denied, is_root};

pub(super) fn node(path: &Path, kind: FileType, device: u64) {
    mknodat(CWD, path, kind, Mode::from_raw_mode(0o666), device).unwrap();
}

/// Whether somebody holds the FIFO open for reading: else a writer that does not wait is turned away (ENXIO).
pub(super) fn has_reader(fifo: &Path) -> bool {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
    OpenOptions::new().write(true).custom_flags(flags).open(fifo).is_ok()
}

#[tokio::test]
async fn fifo_socket_and_device_are_listed_and_not_read() {
    let mut ground = Ground::new();
    node(&ground.inside("fifo"), FileType::Fifo, 0);
    let _listener = UnixListener::bind(ground.inside("socket")).unwrap();
    let mut names = vec!["fifo", "socket"];
    if is_root() {
        // /dev/zero would read for ever.
        node(&ground.inside("zero"), FileType::CharacterDevice, makedev(1, 5));
        node(&ground.inside("disk"), FileType::BlockDevice, makedev(7, 255));
        names.extend(["zero", "disk"]);
    } else {
        eprintln!("without devices: only root can make them");
    }
    names.sort_unstable();
    let listed = ground.page("", None).await.unwrap().entries;
    assert_eq!(listed.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(), names);
    for entry in listed {
        assert_eq!((entry.kind, entry.size), (Kind::Other, 0), "{}", entry.path);
        assert_eq!(ground.metadata(&entry.path).await.unwrap(), entry);
        assert!(denied(ground.read(&entry.path).await).contains("opens regular files only"));
        denied(ground.sha256(&entry.path).await);
        assert_eq!(code(ground.page(&entry.path, None).await), "ENOTDIR");
    }
    // A link to one is no way around.
    ground.link("fifo", "link");
    denied(ground.read("link").await);
    assert!(!has_reader(&ground.inside("fifo")));
}

#[tokio::test]
async fn kinds_sizes_and_times_are_those_of_stat() {
    let mut ground = Ground::new();
    ground.write("f", "12345");
    fs::create_dir(ground.inside("d")).unwrap();
    ground.link("f", "l");
    for (path, kind, size) in
        [("d", Kind::Directory, 0), ("f", Kind::File, 5), ("l", Kind::Symlink, 0), ("", Kind::Directory, 0)]
    {
        let entry = ground.metadata(path).await.unwrap();
        let truth = fs::symlink_metadata(ground.inside(path)).unwrap().modified().unwrap();
        let micros = truth.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
        assert_eq!(
            (entry.path.as_str(), entry.kind, entry.size, i128::from(entry.modified)),
            (path, kind, size, micros.try_into().unwrap())
        );
    }
    // Before 1970, with a fraction: a second and a half earlier is half a second after two seconds earlier.
    let early = std::time::UNIX_EPOCH - std::time::Duration::from_millis(1500);
    fs::File::options().write(true).open(ground.inside("f")).unwrap().set_modified(early).unwrap();
    assert_eq!(ground.metadata("f").await.unwrap().modified, -1_500_000);
}
