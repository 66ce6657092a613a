//! `pgreeve grants`: the SQL that makes the logins of agent.toml and gives them what they want. Connects to nothing.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Failure, load, output};
use crate::config::Config;
use crate::roles::{Login, logins, script};

pub(super) fn main(path: &Path, scopes: &[String], major: Option<u32>) -> Result<u8, Failure> {
    output::quiet_log();
    let config = load::runtime()?.block_on(load::load(path, load::StateDir::AsItIs))?.config;
    let logins = selected(&config, scopes)?;
    let mut servers: BTreeMap<String, &str> = BTreeMap::new();
    for login in &logins {
        servers.entry(login.target.place()).or_insert_with(|| &login.scope.name);
    }
    if servers.len() > 1 && scopes.is_empty() {
        let each: Vec<String> =
            servers.iter().map(|(place, scope)| format!("\n  pgreeve grants --scope {scope}    # {place}")).collect();
        return Err(format!(
            "the scopes of {} are on {} servers, and each wants its own psql:{}\nScopes of one cluster (a primary and its \
             standby, a socket and an address) are printed together: --scope A --scope B, for the primary",
            path.display(),
            servers.len(),
            each.concat()
        )
        .into());
    }
    let mut lines = vec![script::script(&logins, major, &path.display().to_string())?];
    let mut idle: Vec<&str> = config.postgres.iter().map(|scope| scope.name.as_str()).collect();
    idle.retain(|scope| scopes.is_empty() && !granted(&config).contains(scope));
    lines.extend(idle.iter().map(|scope| format!("-- No job uses scope {scope}: nothing is printed for it.")));
    output::line(&lines.join("\n"))?;
    Ok(0)
}

/// The logins of these scopes, or of all; a scope that no job is granted is a mistake.
fn selected(config: &Config, scopes: &[String]) -> Result<Vec<Login>, Failure> {
    let granted = granted(config);
    match scopes.iter().find(|scope| !granted.contains(&scope.as_str())) {
        Some(unknown) => Err(format!(
            "no job of {} is granted a database scope {unknown:?}; there are: {}",
            config.path.display(),
            granted.join(", ")
        )
        .into()),
        None => Ok(logins(config, scopes)),
    }
}

/// The scopes that jobs are granted, each once.
fn granted(config: &Config) -> Vec<&str> {
    let scopes = config.jobs.values().flat_map(|job| job.granted.postgres.iter().map(|scope| scope.name.as_str()));
    let mut granted: Vec<&str> = scopes.collect();
    granted.sort_unstable();
    granted.dedup();
    granted
}
