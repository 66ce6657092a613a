//! What a plugin says about itself, checked: names that can be names, a schema that is one, wants and actions without contradictions.

use std::fmt;

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

pub use super::name::is_name;
use super::needs::{self, Whose};
use super::{schema, template};
use crate::contract::pgreeve::plugin::manifest as contract;
use crate::grants::log::printable;
pub use contract::{
    Action, Capability, Check, FileTemplate, HttpMethod, HttpTemplate, KeepRule, Need, ObjectKind, Parameter,
    ParameterKind, Privilege, Right, Risk, SqlTemplate, Template, UploadTemplate, Want,
};

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
            for mistake in template::mistakes(action).into_iter().chain(needs::mistakes(&action.needs, Whose::Actor)) {
                complain(true, format!("action {:?}: {mistake}", action.id));
            }
            let elsewhere = !action.needs.is_empty() && !matches!(action.template, Template::Sql(_));
            complain(elsewhere, format!("action {:?} has needs, and no SQL that would need them", action.id));
        }
        for mistake in needs::mistakes(&told.needs, Whose::Observer) {
            complain(true, mistake);
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

/// The word for a risk.
pub fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
    }
}

/// A method as it is sent.
pub fn method(method: HttpMethod) -> &'static str {
    match method {
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Delete => "DELETE",
    }
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
        Capability::Objects => "objects",
    }
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
            needs: Vec::new(),
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
    fn templates_are_refused_when_the_plugin_is_loaded() {
        let parameter = |name: &str, kind| Parameter { name: name.into(), kind, help: String::new() };
        let action = |template, parameters| Action {
            id: "act".into(),
            title: "…".into(),
            risk: Risk::Low,
            repeatable: true,
            undone_by: None,
            needs: Vec::new(),
            parameters,
            template,
        };
        let sql = |statement: &str| {
            Template::Sql(contract::SqlTemplate { statements: vec![statement.into()], seconds: 5, transactional: true })
        };
        let http = |path: &str, body: Option<&str>| {
            let (path, body) = (path.to_owned(), body.map(str::to_owned));
            Template::Http(HttpTemplate { method: contract::HttpMethod::Post, path, body })
        };
        let redis = |arguments: &[&str]| Template::Redis(arguments.iter().map(|part| (*part).to_owned()).collect());
        let keep_of = |pattern: &str| FileTemplate::Remove(contract::KeepRule { pattern: pattern.into(), keep: 1 });
        let keep = || keep_of("*.log");
        let upload = |before: &str, last: &str, seconds| {
            Template::Upload(UploadTemplate { before: vec![before.into()], last: last.into(), seconds })
        };
        let (text, file) = (ParameterKind::Text, ParameterKind::Path);
        let problems = |template, parameters: &[(&str, ParameterKind)]| {
            let parameters = parameters.iter().map(|(name, kind)| parameter(name, *kind)).collect();
            let told = contract::Manifest { actions: vec![action(template, parameters)], ..told() };
            Manifest::check(told).err().unwrap_or_default().join("; ")
        };
        for (template, parameters, why) in [
            (sql("SELECT :'a'"), &[("a", text)][..], ""),
            (sql("SELECT 1; SELECT 2"), &[], "statement 1 goes on with \"SELECT\""),
            (sql("SELECT :'b'"), &[("a", text)], "which is no parameter"),
            (http("/restart/{a}", Some(r#"{"why": "{b}"}"#)), &[("a", text), ("b", text)], ""),
            (http("restart", None), &[], "does not begin with one /"),
            (http("/restart/x{a}", None), &[("a", text)], "not a whole segment"),
            (http("/a", Some("{")), &[], "not JSON"),
            (http("/{b}", None), &[("a", text)], "{b}, which is no parameter"),
            (Template::File(keep()), &[("path", file)], ""),
            (Template::File(keep_of("{a}-*.log")), &[("path", file), ("a", text)], ""),
            (Template::File(keep_of("{b}-*.log")), &[("path", file)], "{b}, which is no parameter"),
            (Template::File(keep_of("{-*.log")), &[("path", file)], "begins no placeholder"),
            (Template::File(keep()), &[("path", text)], "\"path\" of kind path is missing"),
            (Template::File(FileTemplate::Rename), &[("from", file)], "\"to\" of kind path is missing"),
            (upload("{a}", "{a}.json", 5), &[("a", text), ("directory", text)], ""),
            (upload("a", "a.json", 5), &[("directory", text)], ""),
            (upload("a", "a.json", 5), &[], "\"directory\" of kind text is missing"),
            (upload("{b}", "a.json", 5), &[("directory", text)], "{b}, which is no parameter"),
            (upload("{a", "a.json", 5), &[("directory", text)], "without a }"),
            (upload("a", "../a", 5), &[("directory", text)], "no relative path"),
            (upload("/a", "a", 5), &[("directory", text)], "no relative path"),
            (upload("a", "", 5), &[("directory", text)], "no relative path"),
            (upload("a", "b", 0), &[("directory", text)], "not between 1 and 86,400"),
            (redis(&["CONFIG", "SET", "{a}", "1"]), &[("a", text)], ""),
            (redis(&["{a}"]), &[("a", text)], "begins with its name"),
            (redis(&[]), &[], "begins with its name"),
            (Template::Command("Not A Name".into()), &[], "is not lower-case words"),
            (Template::Command("backup".into()), &[("a", text), ("a", text)], "declared twice"),
        ] {
            let shown = format!("{template:?}");
            let problems = problems(template, parameters);
            assert!(if why.is_empty() { problems.is_empty() } else { problems.contains(why) }, "{shown}: {problems}");
        }
    }

    #[test]
    fn needs_are_refused_when_the_plugin_is_loaded() {
        let need = |role: &str| Need {
            right: Right::Member(role.into()),
            since: None,
            until: None,
            required: true,
            reason: "to look".into(),
        };
        let action = |template| Action {
            id: "act".into(),
            title: "…".into(),
            risk: Risk::Low,
            repeatable: true,
            undone_by: None,
            needs: vec![need("pg_signal_backend")],
            parameters: Vec::new(),
            template,
        };
        let statements = vec!["SELECT 1".into()];
        let sql = Template::Sql(SqlTemplate { statements, seconds: 5, transactional: true });
        let good = contract::Manifest { needs: vec![need("pg_monitor")], actions: vec![action(sql)], ..told() };
        assert!(Manifest::check(good).is_ok());
        let needs = vec![need("pg_signal_backend"), need("x; DROP TABLE y")];
        let bad = contract::Manifest { needs, actions: vec![action(Template::Command("backup".into()))], ..told() };
        let refused = Manifest::check(bad).unwrap_err().join("; ");
        for why in ["the observer changes nothing", "is no predefined role", "has needs, and no SQL"] {
            assert!(refused.contains(why), "{why}: {refused}");
        }
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
