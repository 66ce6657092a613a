//! The reader of agent.toml: any text has an answer, and every mistake has a place in the file and words for it.

use std::path::Path;

use pgreeve::config::Draft;

/// The input is the file.
pub(super) fn holds(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let path = Path::new("/nowhere/agent.toml");
    let general = Draft::read(path, text).general_mistakes().map_or(0, |mistakes| mistakes.problems.len());
    let Some(mistakes) = Draft::read(path, text).mistakes() else {
        assert_eq!(general, 0, "a mistake in general is a mistake");
        return;
    };
    assert!((general.max(1)..).contains(&mistakes.problems.len()), "{mistakes}");
    let lines: Vec<usize> = text.split('\n').map(|line| line.chars().count()).collect();
    let mut before = (1, 1);
    for problem in &mistakes.problems {
        let place = (problem.line, problem.column);
        assert!(before <= place, "in the order of their places: {mistakes}");
        before = place;
        let length = problem.line.checked_sub(1).and_then(|line| lines.get(line));
        let inside = length.is_some_and(|length| (1..=length + 1).contains(&problem.column));
        assert!(inside, "{problem:?} is not in the file");
        assert!(!problem.message.trim().is_empty(), "{problem:?}");
        assert!(problem.fix.as_ref().is_none_or(|fix| !fix.trim().is_empty()), "{problem:?}");
    }
    // One that a terminal is shown: a file holds no control sequence that gets there.
    let shown = mistakes.to_string();
    let control = |character: char| character.is_control() && character != '\n';
    assert!(!shown.contains(control), "{shown:?}");
}
