//! Who may do what over the local API. Pure: the peer, its token and the operator's word in; who it is, or why not, out.

use std::fmt;

use crate::grants::secret::Secret;

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// To see: everybody has it who can connect.
    Read,
    /// To run a job now and to reload.
    Operate,
    /// To approve and reject proposals, and to pause and resume all actions.
    Approve,
}

impl Right {
    /// All of them, by their words in agent.toml and in the API's document.
    pub const WORDS: [(&str, Self); 3] = [("read", Self::Read), ("operate", Self::Operate), ("approve", Self::Approve)];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Approve => "approve",
        }
    }
}

/// A user, or all members of a group, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// `"alice"`.
    User(String),
    /// `"%dba"`.
    Group(String),
}

impl Principal {
    /// Reads `alice` or `%dba`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.strip_prefix('%').unwrap_or(text);
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_-.@$".contains(letter);
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            return Err("neither a user nor a %group");
        }
        let name = name.to_owned();
        Ok(if text.starts_with('%') { Self::Group(name) } else { Self::User(name) })
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(out, "{name}"),
            Self::Group(name) => write!(out, "%{name}"),
        }
    }
}

/// `[api.token.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its name: who a request is recorded as that bears it.
    pub name: String,
    /// Where it stands.
    pub secret: Secret,
    /// What it adds to the rights of whoever bears it.
    pub rights: Vec<Right>,
}

/// The operator's word, from `[api]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Who may approve; none: the agent's user and root.
    pub approvers: Option<Vec<Principal>>,
    /// Who may operate; none: the agent's user, root, and who may approve.
    pub operators: Option<Vec<Principal>>,
    /// By name.
    pub tokens: Vec<Token>,
}

/// The process at the other end of the socket, by its credentials when it connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its effective user.
    pub uid: u32,
    /// That user's name, if the system knows one.
    pub user: Option<String>,
    /// The names of its effective group and of all groups of that user.
    pub groups: Vec<String>,
    /// Its process, if the system says.
    pub pid: Option<i32>,
    /// Who logged in, where that is another user: `alice`, who came as root by sudo. For the record alone.
    pub login: Option<String>,
}

/// What a request bears in `Authorization`.
#[derive(Clone, Copy, Debug)]
pub enum Presented<'a> {
    /// Nothing.
    Nothing,
    /// One of the tokens.
    Token(&'a Token),
    /// Something that is none of them.
    Wrong,
}

/// Who asks: a name for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who(pub String);

impl fmt::Display for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// 401.
    #[error("the token is none of [api.token.…] in agent.toml")]
    WrongToken,
    /// 403.
    #[error("{who} may not {}", right.word())]
    #[allow(missing_docs)]
    NoRight { who: Who, right: Right },
}

