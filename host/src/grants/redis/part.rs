//! The place of `redis` among the capabilities.

use super::{Ask, Item, Part, Told, perform};
use crate::grants::error::Error;
use crate::grants::part::{self, About, Size};
use crate::grants::{Granted, redis};

impl part::Part for Part {
    const NAME: &'static str = "redis";
    type Ask = Ask;
    type Told = Told;

    fn about(&self, ask: &Ask) -> About {
        let Ask::Command { server, arguments } = ask;
        About { operation: "command", grant: server.clone(), text: Some(redis::policy::acl_name(arguments)) }
    }

    fn size(told: &Told) -> Size {
        let Told::Reply(nodes) = told;
        let bytes = nodes.iter().map(|node| match &node.item {
            Item::Nil => 1,
            Item::Integer(_) | Item::Array(_) => 8,
            Item::Status(text) => text.len(),
            Item::Bulk(bytes) => bytes.len(),
        });
        Size { rows: nodes.len() as u64, bytes: bytes.sum::<usize>() as u64 }
    }

    async fn perform(&mut self, granted: &Granted, ask: &Ask) -> Result<Told, Error> {
        let Ask::Command { server, .. } = ask;
        perform(self, granted.redis(server)?, ask).await
    }
}
