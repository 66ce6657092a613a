//! The kinds of value that a placeholder can have. They are few on purpose: each is a rule that an operator can hold in mind.

use std::path::PathBuf;

/// The longest text that a parameter may allow, in bytes: half of what Linux takes as one argument.
const LONGEST_TEXT: usize = 64 << 10;
/// The longest text if the operator names no other.
const USUAL_TEXT: usize = 1024;

/// What may fill a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `"text"`, `{ text = 64 }`: 1 to so many bytes (default 1,024) without control characters or line separators.
    Text {
        /// Bytes of UTF-8.
        longest: usize,
    },
    /// `"identifier"`: an ASCII letter or `_`, then letters, digits, `_`, `$` and `-`; at most 63 bytes, as a database's name. It can be no
    /// option, no path, no pattern, no connection string.
    Identifier,
    /// `"integer"`, `{ integer = [1, 16] }`: a whole number in decimal, without a plus sign or leading zeros.
    Integer {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// `["full", "schema"]`: one of these words.
    Choice(Vec<String>),
    /// `{ path = "backups" }`: a relative path in the directory that `[files.backups]` names, without `.`, `..` and empty parts. The
    /// command gets the absolute path. No part of it may be a symbolic link when the command is started; what somebody else who can write in
    /// that directory does a moment later is out of the host's hands, except for `stdout`, which is opened through descriptors.
    Path {
        /// The directory's name in agent.toml.
        directory: String,
        /// Where it is.
        root: PathBuf,
    },
}

impl Kind {
    /// A kind that is written as one word.
    pub fn named(word: &str) -> Result<Self, String> {
        match word {
            "text" => Ok(Self::Text { longest: USUAL_TEXT }),
            "identifier" => Ok(Self::Identifier),
            "integer" => Ok(Self::Integer { least: i64::MIN, most: i64::MAX }),
            _ => Err(format!(
                "{word:?} is no kind of parameter: write \"text\", \"identifier\", \"integer\", a list of words, {{ text = BYTES }}, \
                 {{ integer = [LEAST, MOST] }} or {{ path = \"DIRECTORY\" }}"
            )),
        }
    }

    /// What is wrong with it as the operator wrote it.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Text { longest } if !(1..=LONGEST_TEXT).contains(longest) => {
                Err(format!("a text of at most {longest} bytes: write 1 to {LONGEST_TEXT}"))
            }
            Self::Integer { least, most } if least > most => Err(format!("no integer lies between {least} and {most}")),
            Self::Choice(words) if words.is_empty() => Err("a choice of nothing: name at least one word".to_owned()),
            Self::Choice(words) => words.iter().try_for_each(|word| {
                if word.is_empty() || word.contains(unfit) {
                    Err(format!("{word:?} is empty or holds a control character"))
                } else if word.starts_with('-') {
                    Err(format!("{word:?} begins with -: write the dashes in `run`, as in \"--{{mode}}\""))
                } else {
                    Ok(())
                }
            }),
            Self::Path { directory, root } if !root.is_absolute() => {
                Err(format!("[files.{directory}] is at {}, which is no absolute path", root.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Characters that no value holds: control characters (NUL and line ends among them) and Unicode's line separators.
pub(super) fn unfit(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}
