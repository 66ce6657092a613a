//! Which paths mean something, by their text alone.

use std::path::PathBuf;
use std::time::Duration;

use super::super::policy::{Relative, after, kernels_own, may_hash, may_read, shown};
use super::{Directory, Error, Rules, code, denied};
use rustix::fs::FileType;

#[test]
fn names_with_slashes_between_them_are_paths() {
    let long = vec!["x".repeat(255); 15].join("/");
    for path in
        ["", "a", "a/b", "a b", "ä/ö", "...", "..a", "a..", ".a", "a\\..\\b", "-rf", "~", "%2e%2e", "\u{202e}", &long]
    {
        assert_eq!(Relative::new("d", path).map(|path| path.as_str().to_owned()), Ok(path.to_owned()));
    }
}

#[test]
fn paths_that_lead_out_are_denied() {
    for path in ["..", "../f", "a/..", "a/../b", "a/../../f", "/", "/etc/passwd", "//etc", "../", "a//..", "./.."] {
        let words = denied(Relative::new("d", path));
        assert!(words.contains("[files.NAME]") && words.contains("\"d\""), "{path}: {words}");
    }
}

#[test]
fn malformed_paths_are_invalid() {
    let (long_name, long) = ("x".repeat(256), "x/".repeat(2048) + "x");
    for path in ["a\0b", "\0", "a/", "a//b", ".", "./a", "a/.", "a/./b", &long_name, &long, "/a\0"] {
        assert!(matches!(Relative::new("d", path), Err(Error::Invalid(_))), "{path:?}");
    }
}

#[test]
fn the_way_to_a_path_leads_from_the_outside_in() {
    let way = |path| Relative::new("d", path).unwrap().on_the_way().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(way("a/b/c"), ["a", "a/b", "a/b/c"]);
    assert_eq!(way("a"), ["a"]);
    assert_eq!(way(""), ["."]);
}

#[test]
fn a_listing_goes_on_after_a_name_not_a_path() {
    assert_eq!(after(Some("a")), Ok(Some("a")));
    assert_eq!(after(None), Ok(None));
    for path in ["a/b", "/", "a\0"] {
        assert!(matches!(after(Some(path)), Err(Error::Invalid(_))), "{path:?}");
    }
}

#[test]
fn only_regular_files_with_one_name_are_read() {
    let mut directory = Directory::new("d".to_owned(), "/d".into(), Rules::default()).unwrap();
    let path = Relative::new("d", "f").unwrap();
    let may = |directory: &Directory, kind, names| may_read(directory, &path, kind, names);
    assert_eq!(may(&directory, FileType::RegularFile, 1), Ok(()));
    // Unlinked since: its contents are still those of a file that stood inside.
    assert_eq!(may(&directory, FileType::RegularFile, 0), Ok(()));
    for kind in [
        FileType::Fifo,
        FileType::Socket,
        FileType::CharacterDevice,
        FileType::BlockDevice,
        FileType::Symlink,
        FileType::Unknown,
    ] {
        denied(may(&directory, kind, 1));
    }
    assert_eq!(code(may(&directory, FileType::Directory, 2)), "EISDIR");
    assert!(denied(may(&directory, FileType::RegularFile, 2)).contains("`hard_links = true` under [files.d]"));
    directory.rules.hard_links = true;
    assert_eq!(may(&directory, FileType::RegularFile, 2), Ok(()));
    denied(may(&directory, FileType::Fifo, 2));
}

#[test]
fn a_file_over_max_hash_is_not_hashed() {
    let directory = Directory::new("d".to_owned(), "/d".into(), Rules { max_hash: 10, ..Rules::default() }).unwrap();
    let path = Relative::new("d", "f").unwrap();
    assert_eq!(may_hash(&directory, &path, 10), Ok(()));
    assert!(denied(may_hash(&directory, &path, 11)).contains("`max_hash` under [files.d]"));
}

#[test]
fn the_kernels_own_file_systems_are_known_by_their_magic() {
    // PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP2_SUPER_MAGIC; EXT4_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC.
    for (magic, own) in [(0x9fa0, true), (0x6265_6572, true), (0x6367_7270, true)] {
        assert_eq!(kernels_own(magic).is_some(), own, "{magic:x}");
    }
    for magic in [0xef53, 0x0102_1994, 0x5846_5342, 0x9123_683e, 0x6969] {
        assert_eq!(kernels_own(magic), None, "{magic:x}");
    }
}

#[test]
fn a_guests_text_cannot_forge_a_line() {
    assert_eq!(shown("a\nb\x1b[31m"), "\"a\\nb\\u{1b}[31m\"");
    assert_eq!(shown(&"ä".repeat(300)).chars().count(), 203);
}

#[test]
fn a_directory_that_makes_no_sense_is_a_configuration_error() {
    let rules = Rules::default;
    let cases: [(&str, Rules, &str); 6] = [
        ("backups", rules(), "not absolute"),
        ("/a/../b", rules(), "`..`"),
        ("/a\0b", rules(), "NUL"),
        ("/a", Rules { max_entries: 0, ..rules() }, "max_entries"),
        ("/a", Rules { max_entries: 10_001, ..rules() }, "max_entries"),
        ("/a", Rules { timeout: Duration::ZERO, ..rules() }, "timeout"),
    ];
    for (path, rules, word) in cases {
        let why = Directory::new("d".to_owned(), PathBuf::from(path), rules).unwrap_err();
        assert!(why.contains(word), "{why}");
    }
    Directory::new("d".to_owned(), "/a".into(), rules()).unwrap();
}
