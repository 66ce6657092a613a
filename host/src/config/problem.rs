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
        let problems = problems
            .into_iter()
            .map(|problem| {
                let (line, column) = position(text, problem.span.start);
                // The file's own words and other libraries' are shown in a terminal.
                let shown = |text: String| printable(&text, usize::MAX);
                Located { line, column, message: shown(problem.message), fix: problem.fix.map(shown) }
            })
            .collect();
        Self { file: file.to_owned(), problems }
    }
}

/// Line and column of a byte, both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column + 1)
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
}
