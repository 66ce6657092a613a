//! Ways out of a granted directory that are there on the disk.

use std::fs;
use std::process::Command;

use super::super::{Directory, Kind, Rules};
use super::{Error, Ground, SECRET, code, denied, is_root};

#[tokio::test]
async fn links_that_stay_inside_are_followed() {
    let mut ground = Ground::new();
    ground.write("20261120F/manifest", "here");
    ground.link("20261120F", "latest");
    ground.link("latest", "newest");
    ground.link("../latest/manifest", "20261120F/self");
    ground.link("../../inside/latest", "20261120F/around");
    for path in ["latest/manifest", "newest/manifest", "20261120F/self", "newest/self"] {
        assert_eq!(ground.read(path).await.unwrap(), b"here", "{path}");
    }
    assert_eq!(ground.page("newest", None).await.unwrap().entries.len(), 3);
    // Out and in again is out.
    denied(ground.read("20261120F/around/manifest").await);
}

#[tokio::test]
async fn links_that_lead_out_are_denied_and_themselves_visible() {
    let mut ground = Ground::new();
    fs::create_dir(ground.inside("d")).unwrap();
    ground.write("f", "here");
    let (absolute, back) = (ground.outside(""), ground.inside("f"));
    ground.link(absolute.join("f"), "absolute");
    ground.link("../outside/f", "relative");
    ground.link("d/../../outside/f", "roundabout");
    ground.link(&absolute, "directory");
    ground.link("directory/f", "chain");
    ground.link("loop", "loop");
    ground.link("pong", "ping");
    ground.link("ping", "pong");
    ground.link(back, "back");
    ground.link("/proc/self/root", "proc-root");
    ground.link("/proc/self/cwd", "proc-cwd");
    ground.link("/proc/self/fd", "proc-fd");
    ground.link("/proc/self/mem", "proc-mem");
    ground.link("/", "slash");
    ground.link("..", "up");
    ground.link("../outside/", "trailing");
    ground.link("/dev/stdin", "stdin");
    let paths = [
        "absolute",
        "relative",
        "roundabout",
        "directory/f",
        "chain",
        "loop",
        "ping",
        "back",
        "proc-root/etc/passwd",
        "proc-cwd/Cargo.toml",
        "proc-fd/0",
        "proc-fd/3/f",
        "proc-mem",
        "slash/etc/passwd",
        "up/outside/f",
        "trailing/f",
        "stdin",
    ];
    for path in paths {
        assert!(denied(ground.read(path).await).contains("backups"), "{path}");
        denied(ground.sha256(path).await);
    }
    for path in ["directory", "slash", "up", "proc-fd", "trailing", "loop"] {
        denied(ground.page(path, None).await);
        assert_eq!(ground.metadata(path).await.unwrap().kind, Kind::Symlink, "{path}");
    }
    // Nor is anything beyond a link looked at.
    for path in ["directory/f", "slash/etc", "up/outside", "proc-root/etc"] {
        denied(ground.metadata(path).await);
    }
    assert_eq!(ground.read("f").await.unwrap(), b"here");
}

#[tokio::test]
async fn forty_links_are_followed_and_no_endless_chain() {
    let mut ground = Ground::new();
    ground.write("l0", "here");
    for step in 1..60 {
        ground.link(format!("l{}", step - 1), &format!("l{step}"));
    }
    assert_eq!(ground.read("l40").await.unwrap(), b"here");
    denied(ground.read("l59").await);
}

#[tokio::test]
async fn a_backslash_is_a_byte_of_a_name() {
    let mut ground = Ground::new();
    ground.write("..\\outside\\f", "here");
    assert_eq!(ground.read("..\\outside\\f").await.unwrap(), b"here");
    assert_eq!(code(ground.read("..\\outside").await), "ENOENT");
}

#[tokio::test]
async fn the_kernels_own_file_systems_cannot_be_granted() {
    for path in ["/proc", "/proc/self", "/proc/self/fd", "/sys", "/sys/kernel"] {
        let mut ground = Ground::new();
        ground.directory = Directory::new("backups".to_owned(), path.into(), Rules::default()).unwrap();
        for answer in [ground.read("version").await.map(drop), ground.page("", None).await.map(drop)] {
            assert!(
                matches!(&answer, Err(Error::Unreachable(why)) if why.contains("kernel's own")),
                "{path}: {answer:?}"
            );
        }
    }
    // A granted root does not open them either: they are other file systems.
    let mut ground = Ground::new();
    ground.directory = Directory::new("backups".to_owned(), "/".into(), Rules::default()).unwrap();
    for path in ["proc/self/environ", "proc/version", "sys/kernel/notes", "dev/null", "proc/self/root/etc/passwd"] {
        denied(ground.read(path).await);
    }
    assert!(!ground.page("", None).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn what_is_mounted_below_is_outside() {
    if !is_root() {
        eprintln!("skipped: only root can mount");
        return;
    }
    let mut ground = Ground::new();
    fs::create_dir(ground.inside("bound")).unwrap();
    let point = ground.inside("bound");
    let (from, to) = (ground.outside(""), point.clone());
    assert!(Command::new("mount").arg("--bind").arg(from).arg(to).status().unwrap().success());
    let answers = (ground.read("bound/f").await, ground.page("bound", None).await, ground.page("", None).await);
    assert!(Command::new("umount").arg(point).status().unwrap().success());
    assert!(denied(answers.0).contains("mounted below it"));
    denied(answers.1);
    assert_eq!(answers.2.unwrap().entries.first().map(|entry| entry.kind), Some(Kind::Directory));
}

#[tokio::test]
async fn a_hard_link_is_not_read_unless_the_operator_says_so() {
    for hard_links in [false, true] {
        let mut ground = Ground::with(Rules { hard_links, ..Rules::default() });
        fs::hard_link(ground.outside("f"), ground.inside("f")).unwrap();
        assert_eq!(ground.metadata("f").await.unwrap().size, 7);
        if hard_links {
            assert_eq!(ground.read("f").await.unwrap(), SECRET);
        } else {
            assert!(denied(ground.read("f").await).contains("`hard_links = true` under [files.backups]"));
            denied(ground.sha256("f").await);
        }
    }
}
