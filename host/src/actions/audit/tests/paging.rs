//! The log in parts: the parts are the whole, whatever is asked for, and each begins where the one before ended.

use super::*;

/// Entries and unreadable lines in pages of so many, read in steps of so many bytes; and how many pages it took.
fn pages(path: &Path, filter: &Filter, from: Place, most: usize, most_read: u64) -> (Vec<Found>, Vec<u64>, usize) {
    let (mut entries, mut unreadable, mut count, mut next) = (Vec::new(), Vec::new(), 0, Some(from));
    while let Some(place) = next {
        let place = place.to_string().parse().unwrap();
        let part = page(path, filter, place, most, most_read).unwrap().unwrap();
        assert!(part.entries.len() <= most && part.unreadable.len() <= most);
        entries.extend(part.entries);
        unreadable.extend(part.unreadable);
        (next, count) = (part.next, count + 1);
    }
    (entries, unreadable, count)
}

/// A log of twenty entries, between which somebody wrote two lines that are none.
fn long(state_dir: &Path) -> std::path::PathBuf {
    for _ in 0..4 {
        drop(written(state_dir));
    }
    let path = state_dir.join(FILE);
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(13, "not an entry");
    lines.insert(4, "not an entry");
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    path
}

#[test]
fn pages_are_the_whole_log_line_for_line_whatever_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let path = long(dir.path());
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let of = |job: &str| Filter { job: Some(job.into()), ..Filter::default() };
    type Passes = fn(&serde_json::Value) -> bool;
    let cases: [(Filter, Passes, usize); 4] = [
        (Filter::default(), |_| true, 20),
        (of("watch"), |entry| entry["job"] == "watch", 8),
        (Filter { event: Some("resumed".into()), ..Filter::default() }, |entry| entry["event"] == "resumed", 4),
        (of("nobody"), |_| false, 0),
    ];
    for (filter, passes, count) in cases {
        let wanted: Vec<&str> =
            lines.iter().filter(|line| serde_json::from_str(line).is_ok_and(|entry| passes(&entry))).copied().collect();
        assert_eq!(wanted.len(), count);
        for most in [1, 2, 3, 1000] {
            for most_read in [1, 700, u64::MAX] {
                let (entries, unreadable, _) = pages(&path, &filter, Place::default(), most, most_read);
                let found: Vec<&str> = entries.iter().map(|found| found.line.as_str()).collect();
                assert_eq!(found, wanted, "{filter:?}, {most} at a time, {most_read} bytes");
                let bad: Vec<&str> = unreadable.iter().map(|line| lines[*line as usize - 1]).collect();
                assert_eq!(bad, ["not an entry"; 2]);
            }
        }
        // The last so many are the end of the same list.
        for (many, block) in
            [0, 1, 2, 1000].into_iter().flat_map(|many| [1, 13, 700, 1 << 20].map(|block| (many, block)))
        {
            let (from, before) = last_in(&path, &filter, many, block).unwrap();
            let (entries, unreadable, _) = pages(&path, &filter, from, 2, u64::MAX);
            let found: Vec<&str> = entries.iter().map(|found| found.line.as_str()).collect();
            assert_eq!(found, wanted[wanted.len().saturating_sub(many)..], "{filter:?}, the last {many}");
            let above = lines.iter().position(|line| Some(*line) == found.first().copied()).unwrap_or(lines.len());
            assert_eq!(from.lines, above as u64, "{filter:?}, the last {many}");
            assert_eq!(before.len() + unreadable.len(), 2, "each unreadable line is told of once");
        }
    }
}

#[test]
fn a_page_reads_no_more_than_it_may_and_goes_on_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = long(dir.path());
    let lines = fs::read_to_string(&path).unwrap().lines().count();
    let nobody = Filter { job: Some("nobody".into()), ..Filter::default() };
    let (none, _, count) = pages(&path, &nobody, Place::default(), 1000, 1);
    // One line for each page, and one that finds nothing more.
    assert_eq!((none.len(), count), (0, lines + 1));
    assert_eq!(pages(&path, &nobody, Place::default(), 1000, u64::MAX).2, 1);
}

#[test]
fn a_place_stays_good_while_entries_are_appended_and_one_of_another_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    let mut audit = written(dir.path());
    let all = Filter::default();
    let part = page(&path, &all, Place::default(), 3, u64::MAX).unwrap().unwrap();
    let next = part.next.unwrap();
    let sixth = audit.append(&event("settled", "watch", "p1")).unwrap();
    let (rest, ..) = pages(&path, &all, next, 2, u64::MAX);
    assert_eq!(rest.iter().map(|found| found.entry.seq).collect::<Vec<_>>(), [4, 5, 6]);
    assert_eq!(rest[2].entry, sixth);
    let end = fs::metadata(&path).unwrap().len();
    for wrong in [1, next.offset - 1, next.offset + 1, end - 1, end + 1, u64::MAX] {
        let place = Place { offset: wrong, lines: 1 };
        assert_eq!(page(&path, &all, place, 3, u64::MAX).unwrap(), None, "{wrong}");
    }
    assert_eq!(page(&path, &all, Place { offset: end, lines: 6 }, 3, u64::MAX).unwrap(), Some(Page::default()));
    for wrong in ["", "-", "1", "1-", "-1", "a-b", "1-2-3", "18446744073709551616-1"] {
        assert!(wrong.parse::<Place>().is_err(), "{wrong:?}");
    }
}
