//! The contract's side of `redis`.

use super::{Ask, Item, Node, Part, Told};
use crate::contract::pgreeve::plugin::errors::Error;
use crate::contract::pgreeve::plugin::redis as contract;
use crate::grants::Call;

impl contract::Host for Call<'_, Part> {
    async fn command(
        &mut self,
        server: String,
        arguments: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<contract::Node>, Error>> {
        let told = self.ask(Ask::Command { server, arguments }).await?;
        Ok(told.map(|Told::Reply(nodes)| nodes.into_iter().map(node).collect()).map_err(Into::into))
    }
}

fn node(Node { depth, item }: Node) -> contract::Node {
    let item = match item {
        Item::Nil => contract::ReplyItem::Nil,
        Item::Status(text) => contract::ReplyItem::Status(text),
        Item::Integer(number) => contract::ReplyItem::Integer(number),
        Item::Bulk(bytes) => contract::ReplyItem::Bulk(bytes),
        Item::Array(count) => contract::ReplyItem::Array(count),
    };
    contract::Node { depth, item }
}
