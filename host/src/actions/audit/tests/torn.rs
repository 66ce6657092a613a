//! An agent that was killed while it wrote.

use super::*;

#[test]
fn a_line_cut_off_at_any_byte_is_moved_away_and_the_log_goes_on() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    drop(written(dir.path()));
    let path = dir.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let mut torn = 0;
    for length in last..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let audit = Audit::open(dir.path()).unwrap();
        let (entries, unreadable) = read(&path, &Filter::default()).unwrap();
        assert!(unreadable.is_empty());
        assert!(verified(&path, &audit.head()));
        assert!(fs::read(&path).unwrap().starts_with(&whole[..last]), "what was acknowledged stays");
        if length == last {
            assert_eq!(entries.len(), 4);
            continue;
        }
        torn += 1;
        let (file, bytes) = (format!("audit.torn-{torn}"), (length - last) as u64);
        assert_eq!(fs::read(dir.path().join(&file)).unwrap(), &whole[last..length]);
        assert_eq!(entries[4].event, Event::Torn { file, bytes });
        assert_eq!(entries.len(), 5);
    }
    assert!(torn > 100);
}

#[test]
fn a_first_line_that_was_cut_off_leaves_an_empty_log() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), "{\"seq\":1").unwrap();
    let audit = Audit::open(dir.path()).unwrap();
    assert_eq!(audit.head().seq, 1);
    assert!(verified(&dir.path().join(FILE), &audit.head()));
}

#[test]
fn long_lines_are_found_from_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut audit = Audit::open(dir.path()).unwrap();
    for length in [10, 300_000, 70_000, 10, 10, 500_000] {
        audit.append(&Event::Resumed { who: "x".repeat(length), why: None }).unwrap();
        let again = Audit::open(dir.path()).unwrap();
        assert_eq!(again.head(), audit.head());
    }
}
