//! The logins that agent.toml names, each with the rights that the plugins of its jobs want.

use std::sync::Arc;

use crate::config::{Config, Job, Mode};
use crate::grants::log::printable;
use crate::grants::postgres::{Scope, Target};
use crate::plugin::manifest::{Action, Need, ObjectKind, Privilege, Right, Template};
use crate::plugin::needs::{self, Whose};

/// One login in one database. Scopes with the same server, database and login are one.
#[derive(Debug)]
pub struct Login {
    /// How it is reached, from the first of its scopes.
    pub target: Target,
    /// The same, with time-outs.
    pub scope: Arc<Scope>,
    /// The names of its scopes.
    pub scopes: Vec<String>,
    /// Plugins look with it.
    pub observes: bool,
    /// Actions are carried out with it.
    pub acts: bool,
    /// What it wants, in the order of the jobs.
    pub wants: Vec<Want>,
    /// What cannot be done, or is not well done, with the configuration as it is.
    pub remarks: Vec<String>,
    /// The key of agent.toml for lack of which the agent does not log in with it if it is a superuser.
    pub refuses_superuser: Option<String>,
}

/// A right that a login wants.
#[derive(Clone, Debug)]
pub struct Want {
    /// The right.
    pub right: Right,
    /// The first and the last major version that has or wants it.
    pub since: Option<u32>,
    /// See [`since`](Self::since).
    pub until: Option<u32>,
    /// Whether something does not work at all without it.
    pub required: bool,
    /// Who wants it and what for, one line each.
    pub why: Vec<String>,
}

impl Login {
    /// Its name.
    pub fn user(&self) -> &str {
        self.target.user().0
    }

    /// What pgreeve does with it, in words.
    pub fn duty(&self) -> &'static str {
        match (self.observes, self.acts) {
            (true, true) => "observes and acts",
            (false, true) => "acts",
            _ => "observes",
        }
    }
}

impl Want {
    /// Whether a server of this major version has or wants it.
    pub fn applies_to(&self, major: u32) -> bool {
        self.since.is_none_or(|since| major >= since) && self.until.is_none_or(|until| major <= until)
    }
}

/// Who decides that a job's action is carried out.
fn mode(job: &Job, action: &Action) -> Mode {
    job.rules.get(&action.id).map(|rule| rule.mode).unwrap_or_default()
}

/// Whether the job's actor is given the rights for an action: unless the operator denies it. One that is only proposed keeps its rights, so
/// that changing its policy is one word.
fn counts(job: &Job, action: &Action) -> bool {
    mode(job, action) != Mode::Deny
}

/// Whether pgreeve itself may carry it out, so that it fails without a right.
fn is_carried_out(job: &Job, action: &Action) -> bool {
    matches!(mode(job, action), Mode::Approve | Mode::Auto)
}

/// Adds the logins of the scopes that no job is granted: nothing is wanted of them but to connect.
pub fn unused(config: &Config, logins: &mut Vec<Login>) {
    let used = |scope: &Scope| {
        config.jobs.values().any(|job| job.granted.postgres.iter().any(|granted| granted.name == scope.name))
    };
    for scope in config.postgres.iter().filter(|scope| !used(scope)) {
        let targets = [(Some(&scope.target), Whose::Observer), (scope.act.as_ref(), Whose::Actor)];
        for (target, whose) in targets {
            let Some(target) = target else { continue };
            let remark = format!("no job uses scope {}: grant it to one, or remove it from agent.toml", scope.name);
            login(logins, scope, target, whose).remarks.push(remark);
        }
    }
}

/// All logins of the scopes that jobs are granted; of the named scopes alone if some are named.
pub fn logins(config: &Config, only: &[String]) -> Vec<Login> {
    let mut logins = Vec::new();
    for job in config.jobs.values() {
        let told = &job.plugin.manifest.told;
        let named = |scope: &&Arc<Scope>| only.is_empty() || only.contains(&scope.name);
        for scope in job.granted.postgres.iter().filter(named) {
            let observer = login(&mut logins, scope, &scope.target, Whose::Observer);
            for need in &told.needs {
                want(observer, need, &format!("job {}, plugin {}", job.name, told.name));
            }
            let sql = |action: &&Action| matches!(action.template, Template::Sql(_)) && counts(job, action);
            let actions: Vec<&Action> = told.actions.iter().filter(sql).collect();
            let Some(target) = scope.act.as_ref().filter(|_| !actions.is_empty()) else {
                let carried_out = actions.iter().filter(|action| is_carried_out(job, action));
                let ids: Vec<&str> = carried_out.map(|action| action.id.as_str()).collect();
                if !ids.is_empty() {
                    let remark = format!(
                        "scope {} has no act_dsn, so that job {} cannot carry out {} there",
                        scope.name,
                        job.name,
                        ids.join(", ")
                    );
                    observer.remarks.push(remark);
                }
                continue;
            };
            let actor = login(&mut logins, scope, target, Whose::Actor);
            for action in actions {
                let who = format!(
                    "job {}, plugin {}, action {} (policy {})",
                    job.name,
                    told.name,
                    action.id,
                    mode(job, action).word()
                );
                for need in &action.needs {
                    let required = need.required && is_carried_out(job, action);
                    want(actor, &Need { required, ..need.clone() }, &who);
                }
            }
        }
        // An actor that no action uses is a login of agent.toml too.
        for scope in job.granted.postgres.iter().filter(named) {
            if let Some(target) = &scope.act {
                login(&mut logins, scope, target, Whose::Actor);
            }
        }
    }
    logins
}

