//! What a plugin says about itself, checked: names that can be names, a schema that is one, wants and actions without contradictions.

use std::fmt;

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::schema;
use crate::contract::pgreeve::plugin::manifest as contract;
use crate::grants::log::printable;
pub use contract::{Action, Capability, Check, Risk, Template, Want};

/// The longest manifest, in bytes of all its texts together.
const MOST: usize = 256 << 10;

/// A checked manifest.
pub struct Manifest {
    /// As the plugin gave it.
    pub told: contract::Manifest,
    /// The settings' JSON Schema.
    pub schema: Value,
    validator: jsonschema::Validator,
}

impl fmt::Debug for Manifest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told.fmt(out)
    }
}

/// A setting that the schema refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// JSON pointer of the setting.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// It is wrong because there is no setting of that name.
    pub unknown: bool,
}

impl Manifest {
    /// Checks a manifest; all that is wrong with it, one sentence each.
    pub fn check(told: contract::Manifest) -> Result<Self, Vec<String>> {
        let size = format!("{told:?}").len();
        if size > MOST * 2 {
            return Err(vec![format!("the manifest has {size} bytes, more than the {MOST} that are allowed")]);
        }
        let mut problems = Vec::new();
        let mut complain = |wrong: bool, what: String| {
            if wrong {
                problems.push(what);
            }
        };
        complain(!is_name(&told.name), format!("name {:?} is not lower-case words joined by hyphens", told.name));
        complain(
            !is_version(&told.version),
            format!("version {:?} is not a semantic version such as 1.2.0", told.version),
        );
        complain(told.checks.is_empty(), "it declares no check".to_owned());
        for (index, check) in told.checks.iter().enumerate() {
            complain(!is_name(&check.id), format!("check id {:?} is not lower-case words joined by hyphens", check.id));
            let twice = told.checks.iter().take(index).any(|other| other.id == check.id);
            complain(twice, format!("check {:?} is declared twice", check.id));
        }
        for (index, action) in told.actions.iter().enumerate() {
            complain(
                !is_name(&action.id),
                format!("action id {:?} is not lower-case words joined by hyphens", action.id),
            );
            let twice = told.actions.iter().take(index).any(|other| other.id == action.id);
            complain(twice, format!("action {:?} is declared twice", action.id));
            if let Some(undo) = &action.undone_by {
                let known = told.actions.iter().any(|other| &other.id == undo);
                complain(!known, format!("action {:?} is undone by {undo:?}, which is not declared", action.id));
            }
        }
        for (what, text) in one_liners(&told) {
            let forged = printable(text, usize::MAX) != *text;
            complain(forged, format!("{what} holds line ends or control characters: {}", printable(text, 80)));
        }
        for (index, want) in told.wants.iter().enumerate() {
            let twice = told.wants.iter().take(index).any(|other| other.capability == want.capability);
            complain(twice, format!("{} is wanted twice", word(want.capability)));
        }
        match (schema::read(&told.settings_schema), problems.is_empty()) {
            (Ok((schema, validator)), true) => Ok(Self { told, schema, validator }),
            (Ok(_), false) => Err(first(&problems)),
            (Err(problem), _) => {
                problems.push(problem);
                Err(first(&problems))
            }
        }
    }

    /// Whether a check of that id is declared.
    pub fn has_check(&self, id: &str) -> bool {
        self.told.checks.iter().any(|check| check.id == id)
    }

    /// Whether an action of that id is declared.
    pub fn has_action(&self, id: &str) -> bool {
        self.told.actions.iter().any(|action| action.id == id)
    }

    /// What the schema refuses in these settings; nothing if they fit. At most 50.
    pub fn refused(&self, settings: &Value) -> Vec<Refused> {
        self.validator.iter_errors(settings).flat_map(|error| refused(&error)).take(50).collect()
    }

    /// The names of the settings, from the schema.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        self.schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str())
    }
}

