//! A proposal held against manifest, grants and configuration: what exactly would be done, or why it can never be. Pure.

use std::sync::Arc;

use super::what::What;
use crate::config::Job;
use crate::grants::commands::{self, Argument};
use crate::grants::files::policy::Relative;
use crate::grants::http::Method;
use crate::grants::objects::{Key, template_path};
use crate::plugin::manifest::{
    Action, FileTemplate, HttpMethod, HttpTemplate, SqlTemplate, Template, UploadTemplate, risk,
};
use crate::plugin::source::Digest;
use crate::plugin::template::{self, Template as Sql};
use crate::report::{Pair, Proposal, Report};
use crate::store::Proposed;

/// A proposal and what it comes to.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// As the store keeps it.
    pub proposed: Proposed,
    /// The manifest's action.
    pub action: Action,
    /// What would be done, where it can be.
    pub what: Option<What>,
}

/// All proposals of a report, each once.
pub fn all(job: &Job, report: &Report) -> Vec<Prepared> {
    let mut prepared: Vec<Prepared> = Vec::new();
    for proposal in &report.proposals {
        let Some(one) = one(job, proposal) else { continue };
        if !prepared.iter().any(|other| other.proposed.id == one.proposed.id) {
            prepared.push(one);
        }
    }
    prepared
}

/// One proposal; none for an action that the manifest does not declare, which no report can name.
fn one(job: &Job, proposal: &Proposal) -> Option<Prepared> {
    let action = job.plugin.manifest.told.actions.iter().find(|action| action.id == proposal.action)?;
    let mut told = proposal.clone();
    told.arguments.sort_by(|a, b| a.name.cmp(&b.name));
    told.clears.sort();
    told.clears.dedup();
    let what = what(job, action, &told);
    let (id, identity) = ids(job, &told);
    let proposed = Proposed {
        id,
        identity,
        plugin_digest: job.plugin.digest.to_string(),
        told,
        lines: what.as_ref().map(What::lines).map_err(Clone::clone),
        address: what.as_ref().ok().and_then(What::address),
        risk: risk(action.risk).to_owned(),
        repeatable: action.repeatable,
    };
    Some(Prepared { proposed, action: action.clone(), what: what.ok() })
}

/// The proposal's id, and the same without the plugin's digest: 128 bits of a SHA-256 over JSON, in which nothing can run into its neighbour.
fn ids(job: &Job, told: &Proposal) -> (String, String) {
    let arguments: Vec<[&str; 2]> =
        told.arguments.iter().map(|argument| [argument.name.as_str(), argument.value.as_str()]).collect();
    let identity = serde_json::json!([job.name, told.action, told.target, arguments, told.clears]);
    let with_plugin = serde_json::json!([identity, job.plugin.digest.to_string()]);
    let hash = |value: &serde_json::Value| {
        let mut text = Digest::of(value.to_string().as_bytes()).to_string();
        text.truncate(32);
        text
    };
    (hash(&with_plugin), hash(&identity))
}

