//! What a component can reach, from its type, and what it says that it does, from its manifest: before anything of it is installed.

use serde_json::{Value, json};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::manifest::{Action, FileTemplate, Need, Right, Template, method, risk, word};
use super::template::kind;
use super::{Plugin, Source, needs};
use crate::grants::OFFERED;
use crate::grants::log::printable;
use crate::guest::wasi;
use crate::limits::Limits;

/// The package of the contract; its interfaces are named `PACKAGE/interface@version`.
const PACKAGE: &str = "pgreeve:plugin/";
/// Interfaces that hold types alone: importing them gives no power.
const TYPES: [&str; 3] = ["errors", "manifest", "report"];

/// The names of a component's imports, sorted.
pub fn imports(engine: &Engine, component: &Component) -> Vec<String> {
    let mut names: Vec<String> = component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names
}

/// The interface of the contract that an import names, without package and version.
pub fn interface(import: &str) -> Option<&str> {
    import.strip_prefix(PACKAGE)?.split('@').next()
}

/// Whether this version of pgreeve serves an import.
pub fn is_offered(import: &str) -> bool {
    wasi::is_linked(import) || interface(import).is_some_and(|name| OFFERED.contains(&name) || TYPES.contains(&name))
}

/// The interfaces through which the plugin can reach anything.
pub(super) fn powers(plugin: &Plugin) -> Vec<&str> {
    plugin.imports.iter().filter_map(|import| interface(import)).filter(|name| !TYPES.contains(name)).collect()
}

/// The explanation for people.
pub fn text(plugin: &Plugin, source: &Source) -> String {
    let told = &plugin.manifest.told;
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("{} {}: {}", told.name, told.version, told.summary));
    line(format!("  sha256   {}", plugin.digest));
    line(format!("  size     {} bytes", source.bytes.len()));
    let powers = powers(plugin);
    line(format!("  imports  {}", if powers.is_empty() { "nothing".to_owned() } else { powers.join(", ") }));
    if plugin.imports.iter().any(|import| wasi::is_linked(import)) {
        line("  WASI     linked inert: no files, sockets, environment or arguments".to_owned());
    }
    line(format!("  limits   {} unless agent.toml says otherwise", Limits::default()));
    line("\nChecks".to_owned());
    for check in &told.checks {
        line(format!("  {:<20} {}", check.id, check.title));
    }
    line("\nWants".to_owned());
    for want in &told.wants {
        let need = if want.required { "required" } else { "optional" };
        line(format!("  {:<20} {need}: {}", word(want.capability), want.reason));
    }
    if told.wants.is_empty() {
        line("  nothing".to_owned());
    }
    line("\nNeeds of the observer's login".to_owned());
    for need in &told.needs {
        line(format!("  {}", needs::line(need)));
    }
    if told.needs.is_empty() {
        line("  nothing".to_owned());
    }
    line("\nCan propose".to_owned());
    for action in &told.actions {
        line(format!("  {:<20} {} (risk {})", action.id, action.title, risk(action.risk)));
        // Whole, whatever its length: what is cut off here could be carried out nonetheless.
        for statement in statements(&action.template) {
            for part in statement.split('\n') {
                line(format!("  {:<20} | {}", "", printable(part, usize::MAX)));
            }
        }
        line(format!("  {:<20} {}", "", how(action)));
        for need in &action.needs {
            let key = match need.right {
                Right::Superuser(_) => "; agent.toml: act_allow_superuser = true",
                _ => "",
            };
            line(format!("  {:<20} needs of the actor's login: {}{key}", "", needs::line(need)));
        }
    }
    if told.actions.is_empty() {
        line("  nothing: it observes only".to_owned());
    }
    line("\nSettings".to_owned());
    let properties = plugin.manifest.schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let default = property.get("default").map_or_else(String::new, |default| format!(" (default {default})"));
        let (name, default) = (printable(name, 256), printable(&default, 256));
        let help = property.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
        let help = printable(&help, 1024);
        line(format!("  {name:<20} {help}{default}"));
    }
    if properties.is_none_or(serde_json::Map::is_empty) {
        line("  none".to_owned());
    }
    out
}

/// The explanation for programs.
pub fn as_json(plugin: &Plugin, source: &Source) -> Value {
    let told = &plugin.manifest.told;
    json!({
        "name": told.name,
        "version": told.version,
        "summary": told.summary,
        "sha256": plugin.digest.to_string(),
        "bytes": source.bytes.len(),
        "imports": plugin.imports,
        "limits": Limits::default().to_string(),
        "checks": told.checks.iter()
            .map(|check| json!({ "id": check.id, "title": check.title, "help": check.help })).collect::<Vec<_>>(),
        "wants": told.wants.iter()
            .map(|want| json!({ "capability": word(want.capability), "required": want.required, "reason": want.reason }))
            .collect::<Vec<_>>(),
        "needs": as_values(&told.needs),
        "actions": told.actions.iter().map(|action| json!({
            "id": action.id, "title": action.title, "risk": risk(action.risk),
            "repeatable": action.repeatable, "undone_by": action.undone_by, "template": statements(&action.template),
            "needs": as_values(&action.needs),
        })).collect::<Vec<_>>(),
        "settings_schema": plugin.manifest.schema,
    })
}

fn as_values(all: &[Need]) -> Vec<Value> {
    let one = |need: &Need| {
        let (since, until) = needs::versions(need);
        json!({ "right": needs::words(&need.right), "required": need.required, "since": since, "until": until, "reason": need.reason })
    };
    all.iter().map(one).collect()
}

/// What an action's template does not say: how it is carried out, and what fills its placeholders.
fn how(action: &Action) -> String {
    let mut parts = Vec::new();
    if let Template::Sql(sql) = &action.template {
        let together = if sql.transactional { "in one transaction" } else { "each statement by itself" };
        parts.push(format!("{together}, at most {} s for each statement", sql.seconds));
    }
    if !action.repeatable {
        parts.push("twice may do harm".to_owned());
    }
    let parameters =
        action.parameters.iter().map(|parameter| format!("{} is {}", parameter.name, kind(parameter.kind)));
    parts.extend(parameters);
    if parts.is_empty() { "nothing to fill in".to_owned() } else { parts.join("; ") }
}

/// An action's template as one line per step.
fn statements(template: &Template) -> Vec<String> {
    match template {
        Template::Sql(sql) => sql.statements.clone(),
        Template::Command(name) => vec![format!("command {name}")],
        Template::Http(http) => {
            vec![format!("{} {} {}", method(http.method), http.path, http.body.as_deref().unwrap_or(""))]
        }
        Template::File(FileTemplate::Remove(rule)) => {
            let keep = match rule.keep {
                0 => String::new(),
                1 => ", never the newest of these".to_owned(),
                keep => format!(", never one of the {keep} newest of these"),
            };
            vec![format!("remove the file {{path}}, if its name fits {}{keep}", rule.pattern)]
        }
        Template::File(FileTemplate::Rename) => {
            vec!["rename the file {from} to {to}, never over another".to_owned()]
        }
        Template::Upload(upload) => {
            let before = upload.before.iter().map(|path| format!("upload {path}"));
            before.chain([format!("upload {}, when all others have arrived", upload.last)]).collect()
        }
        Template::Redis(arguments) => vec![format!("redis {}", arguments.join(" "))],
    }
}
