//! The second step: loads each plugin once and holds every job against it.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::capabilities::Grantable;
use super::jobs::{JobDraft, named};
use super::json::{place, to_json};
use super::problem::Mistakes;
use super::reader::{At, Problems, nearest, note};
use super::{Config, Draft, Job, Mode, When};
use crate::engine::Room;
use crate::grants::commands::Effect;
use crate::grants::{Granted, log::printable};
use crate::plugin::manifest::{Risk, Template, word};
use crate::plugin::source::Digest;
use crate::plugin::{Loader, Plugin, Source};

/// A draft with its plugins loaded and every job checked, or everything that is wrong with it. `room` is what the running engine
/// reserved: a job that wants more memory takes a restart.
pub async fn complete(draft: Draft<'_>, loader: &Loader, room: Room) -> Result<Config, Mistakes> {
    let Draft { path, text, agent, api, actions, grantable, plugins: files, jobs: drafts, mut problems, .. } = draft;
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
        check_rules(&draft, plugin, &granted, &mut problems);
        let settings = settings(&draft, plugin, &mut problems).await;
        let JobDraft { name, plugin: Some(plugin_name), plan: Some(plan), when, limits, rules, .. } = draft else {
            continue;
        };
        let job = Job {
            name: name.value.clone(),
            plan,
            when,
            plugin: Arc::clone(plugin),
            plugin_name: plugin_name.value,
            settings,
            granted: Arc::new(granted),
            limits,
            rules: rules.into_iter().map(|(name, rule)| (name.value, rule)).collect(),
        };
        jobs.insert(name.value, Arc::new(job));
    }
    if problems.is_empty() {
        let postgres = grantable.postgres.into_values().flatten().collect();
        Ok(Config { path: path.to_owned(), digest: Digest::of(text.as_bytes()), agent, api, actions, postgres, jobs })
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

/// A rule is about an action that there is, and what is to be carried out has the means and the operator's word for it.
fn check_rules(draft: &JobDraft<'_>, plugin: &Plugin, granted: &Granted, problems: &mut Problems) {
    let told = &plugin.manifest.told;
    let job = &draft.name.value;
    for (name, rule) in &draft.rules {
        let Some(action) = told.actions.iter().find(|action| action.id == name.value) else {
            let fix = match nearest(&name.value, told.actions.iter().map(|action| action.id.as_str())) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => EXPLAIN.to_owned(),
            };
            let message = format!("job {job:?}: plugin {:?} has no action {:?}", told.name, name.value);
            note(problems, name.span.clone(), message, fix);
            continue;
        };
        if rule.mode == Mode::Auto && action.risk == Risk::High && !rule.high_risk {
            let message = format!(
                "job {job:?}: {:?} can lose data or availability, and is to be carried out by itself",
                name.value
            );
            let fix = format!("write {} = \"approve\", or {0} = {{ policy = \"auto\", high_risk = true }}", name.value);
            note(problems, name.span.clone(), message, fix);
        }
        if !matches!(rule.mode, Mode::Approve | Mode::Auto) {
            continue;
        }
        if let Err((message, fix)) = means(&action.template, granted) {
            note(problems, name.span.clone(), format!("job {job:?}: {:?} {message}", name.value), fix);
        }
    }
}

/// Whether the job has what the template needs to be carried out: what is missing, and the fix.
fn means(template: &Template, granted: &Granted) -> Result<(), (String, String)> {
    match template {
        Template::Sql(_) if granted.postgres.iter().all(|scope| scope.act.is_none()) => {
            let scope = granted.postgres.first().map_or("…", |scope| scope.name.as_str());
            Err((
                "runs SQL, and no database of the job has a login for that".to_owned(),
                format!("add act_dsn under [postgres.{scope}], or grant a database"),
            ))
        }
        Template::Command(name) => match granted.command(name) {
            Ok(command) if command.effect() == Effect::Write => Ok(()),
            Ok(command) => Err((
                format!("runs the command {name:?}, which has effect = \"read\""),
                format!("take effect out of [command.{}]", command.name()),
            )),
            Err(denied) => Err((format!("runs the command {name:?}, which is not granted"), denied.to_string())),
        },
        Template::Http(_) if granted.http.is_empty() => {
            Err(("sends a request, and the job grants no http".to_owned(), "add grant = { http = [\"…\"] }".to_owned()))
        }
        Template::File(_) if granted.files.is_empty() => {
            Err(("changes files, and the job grants no files".to_owned(), "add grant = { files = [\"…\"] }".to_owned()))
        }
        Template::Upload(_) => match granted.objects.iter().find(|store| !store.write) {
            _ if granted.objects.is_empty() || granted.files.is_empty() => Err((
                "uploads files, and the job does not grant both files and objects".to_owned(),
                "add grant = { files = [\"…\"], objects = [\"…\"] }".to_owned(),
            )),
            Some(store) if granted.objects.iter().all(|store| !store.write) => Err((
                "uploads files, and no object store of the job is for writing".to_owned(),
                format!("add write = true under [objects.{}]", store.name),
            )),
            _ => Ok(()),
        },
        Template::Redis(_) if granted.redis.is_empty() => {
            Err(("changes Redis, and the job grants no redis".to_owned(), "add grant = { redis = [\"…\"] }".to_owned()))
        }
        _ => Ok(()),
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