fn refused(error: &jsonschema::ValidationError<'_>) -> Vec<Refused> {
    let path = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| Refused {
                pointer: format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")),
                message: format!("there is no setting {name:?}"),
                unknown: true,
            })
            .collect(),
        _ => vec![Refused { pointer: path, message: printable(&error.to_string(), 1024), unknown: false }],
    }
}

/// The first few problems, each on a line of its own length: a hostile manifest can have thousands.
fn first(problems: &[String]) -> Vec<String> {
    problems.iter().take(20).map(|problem| printable(problem, 1024)).collect()
}

/// The texts that are shown on one line.
fn one_liners(told: &contract::Manifest) -> impl Iterator<Item = (&'static str, &String)> {
    let checks = told.checks.iter().map(|check| ("a check's title", &check.title));
    let wants = told.wants.iter().map(|want| ("a want's reason", &want.reason));
    let actions = told.actions.iter().map(|action| ("an action's title", &action.title));
    [("the summary", &told.summary)].into_iter().chain(checks).chain(wants).chain(actions)
}

/// The capability's name in agent.toml's `grant`.
pub fn word(capability: Capability) -> &'static str {
    match capability {
        Capability::Postgres => "postgres",
        Capability::Http => "http",
        Capability::Files => "files",
        Capability::Redis => "redis",
        Capability::Commands => "commands",
        Capability::System => "system",
    }
}

/// Lower-case words joined by hyphens: what jobs, plugins, checks and scopes are called.
pub fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.split('-').all(|word| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        })
}

fn is_version(text: &str) -> bool {
    let (numbers, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
    let parts: Vec<&str> = numbers.split('.').collect();
    text.len() <= 64
        && parts.len() == 3
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> contract::Manifest {
        contract::Manifest {
            name: "replication".into(),
            version: "0.1.0".into(),
            summary: "…".into(),
            settings_schema: r#"{"type":"object","properties":{"lag":{"type":"string"}},"additionalProperties":false}"#
                .into(),
            checks: vec![Check { id: "lag".into(), title: "…".into(), help: "…".into() }],
            wants: Vec::new(),
            actions: Vec::new(),
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_every_reason() {
        assert!(Manifest::check(told()).is_ok());
        let bad = contract::Manifest {
            name: "Repli Cation".into(),
            version: "one".into(),
            settings_schema: r#"{"type":"objekt"}"#.into(),
            checks: Vec::new(),
            ..told()
        };
        assert_eq!(Manifest::check(bad).unwrap_err().len(), 4);
        let twice = contract::Manifest { checks: [told().checks, told().checks].concat(), ..told() };
        assert_eq!(Manifest::check(twice).unwrap_err(), ["check \"lag\" is declared twice"]);
        let forging = contract::Manifest { summary: "harmless\n  imports  nothing\u{1b}[2K".into(), ..told() };
        assert!(Manifest::check(forging).unwrap_err()[0].contains("the summary holds line ends"));
        let giant = contract::Manifest { summary: "x".repeat(1 << 20), ..told() };
        assert!(Manifest::check(giant).is_err());
    }

    #[test]
    fn settings_are_held_against_the_schema() {
        let manifest = Manifest::check(told()).unwrap();
        assert!(manifest.refused(&serde_json::json!({"lag": "2s"})).is_empty());
        let refused = manifest.refused(&serde_json::json!({"lag": 2, "lagg": "2s"}));
        assert_eq!(refused.iter().filter(|refused| refused.pointer == "/lag").count(), 1);
        assert_eq!(refused.iter().filter(|refused| refused.pointer == "/lagg" && refused.unknown).count(), 1);
    }

    #[test]
    fn names_and_versions() {
        for (name, good) in
            [("a", true), ("lag-2", true), ("", false), ("-a", false), ("a--b", false), ("Ä", false), ("a b", false)]
        {
            assert_eq!(is_name(name), good, "{name:?}");
        }
        for (version, good) in
            [("0.1.0", true), ("1.2.3-rc.1+b5", true), ("1.2", false), ("v1.2.3", false), ("1.2.x", false)]
        {
            assert_eq!(is_version(version), good, "{version:?}");
        }
    }
}
