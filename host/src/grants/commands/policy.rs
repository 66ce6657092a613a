//! Which values may fill a command's placeholders, and the argument vector that comes of it. Pure: what the file system says of a path
//! is looked at when the command is started.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use super::{
    call::Argument,
    command::{Command, Effect},
    file::is_partial,
    inside::Place,
    kind::{Kind, unfit},
};
use crate::grants::error::Error;

/// The longest relative path, in bytes, and the longest of its parts. The parts leave room for a temporary name beside the file.
const LONGEST_PATH: usize = 1024;
const LONGEST_PART: usize = 200;

/// What would be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The program and its arguments, exactly.
    pub argv: Vec<OsString>,
    /// The paths that stand in the arguments.
    pub paths: Vec<Place>,
    /// The file that stdout goes to.
    pub stdout: Option<Place>,
}

/// Why a command is not run with these arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The arguments are not what the command takes.
    #[error("{0}")]
    Invalid(String),
    /// The operator's rules do not let this value through; the text says which rule.
    #[error("{0}")]
    Denied(String),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Invalid(why) => Self::Invalid(why),
            Refused::Denied(why) => Self::Denied(why),
        }
    }
}

/// Whether a plugin may run it while it observes.
pub(super) fn observes(command: &Command) -> Result<(), Refused> {
    match command.effect {
        Effect::Read => Ok(()),
        Effect::Write => Err(Refused::Denied(format!(
            "command {:?} has effect = \"write\", so it runs only as an action that a plugin proposes, never while it observes; if it \
             changes nothing, add effect = \"read\" under [command.{}] in agent.toml",
            command.name, command.name
        ))),
    }
}

/// Fills every placeholder with one whole value. The vector has as many elements as the operator wrote, and literal text is unchanged. No
/// element that begins with a value begins with `-`; that holds after a literal `--` too, which not every program heeds.
pub fn fill(command: &Command, arguments: &[Argument]) -> Result<Filled, Refused> {
    let given = matched(command, arguments)?;
    let mut values: BTreeMap<&str, OsString> = BTreeMap::new();
    let mut places: BTreeMap<&str, Place> = BTreeMap::new();
    for (name, kind) in &command.parameters {
        let value = *given.get(name.as_str()).ok_or_else(|| missing(command, name))?;
        admit(command, name, kind, value)?;
        let value = match kind {
            Kind::Path { root, .. } => {
                let place = Place { root: root.clone(), relative: value.into() };
                let path = place.path().into_os_string();
                places.insert(name, place);
                path
            }
            _ => value.into(),
        };
        values.insert(name, value);
    }
    let mut argv = vec![command.program.clone().into_os_string()];
    for pattern in &command.arguments {
        let argument = pattern.filled(|name| values.get(name).map(OsString::as_os_str));
        let argument = argument.ok_or_else(|| missing(command, "of the template"))?;
        if pattern.lead().is_empty() && argument.as_bytes().starts_with(b"-") && pattern.placeholders().next().is_some()
        {
            return Err(becomes_option(command, &argument));
        }
        argv.push(argument);
    }
    let stdout = command.stdout.as_deref().and_then(|name| places.get(name)).cloned();
    let in_argv =
        |name: &&str| command.arguments.iter().any(|pattern| pattern.placeholders().any(|used| used == *name));
    let paths = places.iter().filter(|(name, _)| in_argv(name)).map(|(_, place)| place.clone()).collect();
    Ok(Filled { argv, paths, stdout })
}

/// The values by name: none twice, none that the command does not have.
fn matched<'a>(command: &Command, arguments: &'a [Argument]) -> Result<BTreeMap<&'a str, &'a str>, Refused> {
    let mut given = BTreeMap::new();
    for Argument { name, value } in arguments {
        if !command.parameters.contains_key(name) {
            let known = command.parameters.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "takes none".to_owned() } else { format!("takes {known}") };
            let name = shown(name);
            return Err(Refused::Invalid(format!("command {:?} has no argument {name}: it {known}", command.name)));
        }
        if given.insert(name.as_str(), value.as_str()).is_some() {
            return Err(Refused::Invalid(format!("command {:?} got its argument {name:?} twice", command.name)));
        }
    }
    Ok(given)
}

