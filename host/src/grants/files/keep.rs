//! Which files an action may remove or rename, and which stay whatever it says. Pure.

use std::cmp::Reverse;

use super::Directory;
use super::policy::{Relative, shown};
use crate::grants::error::Error;

/// A file that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Seconds and nanoseconds since 1970.
    pub(super) modified: (i64, i64),
    /// Its name in the directory.
    pub(super) name: Vec<u8>,
}

/// Whether files are removed and renamed there at all.
pub(super) fn may_write(directory: &Directory) -> Result<(), Error> {
    if directory.rules.write {
        return Ok(());
    }
    let name = &directory.name;
    Err(Error::Denied(format!(
        "the directory {name:?} ({}) is for reading: if actions may remove and rename files there, add write = true under [files.{name}] in \
         agent.toml",
        directory.path.display()
    )))
}

/// A path whose last name can be removed or renamed.
pub(super) fn target(directory: &Directory, path: &str) -> Result<Relative, Error> {
    let relative = Relative::new(&directory.name, path)?;
    if relative.name().is_empty() {
        return Err(Error::Invalid("the path is empty, and the directory itself stays".to_owned()));
    }
    Ok(relative)
}

/// The two paths of a rename, which differ in their last names alone.
pub(super) fn rename(directory: &Directory, from: &str, to: &str) -> Result<(Relative, Relative), Error> {
    let (from, to) = (target(directory, from)?, target(directory, to)?);
    if from.parent() != to.parent() {
        let (from, to) = (shown(from.as_str()), shown(to.as_str()));
        return Err(Error::Denied(format!(
            "{from} and {to} are in different directories: a file is renamed within its own"
        )));
    }
    if from == to {
        return Err(Error::Invalid(format!("{} is its own new name", shown(from.as_str()))));
    }
    Ok((from, to))
}

/// Whether the rule lets a file go: its name matches the pattern, and `keep` newer ones do too. Of two files of one age, that with the greater
/// name counts as newer. `there` are the regular files of its directory.
pub(super) fn lets_go(path: &Relative, pattern: &str, keep: u32, there: &[Candidate]) -> Result<(), Error> {
    let file = shown(path.as_str());
    if !matches(pattern.as_bytes(), path.name().as_bytes()) {
        return Err(Error::Denied(format!(
            "{file} does not match {}, which are the files that this action removes",
            shown(pattern)
        )));
    }
    let mut candidates: Vec<&Candidate> = there.iter().filter(|file| matches(pattern.as_bytes(), &file.name)).collect();
    candidates.sort_by_key(|file| Reverse(*file));
    let kept = usize::try_from(keep).unwrap_or(usize::MAX);
    if candidates.iter().take(kept).any(|file| file.name == path.name().as_bytes()) {
        return Err(Error::Denied(format!(
            "{file} is one of the {keep} newest files that match {}, and those stay",
            shown(pattern)
        )));
    }
    Ok(())
}

/// Whether a name matches a pattern: `*` stands for any characters or none, `?` for one. As in a shell, neither stands for a dot at the
/// beginning, so that a file which is still being written under a temporary name is none of the files.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    // The last `*` and where in the name its part ended so far: the only place to go back to.
    let (mut at, mut in_name, mut star) = (0, 0, None);
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(b'?') => {
                // One character, not one byte of it.
                in_name += 1;
                while name.get(in_name).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {
                    in_name += 1;
                }
                at += 1;
            }
            Some(byte) if name.get(in_name) == Some(byte) => {
                at += 1;
                in_name += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    (at, in_name) = (star_at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_shell() {
        for (pattern, name, matched) in [
            ("*", "a", true),
            ("*", "", true),
            ("*", ".a", false),
            ("?a", ".a", false),
            (".*", ".a", true),
            ("*.dump", "a.dump", true),
            ("*.dump", ".dump", false),
            ("*.dump", "a.dump.sha256", false),
            ("*.dump", ".a.dump.pgreeve-partial-1-2", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("**a**", "bab", true),
            ("?", "ä", true),
            ("??", "ä", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "a", false),
            ("[ab]", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), matched, "{pattern} {name}");
        }
    }

    #[test]
    fn the_newest_stay() {
        let file = |modified, name: &str| Candidate { modified: (modified, 0), name: name.into() };
        let there = [file(5, "a.dump"), file(9, "b.dump"), file(9, "c.dump"), file(1, "d.dump"), file(99, "new.log")];
        let goes = |name: &str, keep| {
            let path = Relative::new("d", &format!("sub/{name}")).unwrap();
            lets_go(&path, "*.dump", keep, &there).is_ok()
        };
        for (keep, gone) in [
            (0, &["a.dump", "b.dump", "c.dump", "d.dump"][..]),
            (1, &["a.dump", "b.dump", "d.dump"]),
            (2, &["a.dump", "d.dump"]),
            (3, &["d.dump"]),
            (4, &[]),
            (u32::MAX, &[]),
        ] {
            for name in ["a.dump", "b.dump", "c.dump", "d.dump", "new.log"] {
                assert_eq!(goes(name, keep), gone.contains(&name), "{name} {keep}");
            }
        }
    }
}
