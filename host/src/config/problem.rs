//! Mistakes in agent.toml: where they stand, what is wrong, what would be right. All of them are collected, none stops the reading.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::grants::log::printable;

/// One mistake, by its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the file that are wrong.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub fix: Option<String>,
}

/// One mistake, by line and column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Located {
    /// 1 is the first.
    pub line: usize,
    /// In characters; 1 is the first.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub fix: Option<String>,
}

/// Every mistake in a file, in the order of their places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistakes {
    /// The file.
    pub file: PathBuf,
    /// At least one.
    pub problems: Vec<Located>,
}

impl Mistakes {
    /// Finds the lines and columns.
    pub fn locate(file: &Path, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.start);
        let mut place = Place { rest: text, line: 1, column: 1 };
        let problems = problems
            .into_iter()
            .map(|problem| {
                let start = text.floor_char_boundary(problem.span.start);
                place.go_on(start.saturating_sub(text.len() - place.rest.len()));
                // The file's own words and other libraries' are shown in a terminal.
                let shown = |text: String| printable(&text, usize::MAX);
                let (message, fix) = (shown(problem.message), problem.fix.map(shown));
                Located { line: place.line, column: place.column, message, fix }
            })
            .collect();
        Self { file: file.to_owned(), problems }
    }
}

/// A place that only moves on, so that a file of nothing but mistakes is looked through once.
struct Place<'t> {
    /// The text from there on.
    rest: &'t str,
    line: usize,
    column: usize,
}

impl Place<'_> {
    /// Moves on by so many bytes.
    fn go_on(&mut self, bytes: usize) {
        let Some((passed, rest)) = self.rest.split_at_checked(bytes) else { return };
        let last = passed.rsplit('\n').next().unwrap_or_default().chars().count();
        match passed.matches('\n').count() {
            0 => self.column += last,
            lines => (self.line, self.column) = (self.line + lines, last + 1),
        }
        self.rest = rest;
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(out, "{separator}{}:{}:{}: {}", self.file.display(), problem.line, problem.column, problem.message)?;
            if let Some(fix) = &problem.fix {
                write!(out, "\n  fix: {fix}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by the fuzzer: a time zone's name and a setting's name came back as they were, in other libraries' words.
    #[test]
    fn no_mistake_holds_control_characters_of_the_file() {
        let text = "[agent]\ntimezone = \"a\\u001b[2Kb\"\n[postgres.main]\ndsn = \"use\\u0001r\\nok=1\"\n";
        let mistakes = crate::config::Draft::read(Path::new("agent.toml"), text).mistakes().unwrap();
        assert_eq!(mistakes.problems.len(), 2, "{mistakes}");
        for problem in &mistakes.problems {
            assert!(!problem.message.contains(char::is_control), "{problem:?}");
        }
        assert!(mistakes.problems[0].message.contains("a\\u{1b}[2Kb"), "{mistakes}");
    }

    #[test]
    fn places_are_lines_and_characters() {
        let text = "ab\nä€x\n\ny";
        let problem = |start| Problem { span: start..start, message: "m".to_owned(), fix: None };
        // Unsorted; within a character, and behind the end.
        let starts = [13, 0, 1, 2, 3, 5, 4, 8, 9, 10, 11, 99];
        let mistakes = Mistakes::locate(Path::new("f"), text, starts.map(problem).to_vec());
        let places: Vec<(usize, usize)> = mistakes.problems.iter().map(|found| (found.line, found.column)).collect();
        let expected = [(1, 1), (1, 2), (1, 3), (2, 1), (2, 1), (2, 2), (2, 3), (2, 4), (3, 1), (4, 1), (4, 2), (4, 2)];
        assert_eq!(places, expected);
    }

    /// A log file that was given by mistake: every line is one, and each was looked for from the file's begin.
    #[test]
    fn a_file_of_nothing_but_mistakes_has_its_answer_soon() {
        let text = "x\n".repeat(200_000);
        let begun = std::time::Instant::now();
        let mistakes = crate::config::Draft::read(Path::new("agent.toml"), &text).mistakes().unwrap();
        assert_eq!(mistakes.problems.last().map(|last| last.line), Some(200_000));
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "it took {:?}", begun.elapsed());
    }
}
