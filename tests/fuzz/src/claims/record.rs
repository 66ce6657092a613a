//! The reader of recorded runs: any text has an answer, and what is read is what was written.

use pgreeve::run::recording::Recording;

/// The input is the file.
pub(super) fn holds(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Recording::parse(text) {
        Ok(recording) => {
            let written = recording.text().expect("a recording has a text");
            let lines = recording.exchanges.len() + 2;
            assert_eq!(written.lines().count(), lines, "one line each");
            assert_eq!(text.lines().count(), lines, "nothing was skipped");
            let read = Recording::parse(&written).expect("what was written is read");
            // By their words, since a NaN does not equal itself.
            assert_eq!(format!("{read:?}"), format!("{recording:?}"));
            assert_eq!(read.text().expect("it has a text again"), written);
        }
        Err((line, why)) => {
            assert!((1..=text.lines().count().max(1)).contains(&line), "line {line}: {why}");
            assert!(!why.is_empty());
        }
    }
}
