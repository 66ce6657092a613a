//! Everything that is wrong with an action's parameters and template, of whichever kind; what the agent sends is put together where it acts.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Template, forbidden, is_name, keep};
use crate::contract::pgreeve::plugin::manifest::{self, Action, Parameter, ParameterKind};
use crate::grants::files::policy::Relative;
use crate::grants::objects::template_path;
use crate::plugin::name::is_name as is_word;

/// One sentence for each mistake that is found, without the action's name.
pub(in crate::plugin) fn mistakes(action: &Action) -> Vec<String> {
    let parameters = &action.parameters;
    if let manifest::Template::Sql(sql) = &action.template {
        let seconds = (sql.seconds == 0 || sql.seconds > 86_400)
            .then(|| format!("a statement's time-out of {} s is not between 1 and 86,400", sql.seconds));
        let forbidden = (1..).zip(&sql.statements).filter_map(|(number, statement)| {
            let why = forbidden::mistake(statement, sql.transactional)?;
            Some(format!("statement {number} {why}"))
        });
        let unread = Template::parse(&sql.statements, parameters).err();
        return unread.into_iter().chain(forbidden).chain(seconds).collect();
    }
    let mut mistakes = names(parameters);
    let used = match &action.template {
        // Sql: above. A command's parameters are held against agent.toml, where the command is.
        manifest::Template::Sql(_) => return mistakes,
        manifest::Template::Command(name) => {
            if !is_word(name) {
                mistakes.push(format!("command {name:?} is not lower-case words joined by hyphens"));
            }
            return mistakes;
        }
        manifest::Template::Http(http) => http_places(http, &mut mistakes),
        manifest::Template::File(file) => {
            let paths: &[&str] = match file {
                manifest::FileTemplate::Remove(_) => &["path"],
                manifest::FileTemplate::Rename => &["from", "to"],
            };
            let path = |name: &str| parameters.iter().any(|own| own.name == name && own.kind == ParameterKind::Path);
            for name in paths.iter().filter(|name| !path(name)) {
                mistakes.push(format!("its parameter {name:?} of kind path is missing"));
            }
            let mut used: BTreeSet<String> = paths.iter().map(|name| (*name).to_owned()).collect();
            if let manifest::FileTemplate::Remove(rule) = file {
                match keep::places(&rule.pattern) {
                    Ok(places) => used.extend(places),
                    Err(mistake) => mistakes.push(mistake),
                }
            }
            used
        }
        manifest::Template::Upload(upload) => upload_places(upload, parameters, &mut mistakes),
        manifest::Template::Redis(arguments) => {
            if arguments.first().is_none_or(|name| name.is_empty() || whole(name).is_some()) {
                mistakes.push("a Redis command begins with its name, which is no placeholder".to_owned());
            }
            arguments.iter().filter_map(|argument| whole(argument)).map(str::to_owned).collect()
        }
    };
    let known: BTreeSet<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    for name in used.iter().filter(|name| !known.contains(name.as_str())) {
        mistakes.push(format!("its template has a placeholder {{{name}}}, which is no parameter"));
    }
    for name in known.iter().filter(|name| !used.contains(**name)) {
        mistakes.push(format!("parameter {name:?} is not used: remove it, or use it"));
    }
    mistakes
}

fn names(parameters: &[Parameter]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (index, Parameter { name, .. }) in parameters.iter().enumerate() {
        if !is_name(name) {
            mistakes.push(format!("parameter {name:?} is not a letter, then letters, digits and _, at most 63"));
        }
        if parameters.iter().take(index).any(|other| &other.name == name) {
            mistakes.push(format!("parameter {name:?} is declared twice"));
        }
    }
    mistakes
}

/// The placeholders of a path, which are whole segments, and of a body, which are whole strings.
fn http_places(http: &manifest::HttpTemplate, mistakes: &mut Vec<String>) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let path = &http.path;
    if !path.starts_with('/') || path.starts_with("//") {
        mistakes.push(format!("the path {path:?} does not begin with one /"));
    }
    if let Some(odd) = path.chars().find(|character| !character.is_ascii_graphic() || matches!(character, '#' | '\\')) {
        mistakes.push(format!("the path {path:?} holds {odd:?}, which a URL must escape"));
    }
    for segment in path.split('/') {
        match whole(segment) {
            Some(name) => _ = used.insert(name.to_owned()),
            None if segment.contains(['{', '}']) => {
                mistakes.push(format!("the path {path:?} has a placeholder that is not a whole segment: {segment:?}"));
            }
            None => {}
        }
    }
    match http.body.as_deref().map(serde_json::from_str::<Value>) {
        Some(Err(error)) => mistakes.push(format!("the body is not JSON: {error}")),
        Some(Ok(body)) => strings(&body, &mut used),
        None => {}
    }
    used
}

/// The placeholders of an upload's paths, and the parameter that every upload has.
fn upload_places(
    upload: &manifest::UploadTemplate,
    parameters: &[Parameter],
    mistakes: &mut Vec<String>,
) -> BTreeSet<String> {
    if upload.seconds == 0 || upload.seconds > 86_400 {
        mistakes.push(format!("a time-out of {} s is not between 1 and 86,400", upload.seconds));
    }
    if !parameters.iter().any(|own| own.name == "directory" && own.kind == ParameterKind::Text) {
        mistakes.push("its parameter \"directory\" of kind text is missing".to_owned());
    }
    let mut used = BTreeSet::from(["directory".to_owned()]);
    for path in upload.before.iter().chain([&upload.last]) {
        let filled = template_path(path, |name| {
            used.insert(name.to_owned());
            Ok("x".to_owned())
        });
        match filled.map(|filled| Relative::new("", &filled)) {
            Ok(Ok(relative)) if !relative.name().is_empty() => {}
            Ok(_) => mistakes.push(format!("{path:?} is no relative path of plain names")),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    used
}

/// serde_json reads no value that is nested deeper than 128, so the recursion ends.
fn strings(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => used.extend(whole(text).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| strings(item, used)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, used)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The name, if the text is one placeholder and nothing else.
pub(super) fn whole(text: &str) -> Option<&str> {
    text.strip_prefix('{')?.strip_suffix('}').filter(|name| is_name(name))
}