/// What would be done. The error says why it can never be.
fn what(job: &Job, action: &Action, told: &Proposal) -> Result<What, String> {
    let granted = &job.granted;
    let arguments: Vec<(&str, &str)> =
        told.arguments.iter().map(|Pair { name, value }| (name.as_str(), value.as_str())).collect();
    let target = told.target.as_str();
    match &action.template {
        Template::Sql(SqlTemplate { statements, seconds, transactional }) => {
            let scope = Arc::clone(granted.postgres(target).map_err(|denied| denied.to_string())?);
            Ok(What::Sql {
                scope,
                statements: Sql::parse(statements, &action.parameters)?.fill(&arguments)?,
                timeout: std::time::Duration::from_secs(u64::from(*seconds)),
                transactional: *transactional,
            })
        }
        Template::Command(name) => {
            if target != name {
                return Err(format!("its target is {target:?}, and the action runs the command {name:?}"));
            }
            let command = Arc::clone(granted.command(name).map_err(|denied| denied.to_string())?);
            let arguments: Vec<Argument> = told
                .arguments
                .iter()
                .map(|Pair { name, value }| Argument { name: name.clone(), value: value.clone() })
                .collect();
            commands::fill(&command, &arguments).map_err(|refused| refused.to_string())?;
            Ok(What::Command { command, arguments })
        }
        Template::Http(HttpTemplate { method, path, body }) => {
            let found = granted.http.iter().find(|endpoint| endpoint.name == target).map(Arc::clone);
            let endpoint = match (found, granted.http(target)) {
                (Some(endpoint), _) => endpoint,
                (None, Err(denied)) => return Err(denied.to_string()),
                (None, Ok(_)) => return Err("no such endpoint".to_owned()),
            };
            let (path, body) = template::http(path, body.as_deref(), &action.parameters, &arguments)?;
            let method = match method {
                HttpMethod::Post => Method::Post,
                HttpMethod::Put => Method::Put,
                HttpMethod::Patch => Method::Patch,
                HttpMethod::Delete => Method::Delete,
            };
            Ok(What::Http { endpoint, method, path, body })
        }
        Template::File(file) => {
            let found = granted.files.iter().find(|directory| directory.name == target).map(Arc::clone);
            let directory = match (found, granted.files(target)) {
                (Some(directory), _) => directory,
                (None, Err(denied)) => return Err(denied.to_string()),
                (None, Ok(_)) => return Err("no such directory".to_owned()),
            };
            let values = template::plain(&action.parameters, &arguments)?;
            let value = |name: &str| values.get(name).cloned().ok_or_else(|| format!("argument {name:?} is missing"));
            match file {
                FileTemplate::Remove(rule) => {
                    let pattern = template::keep(&rule.pattern, &values)?;
                    Ok(What::Remove { directory, path: value("path")?, pattern, keep: rule.keep })
                }
                FileTemplate::Rename => Ok(What::Rename { directory, from: value("from")?, to: value("to")? }),
            }
        }
        Template::Upload(UploadTemplate { before, last, seconds }) => {
            let found = granted.objects.iter().find(|store| store.name == target).map(Arc::clone);
            let store = match (found, granted.objects(target)) {
                (Some(store), _) => store,
                (None, Err(denied)) => return Err(denied.to_string()),
                (None, Ok(_)) => return Err("no such store".to_owned()),
            };
            let values = template::plain(&action.parameters, &arguments)?;
            let value = |name: &str| values.get(name).cloned().ok_or_else(|| format!("argument {name:?} is missing"));
            let name = value("directory")?;
            let found = granted.files.iter().find(|directory| directory.name == name).map(Arc::clone);
            let directory = match (found, granted.files(&name)) {
                (Some(directory), _) => directory,
                (None, Err(denied)) => return Err(denied.to_string()),
                (None, Ok(_)) => return Err("no such directory".to_owned()),
            };
            let path = |text: &String| {
                let path = template_path(text, value)?;
                let checked = Key::new(&store, &path).and_then(|_| Relative::new(&directory.name, &path));
                checked.map(|_| path).map_err(|error| error.to_string())
            };
            let before = before.iter().map(path).collect::<Result<_, _>>()?;
            let last = path(last)?;
            let timeout = std::time::Duration::from_secs(u64::from(*seconds));
            Ok(What::Upload { store, directory, before, last, timeout })
        }
        Template::Redis(command) => {
            let found = granted.redis.iter().find(|server| server.name == target).map(Arc::clone);
            let server = match (found, granted.redis(target)) {
                (Some(server), _) => server,
                (None, Err(denied)) => return Err(denied.to_string()),
                (None, Ok(_)) => return Err("no such server".to_owned()),
            };
            Ok(What::Redis { server, arguments: template::redis(command, &action.parameters, &arguments)? })
        }
    }
}
