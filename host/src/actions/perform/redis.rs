//! One Redis command.

use super::{EXCERPT, Ended, LINE, Seen, cut, said};
use crate::grants::log::printable;
use crate::grants::redis::{Fault, Item, Node, Server, act};

/// Items of a reply that are shown.
const ITEMS: usize = 50;

/// Sends it.
pub(super) async fn perform(server: &Server, arguments: &[String], name: &str) -> Seen {
    match act(server, arguments, name).await {
        Ok(reply) => (Ended::Done, format!("reply: {}", shown(&reply))),
        Err(Fault::Answered(error)) => (Ended::Failed, said(&error)),
        Err(Fault::Lost(error)) => {
            let what = "the command was sent, and whether the server carried it out is not known";
            (Ended::Uncertain, format!("{what}: {}", said(&error)))
        }
        Err(Fault::NotSent(error)) => (Ended::Refused, said(&error)),
    }
}

/// The reply in reading order.
fn shown(reply: &[Node]) -> String {
    let item = |node: &Node| match &node.item {
        Item::Nil => "nil".to_owned(),
        Item::Status(text) => printable(text, LINE),
        Item::Integer(number) => number.to_string(),
        Item::Bulk(bytes) => {
            let part = bytes.get(..LINE.min(bytes.len())).unwrap_or_default();
            format!("\"{}\"", printable(&String::from_utf8_lossy(part), LINE))
        }
        Item::Array(length) => format!("{length} items:"),
    };
    let more = if reply.len() > ITEMS { " …" } else { "" };
    let items: Vec<String> = reply.iter().take(ITEMS).map(item).collect();
    cut(&format!("{}{more}", items.join(" ")), EXCERPT)
}
