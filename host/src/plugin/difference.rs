//! What a new version of a plugin can do and wants that the old one could and did not, and the other way round.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde_json::{Value, json};

use super::Plugin;
use super::explain::powers;
use super::manifest::word;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `import`, `want`, `need`, `action`, `check`, `setting`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// How.
    pub change: Change,
}

/// How something differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only the new version has it.
    Added(String),
    /// Only the old version has it.
    Removed,
    /// What it was and what it is.
    Changed(String, String),
}

/// Everything that differs, powers first.
pub fn differences(old: &Plugin, new: &Plugin) -> Vec<Difference> {
    let mut all = Vec::new();
    compare("import", &imports(old), &imports(new), &mut all);
    compare("want", &wants(old), &wants(new), &mut all);
    compare("need", &needs(old), &needs(new), &mut all);
    compare("action", &actions(old), &actions(new), &mut all);
    compare("check", &checks(old), &checks(new), &mut all);
    compare("setting", &settings(old), &settings(new), &mut all);
    all
}

/// For people: what is wanted more stands first.
pub fn text(old: &Plugin, new: &Plugin) -> String {
    let (was, is) = (&old.manifest.told, &new.manifest.told);
    let mut lines = vec![format!("{} {} -> {} {}", was.name, was.version, is.name, is.version)];
    let differences = differences(old, new);
    let line = |one: &Difference| match &one.change {
        Change::Added(is) => format!("  + {:<8} {:<24} {is}", one.kind, one.name),
        Change::Removed => format!("  - {:<8} {}", one.kind, one.name),
        Change::Changed(was, is) => format!("  ~ {:<8} {:<24} {was}  ->  {is}", one.kind, one.name),
    };
    lines.extend(differences.iter().map(|one| line(one).trim_end().to_owned()));
    if differences.is_empty() {
        lines.push("  wants, can do and asks for the same".to_owned());
    }
    lines.join("\n")
}

/// For programs.
pub fn as_json(old: &Plugin, new: &Plugin) -> Value {
    let one = |difference: Difference| {
        let (change, was, is) = match difference.change {
            Change::Added(is) => ("added", None, Some(is)),
            Change::Removed => ("removed", None, None),
            Change::Changed(was, is) => ("changed", Some(was), Some(is)),
        };
        json!({ "kind": difference.kind, "name": difference.name, "change": change, "was": was, "is": is })
    };
    json!({
        "old": { "name": old.manifest.told.name, "version": old.manifest.told.version, "sha256": old.digest.to_string() },
        "new": { "name": new.manifest.told.name, "version": new.manifest.told.version, "sha256": new.digest.to_string() },
        "differences": differences(old, new).into_iter().map(one).collect::<Vec<_>>(),
    })
}

type Named = BTreeMap<String, String>;

fn compare(kind: &'static str, old: &Named, new: &Named, all: &mut Vec<Difference>) {
    for (name, is) in new {
        let change = match old.get(name) {
            None => Change::Added(is.clone()),
            Some(was) if was == is => continue,
            Some(was) => Change::Changed(was.clone(), is.clone()),
        };
        all.push(Difference { kind, name: name.clone(), change });
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    all.extend(gone.map(|name| Difference { kind, name: name.clone(), change: Change::Removed }));
}

fn imports(plugin: &Plugin) -> Named {
    powers(plugin).into_iter().map(|name| (name.to_owned(), String::new())).collect()
}

fn wants(plugin: &Plugin) -> Named {
    let want = |want: &super::manifest::Want| {
        let need = if want.required { "required" } else { "optional" };
        (word(want.capability).to_owned(), format!("{need}: {}", want.reason))
    };
    plugin.manifest.told.wants.iter().map(want).collect()
}

/// By the action that needs it, or the observer, and the right.
fn needs(plugin: &Plugin) -> Named {
    let told = &plugin.manifest.told;
    let of = |whose: &str, all: &[super::manifest::Need]| {
        let one = |need: &super::manifest::Need| {
            (format!("{whose}: {}", super::needs::words(&need.right)), super::needs::line(need))
        };
        all.iter().map(one).collect::<Vec<_>>()
    };
    let actions = told.actions.iter().flat_map(|action| of(&action.id, &action.needs));
    of("observer", &told.needs).into_iter().chain(actions).collect()
}

fn actions(plugin: &Plugin) -> Named {
    let action = |action: &super::manifest::Action| {
        let parameters = debug(&action.parameters.iter().map(|one| (&one.name, one.kind)).collect::<Vec<_>>());
        let text = format!("risk {:?}, {}, {}", action.risk, parameters, debug(&action.template));
        (action.id.clone(), text)
    };
    plugin.manifest.told.actions.iter().map(action).collect()
}

fn checks(plugin: &Plugin) -> Named {
    plugin.manifest.told.checks.iter().map(|check| (check.id.clone(), check.title.clone())).collect()
}

fn settings(plugin: &Plugin) -> Named {
    let properties = plugin.manifest.schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, property)| (name.clone(), property.to_string())).collect()
}

/// Escapes what could forge a line.
fn debug(value: &impl Debug) -> String {
    crate::grants::log::printable(&format!("{value:?}"), 1024)
}