/// The login of that target, which is new or known from another job or scope.
fn login<'a>(logins: &'a mut Vec<Login>, scope: &Arc<Scope>, target: &Target, whose: Whose) -> &'a mut Login {
    let same = |login: &Login| {
        login.user() == target.user().0
            && login.target.database() == target.database()
            && login.target.place() == target.place()
    };
    let index = logins.iter().position(same).unwrap_or_else(|| {
        logins.push(Login {
            target: target.clone(),
            scope: Arc::clone(scope),
            scopes: Vec::new(),
            observes: false,
            acts: false,
            wants: vec![connecting(target)],
            remarks: by_default(target),
            refuses_superuser: None,
        });
        logins.len() - 1
    });
    #[allow(clippy::indexing_slicing)] // found, or just put there
    let login = &mut logins[index];
    if !login.scopes.contains(&scope.name) {
        login.scopes.push(scope.name.clone());
    }
    let (superuser_allowed, key) = target.superuser();
    if superuser_allowed {
        let remark =
            format!("{key} is true in scope {}: the agent takes this login also if it is a superuser", scope.name);
        if !login.remarks.contains(&remark) {
            login.remarks.push(remark);
        }
    } else {
        login.refuses_superuser.get_or_insert_with(|| format!("{key} under [postgres.{}] in agent.toml", scope.name));
    }
    match whose {
        Whose::Observer => login.observes = true,
        Whose::Actor => login.acts = true,
    }
    login
}

fn by_default(target: &Target) -> Vec<String> {
    let remark = |user: &str| {
        format!(
            "the dsn names no user, so that it is {user}, whoever runs pgreeve; the agent may run as another: write user=… \
             into agent.toml"
        )
    };
    let (user, by_default) = target.user();
    by_default.then(|| remark(user)).into_iter().collect()
}

/// Nothing works without it. PUBLIC has it, unless somebody took it away.
fn connecting(target: &Target) -> Want {
    let right = Right::Privilege(Privilege {
        privilege: "CONNECT".to_owned(),
        object: ObjectKind::Database,
        name: target.database().to_owned(),
        arguments: Vec::new(),
    });
    Want { right, since: None, until: None, required: true, why: vec!["to connect at all".to_owned()] }
}

/// Adds a want, and what it is of no use without.
fn want(login: &mut Login, need: &Need, who: &str) {
    let (since, until) = needs::versions(need);
    let why = printable(&format!("{who}: {}", need.reason), 1024);
    if let Right::Privilege(Privilege { object, name, .. }) = &need.right
        && matches!(object, ObjectKind::Table | ObjectKind::Sequence | ObjectKind::Function)
        && let Some((schema, _)) = name.split_once('.')
        && !["pg_catalog", "information_schema"].contains(&schema)
    {
        let right = Right::Privilege(Privilege {
            privilege: "USAGE".to_owned(),
            object: ObjectKind::Schema,
            name: schema.to_owned(),
            arguments: Vec::new(),
        });
        add(login, Want { right, since, until, required: need.required, why: vec![why.clone()] });
    }
    add(login, Want { right: need.right.clone(), since, until, required: need.required, why: vec![why] });
}

/// Adds a want; one for the same right, and at least the same versions, takes it in.
fn add(login: &mut Login, want: Want) {
    let words = needs::words(&want.right);
    let same = |known: &&mut Want| needs::words(&known.right) == words;
    let covers = |one: &Want, other: &Want| {
        one.since.unwrap_or(0) <= other.since.unwrap_or(0)
            && one.until.unwrap_or(u32::MAX) >= other.until.unwrap_or(u32::MAX)
    };
    match login.wants.iter_mut().filter(same).find(|known| covers(known, &want) || covers(&want, known)) {
        Some(known) => {
            if covers(&want, known) {
                (known.since, known.until) = (want.since, want.until);
            }
            known.required |= want.required;
            let new: Vec<String> = want.why.into_iter().filter(|why| !known.why.contains(why)).collect();
            known.why.extend(new);
        }
        None => login.wants.push(want),
    }
}
