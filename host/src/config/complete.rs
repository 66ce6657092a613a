//! The second step: loads each plugin once and holds every job against it.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::capabilities::Grantable;
use super::jobs::{JobDraft, named};
use super::json::{place, to_json};
use super::problem::Mistakes;
use super::reader::{At, Problems, nearest, note};
use super::{Config, Draft, Job, When};
use crate::engine::Room;
use crate::grants::{Granted, log::printable};
use crate::plugin::manifest::word;
use crate::plugin::source::Digest;
use crate::plugin::{Loader, Plugin, Source};

/// A draft with its plugins loaded and every job checked, or everything that is wrong with it. `room` is what the running engine
/// reserved: a job that wants more memory takes a restart.
pub async fn complete(draft: Draft<'_>, loader: &Loader, room: Room) -> Result<Config, Mistakes> {
    let Draft { path, text, agent, grantable, plugins: files, jobs: drafts, mut problems, .. } = draft;
    let mut plugins = BTreeMap::new();
    for (name, file) in files {
        let Some(file) = file else {
            plugins.insert(name, None);
            continue;
        };
        // A file that is wrong is one mistake, not one per job: its jobs are checked no further.
        let loaded = match Source::read(&file.path.value, file.sha256.as_deref()) {
            Ok(source) => {
                loader.load(&source).await.map_err(|error| (format!("{}: {error}", file.path.value.display()), EXPLAIN))
            }
            Err(error) => Err((error.to_string(), BUILD)),
        };
        let plugin = loaded.map(Arc::new).map_err(|(message, fix)| {
            note(&mut problems, file.path.span.clone(), format!("plugin {name:?}: {message}"), fix);
        });
        plugins.insert(name, plugin.ok());
    }
    let mut jobs = BTreeMap::new();
    for draft in drafts {
        if draft.limits.memory > room.memory {
            let message = format!("job {:?} wants more memory than the running engine reserved", draft.name.value);
            note(&mut problems, draft.span.clone(), message, "restart the agent instead of reloading");
        }
        let granted = granted(&draft, &grantable, &mut problems);
        let plugin = draft.plugin.as_ref().and_then(|name| named(name, "plugin", &plugins, &mut problems));
        let Some(Some(plugin)) = plugin else { continue };
        check_wants(&draft, plugin, &mut problems);
        let settings = settings(&draft, plugin, &mut problems).await;
        let JobDraft { name, plugin: Some(plugin_name), plan: Some(plan), when, limits, .. } = draft else { continue };
        let job = Job {
            name: name.value.clone(),
            plan,
            when,
            plugin: Arc::clone(plugin),
            plugin_name: plugin_name.value,
            settings,
            granted: Arc::new(granted),
            limits,
        };
        jobs.insert(name.value, Arc::new(job));
    }
    if problems.is_empty() {
        Ok(Config { path: path.to_owned(), digest: Digest::of(text.as_bytes()), agent, jobs })
    } else {
        Err(Mistakes::locate(path, text, problems))
    }
}

const EXPLAIN: &str = "`pgreeve plugin explain FILE` shows what a component is and wants";
const BUILD: &str = "install the plugin there, or build it with `pgreeve plugin build DIR`";

fn granted(draft: &JobDraft<'_>, grantable: &Grantable, problems: &mut Problems) -> Granted {
    let granted = grantable.granted(draft, problems);
    if draft.when != When::Any && !draft.grants.contains_key("postgres") {
        let message =
            format!("job {:?} runs by the server's role, but is granted no database to ask", draft.name.value);
        note(problems, draft.span.clone(), message, "add grant = { postgres = [\"…\"] }, or remove `when`");
    }
    granted
}

/// What is wanted must be granted, and what is granted must be wanted: a grant that nobody needs is a mistake in a file
/// whose purpose is to say who may reach what.
fn check_wants(draft: &JobDraft<'_>, plugin: &Plugin, problems: &mut Problems) {
    let told = &plugin.manifest.told;
    for want in told.wants.iter().filter(|want| want.required) {
        let capability = word(want.capability);
        if !draft.is_granted(capability) {
            let message = format!(
                "job {:?} does not grant {capability}, which plugin {:?} needs: {}",
                draft.name.value, told.name, want.reason
            );
            note(
                problems,
                draft.span.clone(),
                message,
                match capability {
                    "system" => "add grant = { system = true }".to_owned(),
                    "commands" => "add grant = { commands = [\"…\"] } with a name of your [command.…]".to_owned(),
                    other => format!("add grant = {{ {other} = [\"…\"] }} with a name of your [{other}.…]"),
                },
            );
        }
    }
    let grants = draft.grants.iter().map(|(capability, at)| (*capability, &at.span));
    for (capability, span) in grants.chain(draft.system.iter().map(|span| ("system", span))) {
        if !told.wants.iter().any(|want| word(want.capability) == capability) {
            let message =
                format!("job {:?} grants {capability}, which plugin {:?} does not want", draft.name.value, told.name);
            note(problems, span.clone(), message, "remove the grant");
        }
    }
}

async fn settings(draft: &JobDraft<'_>, plugin: &Plugin, problems: &mut Problems) -> Arc<str> {
    let empty = At { value: DeValue::Table(DeTable::default()), span: draft.span.clone() };
    let written = draft.settings.as_ref().unwrap_or(&empty);
    let value = to_json(written, problems);
    let text: Arc<str> = value.to_string().into();
    let explain = format!("see the settings in `pgreeve plugin explain` of its plugin, {}", plugin.manifest.told.name);
    let mut complain = |span, message: String, fix: &str| {
        note(problems, span, format!("settings of job {:?}: {message}", draft.name.value), fix);
    };
    let refused = plugin.manifest.refused(&value);
    for refused in &refused {
        let name = refused.pointer.rsplit('/').next().unwrap_or_default();
        let meant = nearest(name, plugin.manifest.settings()).filter(|_| refused.unknown);
        let fix = meant.map_or_else(|| explain.clone(), |meant| format!("did you mean {meant:?}?"));
        let message = if refused.unknown { refused.message.clone() } else { at(&refused.pointer, &refused.message) };
        complain(place(written, &refused.pointer, refused.unknown), message, &fix);
    }
    if refused.is_empty() {
        match plugin.check_settings(&text).await {
            Ok(found) => found.into_iter().take(50).for_each(|problem| {
                let message = at(&printable(&problem.pointer, 256), &printable(&problem.message, 1024));
                complain(place(written, &problem.pointer, false), message, &explain);
            }),
            Err(fault) => {
                complain(written.span.clone(), format!("the plugin could not check them: it {fault}"), &explain);
            }
        }
    }
    text
}

/// A message with the setting that it is about.
fn at(pointer: &str, message: &str) -> String {
    match pointer.trim_start_matches('/') {
        "" => message.to_owned(),
        setting => format!("{}: {message}", setting.replace('/', ".")),
    }
}
