//! The tables that name what can be granted, one file each; and what of them a job was granted.

mod command;
mod files;
mod http;
mod objects;
mod postgres;
mod redis;
pub(super) mod secret;
mod system;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::jobs::{JobDraft, named};
use super::reader::{At, Problems, Section};
use super::tables;
use crate::grants::Granted;
use crate::grants::commands::Command;
use crate::grants::files::Directory;
use crate::grants::http::Endpoint;
use crate::grants::objects::Store;
use crate::grants::postgres::Scope;
use crate::grants::redis::Server;
use crate::grants::secret::Secret;
use crate::grants::system::System;
pub(super) use secret::Keys;

/// The tables of one capability by name; none for a table that is there but wrong: a mistake of its own, not of the jobs that name it.
type Named<T> = BTreeMap<String, Option<Arc<T>>>;

/// Everything that can be granted.
pub(super) struct Grantable {
    pub(super) postgres: Named<Scope>,
    pub(super) http: Named<Endpoint>,
    pub(super) files: Named<Directory>,
    pub(super) objects: Named<Store>,
    pub(super) redis: Named<Server>,
    pub(super) commands: Named<Command>,
    pub(super) system: Arc<System>,
    /// Where secrets stand, to be looked at by `validate`.
    pub(super) secrets: Vec<At<Secret>>,
}

/// What the readers of the tables share.
pub(super) struct Reading<'a> {
    /// The directory of agent.toml: relative paths start there.
    directory: &'a Path,
    pub(super) secrets: Vec<At<Secret>>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(directory: &'a Path) -> Self {
        Self { directory, secrets: Vec::new() }
    }
}

impl Grantable {
    /// Reads all the tables.
    pub(super) fn read(root: &mut Section<'_>, directory: &Path, problems: &mut Problems) -> Self {
        let mut reading = Reading::of(directory);
        let postgres = each(root, "postgres", problems, |name, section, problems| {
            postgres::read(name, &mut reading, section, problems)
        });
        let http =
            each(root, "http", problems, |name, section, problems| http::read(name, &mut reading, section, problems));
        let files = each(root, "files", problems, files::read);
        let objects = each(root, "objects", problems, |name, section, problems| {
            objects::read(name, &mut reading, section, problems)
        });
        let redis =
            each(root, "redis", problems, |name, section, problems| redis::read(name, &mut reading, section, problems));
        let commands =
            each(root, "command", problems, |name, section, problems| command::read(name, &files, section, problems));
        let system = Arc::new(system::read(root.section("system", problems), &files, problems));
        Self { postgres, http, files, objects, redis, commands, system, secrets: reading.secrets }
    }

    /// The object stores that are right.
    pub(super) fn stores(&self) -> Vec<Arc<Store>> {
        self.objects.values().flatten().cloned().collect()
    }

    /// The names of the object stores that are not.
    pub(super) fn wrong_stores(&self) -> Vec<String> {
        self.objects.iter().filter(|(_, store)| store.is_none()).map(|(name, _)| name.clone()).collect()
    }

    /// What a job is granted; a name that is not there is a mistake.
    pub(super) fn granted(&self, draft: &JobDraft<'_>, problems: &mut Problems) -> Granted {
        Granted {
            job: draft.name.value.clone(),
            plugin: draft.plugin.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
            postgres: pick(draft, "postgres", "postgres", &self.postgres, problems),
            http: pick(draft, "http", "http", &self.http, problems),
            files: pick(draft, "files", "files", &self.files, problems),
            objects: pick(draft, "objects", "objects", &self.objects, problems),
            redis: pick(draft, "redis", "redis", &self.redis, problems),
            commands: bind(draft, pick(draft, "commands", "command", &self.commands, problems)),
            system: draft.system.is_some().then(|| Arc::clone(&self.system)),
            replayed: None,
        }
    }
}

fn each<T>(
    root: &mut Section<'_>,
    kind: &'static str,
    problems: &mut Problems,
    mut read: impl FnMut(&str, Section<'_>, &mut Problems) -> Option<T>,
) -> Named<T> {
    tables(root.section(kind, problems), problems)
        .into_iter()
        .map(|(name, section)| {
            let value = read(&name.value, section, problems).map(Arc::new);
            (name.value, value)
        })
        .collect()
}

/// Commands under the names by which the job's plugin asks for them, where the grant says so.
fn bind(draft: &JobDraft<'_>, commands: Vec<Arc<Command>>) -> Vec<Arc<Command>> {
    if draft.called.len() != commands.len() {
        // As they are; or one is not there, which is noted.
        return commands;
    }
    commands.iter().zip(&draft.called).map(|(command, called)| Arc::new(command.bound(called))).collect()
}

fn pick<T>(
    draft: &JobDraft<'_>,
    capability: &str,
    kind: &str,
    there: &Named<T>,
    problems: &mut Problems,
) -> Vec<Arc<T>> {
    let names = draft.grants.get(capability).map(|at| at.value.as_slice()).unwrap_or_default();
    names.iter().filter_map(|name| named(name, kind, there, problems)?.clone()).collect()
}
