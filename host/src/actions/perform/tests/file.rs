//! Files removed and renamed on a real file system.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Ended, What, act};
use crate::grants::files::{Directory, Rules};

struct Ground {
    base: tempfile::TempDir,
    directory: Directory,
}

impl Ground {
    fn new(write: bool) -> Self {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("inside")).unwrap();
        let rules = Rules { write, ..Rules::default() };
        let directory = Directory::new("dumps".into(), base.path().join("inside"), rules).unwrap();
        Self { base, directory }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.base.path().join("inside").join(path)
    }

    /// A file of so many seconds of age since 1970.
    fn write(&self, path: &str, age: u64) {
        fs::write(self.path(path), "abc").unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(age);
        fs::File::options().write(true).open(self.path(path)).unwrap().set_modified(modified).unwrap();
    }

    async fn remove(&self, path: &str, pattern: &str, keep: u32) -> (Ended, String) {
        let directory = Arc::new(self.directory.clone());
        act(What::Remove { directory, path: path.into(), pattern: pattern.into(), keep }).await
    }

    async fn rename(&self, from: &str, to: &str) -> (Ended, String) {
        let directory = Arc::new(self.directory.clone());
        act(What::Rename { directory, from: from.into(), to: to.into() }).await
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_file_is_removed_and_described_and_the_newest_stay() {
    let ground = Ground::new(true);
    for (name, age) in [("a.dump", 10), ("b.dump", 30), ("c.dump", 30), ("d.dump", 20), ("e.log", 90)] {
        ground.write(name, age);
    }
    let (ended, detail) = ground.remove("a.dump", "*.dump", 2).await;
    // The first test vector of FIPS 180-2.
    let expected = "removed a.dump: 3 bytes, modified 1970-01-01T00:00:10Z, SHA-256 \
                    ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!((ended, detail.as_str()), (Ended::Done, expected));
    for (name, why) in [
        ("b.dump", "one of the 2 newest files that match \"*.dump\", and those stay"),
        ("c.dump", "one of the 2 newest"),
        ("e.log", "does not match \"*.dump\""),
        ("a.dump", "ENOENT"),
    ] {
        let (ended, detail) = ground.remove(name, "*.dump", 2).await;
        assert_eq!(ended, Ended::Refused, "{name}");
        assert!(detail.contains(why), "{detail}");
    }
    assert_eq!(ground.remove("d.dump", "*.dump", 2).await.0, Ended::Done);
    assert_eq!(ground.names(), ["b.dump", "c.dump", "e.log"]);
    // The last one goes where nothing is to be kept.
    assert_eq!(ground.remove("e.log", "*.log", 1).await.0, Ended::Refused);
    assert_eq!(ground.remove("e.log", "*.log", 0).await.0, Ended::Done);
}

#[tokio::test]
async fn without_the_operators_word_nothing_is_written() {
    let ground = Ground::new(false);
    ground.write("a", 1);
    for (ended, detail) in [ground.remove("a", "*", 0).await, ground.rename("a", "b").await] {
        assert_eq!(ended, Ended::Refused);
        assert!(detail.contains("add write = true under [files.dumps]"), "{detail}");
    }
    assert_eq!(ground.names(), ["a"]);
}

#[tokio::test]
async fn only_regular_files_inside_are_touched() {
    let ground = Ground::new(true);
    fs::write(ground.base.path().join("outside"), "x").unwrap();
    fs::create_dir(ground.path("sub")).unwrap();
    ground.write("sub/f", 1);
    symlink("../outside", ground.path("link")).unwrap();
    symlink("sub", ground.path("way")).unwrap();
    symlink("..", ground.path("up")).unwrap();
    for path in ["sub", "link", "way/f", "up/outside", "../outside", "/etc/passwd", "", "sub/../sub/f", "absent/f"] {
        let (ended, detail) = ground.remove(path, "*", 0).await;
        assert_eq!(ended, Ended::Refused, "{path}: {detail}");
        let (ended, detail) = ground.rename(path, &format!("{path}2")).await;
        assert_eq!(ended, Ended::Refused, "{path}: {detail}");
    }
    assert!(ground.base.path().join("outside").exists());
    assert_eq!(ground.names(), ["link", "sub", "up", "way"]);
    assert_eq!(ground.remove("sub/f", "*", 0).await.0, Ended::Done);
    assert!(!ground.path("sub/f").exists());
}

#[tokio::test]
async fn a_rename_stays_in_its_directory_and_replaces_nothing() {
    let ground = Ground::new(true);
    fs::create_dir(ground.path("sub")).unwrap();
    ground.write("a", 1);
    ground.write("b", 2);
    assert_eq!(ground.rename("a", "c").await, (Ended::Done, "renamed a to c".to_owned()));
    let (ended, detail) = ground.rename("c", "b").await;
    assert_eq!(ended, Ended::Failed);
    assert!(detail.contains("EEXIST") || detail.contains("File exists"), "{detail}");
    for (from, to) in [("c", "sub/c"), ("c", "../c"), ("c", "c"), ("sub", "sub2"), ("c", "")] {
        assert_eq!(ground.rename(from, to).await.0, Ended::Refused, "{from} {to}");
    }
    assert_eq!(ground.names(), ["b", "c", "sub"]);
}
