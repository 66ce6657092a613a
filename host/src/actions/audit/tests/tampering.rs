//! Whatever is changed is found.

use super::*;

/// Writes a log's bytes to a file of its own and verifies them.
struct Desk {
    dir: tempfile::TempDir,
    bytes: Vec<u8>,
    head: Head,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let head = written(dir.path()).head();
        let bytes = fs::read(dir.path().join(FILE)).unwrap();
        Self { dir, bytes, head }
    }

    fn wrong(&self, bytes: &[u8], head: Option<&Head>) -> Option<u64> {
        let path = self.dir.path().join("changed");
        fs::write(&path, bytes).unwrap();
        match verify(&path, head).unwrap() {
            Verdict::Wrong { line, .. } => Some(line),
            Verdict::Verified(_) => None,
        }
    }

    fn lines(&self) -> Vec<&[u8]> {
        self.bytes.split_inclusive(|byte| *byte == b'\n').collect()
    }
}

#[test]
fn every_changed_byte_is_found_where_it_is() {
    let desk = Desk::new();
    assert_eq!(desk.wrong(&desk.bytes, None), None);
    let mut bytes = desk.bytes.clone();
    for at in 0..bytes.len() {
        let own = bytes[at];
        let line = 1 + desk.bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
        for other in (0..8).map(|bit| own ^ (1 << bit)).chain([b'\n', b'"', b'}', b'0', 0xff]) {
            if other != own {
                bytes[at] = other;
                assert_eq!(desk.wrong(&bytes, None), Some(line), "byte {at}: {own} became {other}");
            }
        }
        bytes[at] = own;
    }
}

#[test]
fn every_removed_byte_and_every_added_one_is_found() {
    let desk = Desk::new();
    for at in 0..desk.bytes.len() {
        let mut bytes = desk.bytes.clone();
        bytes.remove(at);
        assert!(desk.wrong(&bytes, None).is_some(), "without byte {at}");
        for more in [b' ', b'\n', b'0'] {
            let mut bytes = desk.bytes.clone();
            bytes.insert(at, more);
            assert!(desk.wrong(&bytes, None).is_some(), "{more} at {at}");
        }
    }
}

#[test]
fn every_removed_repeated_or_moved_line_is_found() {
    let desk = Desk::new();
    let lines = desk.lines();
    for one in 0..lines.len() {
        let mut less = lines.clone();
        less.remove(one);
        // The last line is missed by its head alone.
        let head = (one + 1 == lines.len()).then_some(&desk.head);
        assert_eq!(desk.wrong(&less.concat(), head), Some(one as u64 + 1), "without line {}", one + 1);
        let mut twice = lines.clone();
        twice.insert(one, lines[one]);
        assert_eq!(desk.wrong(&twice.concat(), None), Some(one as u64 + 2));
        for other in one + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(one, other);
            assert_eq!(desk.wrong(&swapped.concat(), None), Some(one as u64 + 1), "{one} and {other}");
        }
    }
}

#[test]
fn a_log_that_was_cut_off_or_written_anew_is_found_by_the_head_kept_elsewhere() {
    let desk = Desk::new();
    for length in 0..desk.bytes.len() {
        assert!(desk.wrong(&desk.bytes[..length], Some(&desk.head)).is_some(), "{length}");
    }
    let anew = Desk::new();
    assert_eq!(anew.wrong(&anew.bytes, None), None);
    assert_eq!(anew.wrong(&anew.bytes, Some(&desk.head)), Some(5), "another log of as many entries");
    let nothing = desk.dir.path().join("absent");
    assert!(matches!(verify(&nothing, Some(&desk.head)).unwrap(), Verdict::Wrong { line: 1, .. }));
    // A head from before the last entries is still one of the log's.
    let earlier = read(&desk.dir.path().join(FILE), &Filter::default()).unwrap().0[2].clone();
    assert_eq!(desk.wrong(&desk.bytes, Some(&Head { seq: earlier.seq, hash: earlier.hash })), None);
}

#[test]
fn nothing_is_chained_to_what_was_changed() {
    let desk = Desk::new();
    let path = desk.dir.path().join(FILE);
    let last = desk.bytes.len() - desk.lines().last().unwrap().len();
    for at in [last + 10, desk.bytes.len() - 5, last - 5] {
        let mut bytes = desk.bytes.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(Audit::open(desk.dir.path()), Err(AuditError::Damaged { .. })), "{at}");
    }
    // While it is open.
    for change in [
        |path: &Path, bytes: &[u8]| fs::write(path, &bytes[..bytes.len() - 9]).unwrap(),
        |path: &Path, bytes: &[u8]| fs::write(path, [bytes, b"{}\n"].concat()).unwrap(),
        |path: &Path, bytes: &[u8]| fs::write(path, [bytes, b"{}"].concat()).unwrap(),
        |path: &Path, _: &[u8]| fs::remove_file(path).unwrap(),
        |path: &Path, bytes: &[u8]| {
            fs::rename(path, path.with_extension("old")).unwrap();
            fs::write(path, bytes).unwrap();
        },
    ] {
        fs::write(&path, &desk.bytes).unwrap();
        let mut audit = Audit::open(desk.dir.path()).unwrap();
        change(&path, &desk.bytes);
        let refused = audit.append(&Event::Resumed { who: "me".into(), why: None });
        assert!(matches!(refused, Err(AuditError::Damaged { .. })), "{refused:?}");
    }
}
