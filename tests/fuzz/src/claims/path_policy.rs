//! The policies of `files` and `commands`: a path that passes stays inside its directory, and a value fills its own place in an argument
//! vector without becoming an option, a second argument or a way out.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use pgreeve::grants::commands::{self, Argument, Command, Kind, Section};
use pgreeve::grants::error::Error;
use pgreeve::grants::files::policy::{Relative, after};

/// Where the directory of the paths is.
const ROOT: &str = "/srv/backups";

/// Every text is tried as a path of `files`. The first five fill the placeholders of a command, whose arguments are the rest.
pub(super) fn holds(input: &[u8]) {
    let texts = super::texts(input);
    for text in &texts {
        path(text);
        if let Ok(Some(name)) = after(Some(text)) {
            assert!(!name.contains(['/', '\0']), "{name:?}");
        }
    }
    if let Some((values, run)) = texts.split_at_checked(5) {
        command(values, run);
    }
}

fn path(text: &str) {
    match Relative::new("backups", text) {
        Ok(relative) => {
            assert_eq!(relative.as_str(), text, "what is looked up is what was checked");
            assert!(inside(text), "{text:?}");
            assert!(!text.contains('\0') && text.len() < 4096, "{text:?}");
            let way: Vec<&str> = relative.on_the_way().collect();
            assert_eq!(way.last().copied(), Some(relative.for_kernel()));
            assert_eq!(way.len(), text.matches('/').count() + 1, "{text:?}");
            assert!(way.iter().all(|step| !step.is_empty() && (inside(step) || text.is_empty())), "{way:?}");
        }
        Err(Error::Denied(why)) => {
            assert!(text.starts_with('/') || text.split('/').any(|part| part == ".."), "{text:?}: {why}");
        }
        Err(Error::Invalid(why)) => {
            let plain = inside(text) && !text.contains('\0') && text.len() < 4096;
            assert!(!plain || text.split('/').any(|part| part.len() > 255), "{text:?} leads nowhere else: {why}");
        }
        Err(other) => panic!("{text:?}: {other:?}"),
    }
}

/// Whether every part is a name, by the standard library's reading of paths.
fn inside(text: &str) -> bool {
    let parts: Vec<Component<'_>> = Path::new(text).components().collect();
    parts.iter().all(|part| matches!(part, Component::Normal(_)))
        && parts.iter().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/") == text
}

fn command(values: &[String], run: &[String]) {
    let kinds = [
        ("text", Kind::Text { longest: 64 }),
        ("name", Kind::Identifier),
        ("number", Kind::Integer { least: -5, most: 500 }),
        ("mode", Kind::Choice(vec!["full".to_owned(), "schema".to_owned()])),
        ("file", Kind::Path { directory: "backups".to_owned(), root: ROOT.into() }),
    ];
    let program = "/usr/bin/program".to_owned();
    // Placeholders that the arguments do not use would be refused with the whole command.
    let used = |name: &str| run.iter().any(|argument| argument.contains(&format!("{{{name}}}")));
    let parameters: BTreeMap<String, Kind> =
        kinds.iter().filter(|(name, _)| used(name)).map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect();
    let values: BTreeMap<&str, &String> = kinds.iter().map(|(name, _)| *name).zip(values).collect();
    let arguments: Vec<Argument> =
        parameters.keys().map(|name| Argument { name: name.clone(), value: values[name.as_str()].clone() }).collect();
    let section = Section {
        name: "fuzzed".to_owned(),
        run: [program.clone()].into_iter().chain(run.iter().cloned()).collect(),
        parameters: parameters.clone(),
        ..Section::default()
    };
    let Ok(command) = Command::new(section) else { return };
    let Ok(filled) = commands::fill(&command, &arguments) else { return };
    assert_eq!(filled.argv.len(), run.len() + 1, "one argument stays one: {filled:?}");
    assert_eq!(filled.argv[0].as_bytes(), program.as_bytes());
    for (pattern, argument) in run.iter().zip(&filled.argv[1..]) {
        let argument = argument.to_str().expect("text was filled into text");
        assert_eq!(argument, by_hand(pattern, &values), "{pattern:?}");
        assert!(!argument.starts_with('-') || pattern.starts_with('-'), "{pattern:?} became the option {argument:?}");
    }
    for name in parameters.keys() {
        let value = values[name.as_str()];
        assert!(!value.is_empty() && !value.contains(char::is_control), "{name}: {value:?}");
        let fits = match name.as_str() {
            "text" => value.len() <= 64,
            "name" => value.len() <= 63 && !value.contains(['/', '=', ' ', ':', '@', '*', '?']),
            "number" => (-5..=500).any(|number: i64| number.to_string() == *value),
            "mode" => value == "full" || value == "schema",
            _ => inside(value),
        };
        assert!(fits, "{name}: {value:?}");
    }
    for place in filled.paths.iter().chain(&filled.stdout) {
        assert!(place.path().starts_with(ROOT) && place.path() != Path::new(ROOT), "{place:?}");
        assert!(!place.path().components().any(|part| part == Component::ParentDir), "{place:?}");
    }
}

/// What an argument comes to, by replacing one thing at a time.
fn by_hand(pattern: &str, values: &BTreeMap<&str, &String>) -> String {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        let after = &rest[next.len_utf8()..];
        if (next == '{' || next == '}') && after.starts_with(next) {
            filled.push(next);
            rest = &after[1..];
        } else if let Some((name, after)) = after.split_once('}').filter(|_| next == '{') {
            if name == "file" {
                filled.push_str(ROOT);
                filled.push('/');
            }
            filled.push_str(values[name]);
            rest = after;
        } else {
            filled.push(next);
            rest = after;
        }
    }
    filled
}
