//! The place of `objects` among the capabilities.

use super::{Ask, Object, Objects, Told, perform};
use crate::grants::Granted;
use crate::grants::error::Error;
use crate::grants::part::{About, Part, Size};

impl Part for Objects {
    const NAME: &'static str = "objects";
    type Ask = Ask;
    type Told = Told;

    fn about(&self, ask: &Ask) -> About {
        let operation = match ask {
            Ask::Entries { .. } => "entries",
            Ask::Metadata { .. } => "metadata",
            Ask::Read { .. } => "read",
        };
        About { operation, grant: ask.store().to_owned(), text: Some(ask.key().to_owned()) }
    }

    fn size(told: &Told) -> Size {
        let one = |object: &Object| (object.key.len() + object.etag.as_ref().map_or(0, String::len)) as u64;
        match told {
            Told::Entries(listing) => {
                Size { rows: listing.objects.len() as u64, bytes: listing.objects.iter().map(one).sum() }
            }
            Told::Metadata(object) => Size { rows: 1, bytes: one(object) },
            Told::Read(bytes) => Size { rows: 1, bytes: bytes.len() as u64 },
        }
    }

    async fn perform(&mut self, granted: &Granted, ask: &Ask) -> Result<Told, Error> {
        perform(self, granted.objects(ask.store())?, ask).await
    }
}