fn missing(command: &Command, name: &str) -> Refused {
    Refused::Invalid(format!("command {:?} lacks its argument {name:?}", command.name))
}

fn becomes_option(command: &Command, argument: &OsStr) -> Refused {
    Refused::Denied(format!(
        "command {:?} would get the argument {}, which a program can take for an option; if such values are meant, write the placeholder \
         after an option and =, as in \"--name={{value}}\", in `run` of [command.{}] in agent.toml",
        command.name,
        shown(&argument.to_string_lossy()),
        command.name
    ))
}

/// A value by the rules of its kind.
fn admit(command: &Command, name: &str, kind: &Kind, value: &str) -> Result<(), Refused> {
    let about = || format!("command {:?}: argument {name:?}", command.name);
    let invalid = |why: &str| Err(Refused::Invalid(format!("{} {why}", about())));
    let denied = |rule: &str, change: &str| {
        let shown = shown(value);
        Err(Refused::Denied(format!(
            "{} {shown} {rule}; {change} under [command.{}] in agent.toml",
            about(),
            command.name
        )))
    };
    if value.is_empty() {
        return invalid("is empty");
    }
    if value.contains(unfit) {
        return invalid("holds a NUL byte, a line end or another control character");
    }
    match kind {
        Kind::Text { longest } if value.len() > *longest => denied(
            &format!("has {} bytes, {longest} are allowed", value.len()),
            &format!("if it is right, write {name} = {{ text = {} }} in `parameters`", value.len()),
        ),
        Kind::Text { .. } => Ok(()),
        Kind::Identifier if is_identifier(value) => Ok(()),
        Kind::Identifier => denied(
            "is no identifier (a letter or _, then letters, digits, _, $ and -, at most 63)",
            &format!("if it is right, write {name} = \"text\" in `parameters`"),
        ),
        Kind::Integer { least, most } => match integer(value) {
            None => invalid(
                "is no whole number between -9223372036854775808 and 9223372036854775807 in plain decimal digits",
            ),
            Some(number) if (*least..=*most).contains(&number) => Ok(()),
            Some(_) => denied(
                &format!("is not between {least} and {most}"),
                &format!("if it is right, widen {name} = {{ integer = [{least}, {most}] }} in `parameters`"),
            ),
        },
        Kind::Choice(words) if words.iter().any(|word| word == value) => Ok(()),
        Kind::Choice(words) => {
            denied(&format!("is none of {words:?}"), &format!("if it is right, add it to {name} in `parameters`"))
        }
        Kind::Path { directory, .. } => match path_mistake(value) {
            None => Ok(()),
            Some(mistake) => denied(
                &format!("{mistake}: it is a path in the directory {directory:?}, whatever way leads out is refused"),
                &format!("for another directory write {name} = {{ path = \"OTHER\" }} in `parameters`"),
            ),
        },
    }
}

fn is_identifier(value: &str) -> bool {
    value.len() <= 63
        && value.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && value.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '$' | '-'))
}

/// The number if it is written the one way that every program reads alike: no plus, no leading zeros (octal to some), no spaces.
fn integer(value: &str) -> Option<i64> {
    value.parse().ok().filter(|number: &i64| number.to_string() == value)
}

/// What is wrong with a relative path, without looking at the file system.
fn path_mistake(value: &str) -> Option<Cow<'static, str>> {
    if value.len() > LONGEST_PATH {
        return Some(format!("has {} bytes, {LONGEST_PATH} are allowed", value.len()).into());
    }
    if Path::new(value).is_absolute() {
        return Some("is absolute".into());
    }
    value.split('/').find_map(|part| match part {
        "" => Some("has an empty part".into()),
        "." | ".." => Some("has a part . or ..".into()),
        long if long.len() > LONGEST_PART => Some(format!("has a part of more than {LONGEST_PART} bytes").into()),
        name if is_partial(name) => Some("has the name of a file that is still being written".into()),
        _ => None,
    })
}

/// A value as a message shows it: escaped, and cut at 64 characters.
fn shown(value: &str) -> String {
    let cut: String = value.chars().take(64).collect();
    if cut.len() < value.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}
