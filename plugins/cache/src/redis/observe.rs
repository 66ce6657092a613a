//! The questions to one server: INFO, and five more that a server may refuse one by one. PING is not among them: a server that cannot
//! save, or has lost its primary, refuses it, so that asking would count as an error of its clients. INFO it always answers.

use std::collections::BTreeMap;

use pgreeve_sdk::redis::{self, Node, ReplyItem};
use pgreeve_sdk::{Answer, Error, Run, recall, remember};

use super::info::Info;
use super::memory::Memory;
use super::nodes::Nodes;
use super::seen::{Cluster, Event, Seen, Slow};
use crate::settings::Settings;
use crate::{keep, remembered};

/// Entries of the slow log looked at, the newest.
const SLOW: &str = "64";

/// One server: what was seen, or why nothing could be.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) name: String,
    pub(crate) seen: Answer<Seen>,
    pub(crate) memory: Memory,
}

/// Looks at one server, and remembers for the next run.
pub(crate) fn observe(name: &str, run: &Run<Settings>) -> Observed {
    let key = format!("redis/{name}");
    let before: Option<Memory> = remembered(&key, recall(&key));
    let expendable = run.settings.servers.get(name).is_some_and(|server| server.expendable);
    let seen = look(name, expendable);
    let memory = match &seen {
        Ok(seen) => Memory::advance(before.as_ref(), seen, run.now(), &run.settings),
        Err(_) => before.unwrap_or_default(),
    };
    if seen.is_ok() {
        keep(&key, remember(&key, &memory));
    }
    Observed { name: name.to_owned(), seen, memory }
}

fn look(name: &str, expendable: bool) -> Answer<Seen> {
    let ask = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        redis::command(name, &arguments)
    };
    let info = Info::parse(&text(&ask(&["INFO"])?));
    if !info.is_one() {
        return Err(Error::Invalid("its INFO is not that of a Redis or Valkey server".to_owned()));
    }
    Ok(Seen {
        slow: ask(&["SLOWLOG", "GET", SLOW]).map(|nodes| slow(&nodes)),
        latency: ask(&["LATENCY", "LATEST"]).map(|nodes| events(&nodes)),
        cluster: (info.flag("cluster_enabled") == Some(true)).then(|| Cluster {
            info: ask(&["CLUSTER", "INFO"]).map(|reply| Info::parse(&text(&reply))),
            nodes: ask(&["CLUSTER", "NODES"]).map(|reply| Nodes::parse(&text(&reply))),
        }),
        // A replica without its primary may refuse it, and would count that among the errors to clients.
        keys_here: (expendable && info.text("role") == Some("master"))
            .then(|| ask(&["DBSIZE"]).map(|nodes| integer(nodes.first()).unsigned_abs())),
        info,
    })
}

fn item(node: Option<&Node>) -> Option<&ReplyItem> {
    node.map(|node| &node.item)
}

fn word(item: Option<&ReplyItem>) -> String {
    match item {
        Some(ReplyItem::Bulk(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(ReplyItem::Status(text)) => text.clone(),
        _ => String::new(),
    }
}

fn text(nodes: &[Node]) -> String {
    word(item(nodes.first()))
}

fn integer(node: Option<&Node>) -> i64 {
    match item(node) {
        Some(ReplyItem::Integer(number)) => *number,
        _ => 0,
    }
}

/// The entries of an array of arrays.
fn entries(nodes: &[Node]) -> impl Iterator<Item = &[Node]> {
    nodes
        .get(1..)
        .unwrap_or_default()
        .chunk_by(|_, next| next.depth > 1)
        .map(|entry| entry.get(1..).unwrap_or_default())
}

fn slow(nodes: &[Node]) -> Vec<Slow> {
    let read = |entry: &[Node]| {
        // id, time, microseconds, the command's words, and where it came from.
        let name = entry.iter().find(|node| node.depth == 3);
        Slow {
            id: integer(entry.first()),
            micros: integer(entry.get(2)),
            command: word(item(name)).chars().filter(char::is_ascii_graphic).take(40).collect(),
        }
    };
    entries(nodes).map(read).collect()
}

fn events(nodes: &[Node]) -> Vec<Event> {
    let read = |entry: &[Node]| Event {
        name: word(item(entry.first())),
        at: integer(entry.get(1)),
        millis: integer(entry.get(2)),
        most: integer(entry.get(3)),
    };
    let events: BTreeMap<String, Event> = entries(nodes).map(read).map(|event| (event.name.clone(), event)).collect();
    events.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(depth: u8, item: ReplyItem) -> Node {
        Node { depth, item }
    }

    fn bulk(text: &str) -> ReplyItem {
        ReplyItem::Bulk(text.as_bytes().to_vec())
    }

    #[test]
    fn a_flat_reply_is_read_as_entries_and_of_a_slow_command_only_its_name_is_kept() {
        use ReplyItem::{Array, Integer};
        let entry = |id| {
            vec![
                node(1, Array(6)),
                node(2, Integer(id)),
                node(2, Integer(1_700_000_000)),
                node(2, Integer(250_000)),
                node(2, Array(2)),
                node(3, bulk("SET")),
                node(3, bulk("secret")),
                node(2, bulk("127.0.0.1:5")),
                node(2, bulk("")),
            ]
        };
        let nodes = [vec![node(0, Array(2))], entry(8), entry(7)].concat();
        let read = slow(&nodes);
        assert_eq!(read[0], Slow { id: 8, micros: 250_000, command: "SET".into() });
        assert_eq!(read.len(), 2);
        assert!(slow(&[node(0, Array(0))]).is_empty());
        let nodes = [
            node(0, Array(1)),
            node(1, Array(4)),
            node(2, bulk("command")),
            node(2, Integer(9)),
            node(2, Integer(300)),
            node(2, Integer(400)),
        ];
        assert_eq!(events(&nodes), [Event { name: "command".into(), at: 9, millis: 300, most: 400 }]);
    }
}