/// Decides. `agent` is the agent's own user.
pub fn decide(right: Right, peer: &Peer, presented: Presented<'_>, rules: &Rules, agent: u32) -> Result<Who, Refused> {
    let user = peer.user.clone().unwrap_or_else(|| format!("uid {}", peer.uid));
    let (who, added) = match (presented, &peer.login) {
        (Presented::Wrong, _) => return Err(Refused::WrongToken),
        (Presented::Nothing, None) => (Who(user), &[][..]),
        (Presented::Nothing, Some(login)) => (Who(format!("{user} (logged in as {login})")), &[][..]),
        (Presented::Token(token), None) => (Who(format!("token {} ({user})", token.name)), token.rights.as_slice()),
        (Presented::Token(token), Some(login)) => {
            (Who(format!("token {} ({user}, logged in as {login})", token.name)), token.rights.as_slice())
        }
    };
    let among = |list: &[Principal]| {
        list.iter().any(|principal| match principal {
            Principal::User(name) => peer.user.as_ref() == Some(name),
            Principal::Group(name) => peer.groups.contains(name),
        })
    };
    let by_default = peer.uid == agent || peer.uid == 0;
    let approves = rules.approvers.as_deref().map_or(by_default, among);
    let has = match right {
        Right::Read => true,
        Right::Approve => approves,
        Right::Operate => rules.operators.as_deref().map_or(by_default || approves, among),
    };
    if has || added.contains(&right) { Ok(who) } else { Err(Refused::NoRight { who, right }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: u32 = 990;

    fn peer(uid: u32, user: Option<&str>, groups: &[&str]) -> Peer {
        let groups = groups.iter().map(ToString::to_string).collect();
        Peer { uid, user: user.map(str::to_owned), groups, pid: Some(1), login: None }
    }

    fn rules(approvers: Option<&[&str]>, operators: Option<&[&str]>) -> Rules {
        let list = |names: &[&str]| names.iter().map(|name| Principal::parse(name).unwrap()).collect();
        Rules { approvers: approvers.map(list), operators: operators.map(list), tokens: Vec::new() }
    }

    #[test]
    fn rights_follow_from_the_peer_and_the_operators_word() {
        let (root, agent) = (peer(0, Some("root"), &["root"]), peer(AGENT, Some("pgreeve"), &["pgreeve"]));
        let (alice, bob) = (peer(1000, Some("alice"), &["alice", "dba"]), peer(1001, Some("bob"), &["bob", "ops"]));
        // Named like a group, and a user without a name.
        let (dba, nameless) = (peer(1002, Some("dba"), &["users"]), peer(1003, None, &[]));
        // Read, operate, approve of each.
        type Row<'a> = (&'a str, Rules, &'a Peer, [bool; 3]);
        let table: Vec<Row<'_>> = vec![
            ("by default the agent's user", rules(None, None), &agent, [true, true, true]),
            ("by default root", rules(None, None), &root, [true, true, true]),
            ("by default nobody else", rules(None, None), &alice, [true, false, false]),
            ("by default no user without a name", rules(None, None), &nameless, [true, false, false]),
            ("an approver operates", rules(Some(&["alice"]), None), &alice, [true, true, true]),
            ("a list is the whole list", rules(Some(&["alice"]), None), &agent, [true, true, false]),
            ("for root too", rules(Some(&["alice"]), Some(&["alice"])), &root, [true, false, false]),
            ("a group", rules(Some(&["%dba"]), None), &alice, [true, true, true]),
            ("not its namesake", rules(Some(&["%dba"]), None), &dba, [true, false, false]),
            ("nor the other way round", rules(Some(&["dba"]), None), &alice, [true, false, false]),
            ("an operator does not approve", rules(None, Some(&["%ops"])), &bob, [true, true, false]),
            ("an approver who is no operator", rules(Some(&["alice"]), Some(&["bob"])), &alice, [true, false, true]),
            ("an empty list is nobody", rules(Some(&[]), Some(&[])), &agent, [true, false, false]),
        ];
        for (name, rules, peer, expected) in table {
            for ((_, right), expected) in Right::WORDS.into_iter().zip(expected) {
                let decided = decide(right, peer, Presented::Nothing, &rules, AGENT);
                assert_eq!(decided.is_ok(), expected, "{name}: {right:?}: {decided:?}");
            }
        }
    }

    #[test]
    fn a_token_adds_its_rights_and_its_name() {
        let rules = rules(Some(&["alice"]), Some(&[]));
        let (alice, bob) = (peer(1000, Some("alice"), &[]), peer(1001, Some("bob"), &[]));
        let token = Token { name: "ci".into(), secret: Secret::Env("CI".into()), rights: vec![Right::Operate] };
        let decided = |right, peer: &Peer, presented| decide(right, peer, presented, &rules, AGENT);
        assert_eq!(decided(Right::Operate, &bob, Presented::Token(&token)), Ok(Who("token ci (bob)".into())));
        let refused = decided(Right::Approve, &bob, Presented::Token(&token)).unwrap_err();
        assert_eq!(refused.to_string(), "token ci (bob) may not approve");
        // What the peer may do by itself it may do with a token.
        assert!(decided(Right::Approve, &alice, Presented::Token(&token)).is_ok());
        // A wrong token is a mistake to be told of, whatever the peer may do without it.
        for right in [Right::Read, Right::Approve] {
            assert_eq!(decided(right, &alice, Presented::Wrong), Err(Refused::WrongToken));
        }
    }

    #[test]
    fn who_logged_in_is_told_and_grants_nothing() {
        let root = Peer { login: Some("alice".into()), ..peer(0, Some("root"), &["root"]) };
        let alone = rules(Some(&["alice"]), Some(&["root"]));
        let told = decide(Right::Operate, &root, Presented::Nothing, &alone, AGENT);
        assert_eq!(told, Ok(Who("root (logged in as alice)".into())));
        let refused = decide(Right::Approve, &root, Presented::Nothing, &alone, AGENT).unwrap_err();
        assert_eq!(refused.to_string(), "root (logged in as alice) may not approve");
        let token = Token { name: "ci".into(), secret: Secret::Env("CI".into()), rights: vec![Right::Approve] };
        let told = decide(Right::Approve, &root, Presented::Token(&token), &alone, AGENT);
        assert_eq!(told, Ok(Who("token ci (root, logged in as alice)".into())));
    }

    #[test]
    fn principals_are_users_and_groups() {
        assert_eq!(Principal::parse("alice"), Ok(Principal::User("alice".into())));
        assert_eq!(Principal::parse("%dba"), Ok(Principal::Group("dba".into())));
        for wrong in ["", "%", "a b", "%%dba", "alice,bob", "a:b"] {
            assert!(Principal::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
