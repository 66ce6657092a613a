//! `[api]`: where the local API is, and who may do what over it.

use std::path::{Path, PathBuf};

use super::Agent;
use super::capabilities::{Keys, Reading, secret};
use super::reader::{At, Problems, Section, note};
use super::tables;
use crate::grants::secret::Secret;
use crate::rights::{Principal, Right, Rules, Token};

/// The longest path that a socket can have, in bytes.
const LONGEST: usize = 107;

/// The three places of a token's secret.
const TOKEN: Keys = Keys { file: "file", env: "env", credential: "credential" };

/// `[api]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// The socket. Default: `api.sock` in the state directory.
    pub socket: PathBuf,
    /// Its group; none: the agent's user and root alone may connect.
    pub group: Option<String>,
    /// Who may do what.
    pub rules: Rules,
}

/// What `[api]` says, where the names of users and groups stand, and where secrets do.
pub(super) struct Written {
    pub(super) api: Api,
    pub(super) principals: Vec<At<Principal>>,
    pub(super) secrets: Vec<At<Secret>>,
}

/// Reads the table; `directory` is that of agent.toml.
pub(super) fn read(section: Option<Section<'_>>, agent: &Agent, directory: &Path, problems: &mut Problems) -> Written {
    let api = Api { socket: agent.state_dir.join("api.sock"), group: None, rules: Rules::default() };
    let mut written = Written { api, principals: Vec::new(), secrets: Vec::new() };
    let Some(mut section) = section else { return written };
    let place = section.span.clone();
    if let Some(socket) = section.text("socket", problems) {
        if !Path::new(&socket.value).is_absolute() {
            let message = format!("api.socket {:?} is not an absolute path", socket.value);
            note(problems, socket.span, message, "write socket = \"/run/pgreeve/api.sock\"");
        }
        written.api.socket = socket.value.into();
    }
    if written.api.socket.as_os_str().len() > LONGEST {
        let message = format!("the path of the local API's socket has more than {LONGEST} bytes");
        note(problems, place, message, "write socket = \"/run/pgreeve/api.sock\" into [api]");
    }
    if let Some(group) = section.parsed("group", problems, group, "write group = \"dba\"") {
        written.api.group = Some(group.value.clone());
        written.principals.push(At { value: Principal::Group(group.value), span: group.span });
    }
    let rules = &mut written.api.rules;
    for (key, list) in [("approvers", &mut rules.approvers), ("operators", &mut rules.operators)] {
        let Some(names) = section.names(key, problems) else { continue };
        let mut principals = Vec::new();
        for name in names {
            match Principal::parse(&name.value) {
                Ok(principal) => {
                    written.principals.push(At { value: principal.clone(), span: name.span });
                    principals.push(principal);
                }
                Err(why) => {
                    let message = format!("api.{key}: {:?} is {why}", name.value);
                    note(
                        problems,
                        name.span,
                        message,
                        "write \"alice\" for a user, \"%dba\" for all members of a group",
                    );
                }
            }
        }
        *list = Some(principals);
    }
    let mut reading = Reading::of(directory);
    for (name, section) in tables(section.section("token", problems), problems) {
        rules.tokens.extend(token(name.value, section, &mut reading, problems));
    }
    section.finish(problems);
    written.secrets = reading.secrets;
    written
}

fn token(name: String, mut section: Section<'_>, reading: &mut Reading<'_>, problems: &mut Problems) -> Option<Token> {
    section.require("rights", "[\"operate\"]", problems);
    let place = section.span.clone();
    let secret = secret::read(&TOKEN, reading, &mut section, problems);
    if secret.is_none() {
        let message = format!("[{}] names no place for its secret", section.name);
        note(problems, place, message, "add file = \"…\", env = \"…\" or credential = \"…\"");
    }
    let mut rights = Vec::new();
    for word in section.names("rights", problems).unwrap_or_default() {
        match Right::WORDS.iter().find(|(known, _)| *known == word.value) {
            Some((_, right)) => rights.push(*right),
            None => {
                let message = format!("[{}] rights: {:?} is no right", section.name, word.value);
                note(problems, word.span, message, "write \"read\", \"operate\" or \"approve\"");
            }
        }
    }
    section.finish(problems);
    Some(Token { name, secret: secret?, rights })
}

/// A group's name.
fn group(text: &str) -> Result<String, String> {
    match Principal::parse(&format!("%{text}")) {
        Ok(Principal::Group(name)) => Ok(name),
        _ => Err(format!("{text:?} is no name of a group")),
    }
}

/// Notes the names that the system does not know: for `validate`, on the host where the agent runs.
pub(super) fn look_around(principals: &[At<Principal>], problems: &mut Problems) {
    for principal in principals {
        let known = match &principal.value {
            Principal::User(name) => nix::unistd::User::from_name(name).ok().flatten().is_some(),
            Principal::Group(name) => nix::unistd::Group::from_name(name).ok().flatten().is_some(),
        };
        if !known {
            let kind = if matches!(principal.value, Principal::User(_)) { "user" } else { "group" };
            let name = principal.value.to_string();
            let message =
                format!("[api] names the {kind} {:?}, which this system does not know", name.trim_start_matches('%'));
            note(problems, principal.span.clone(), message, "correct the name, or make it");
        }
    }
}
