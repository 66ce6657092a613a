//! The place of `files` among the capabilities.

use super::{Ask, Files, Told, perform};
use crate::grants::Granted;
use crate::grants::error::Error;
use crate::grants::part::{About, Part, Size};

impl Part for Files {
    const NAME: &'static str = "files";
    type Ask = Ask;
    type Told = Told;

    fn about(&self, ask: &Ask) -> About {
        let operation = match ask {
            Ask::Entries { .. } => "entries",
            Ask::Metadata { .. } => "metadata",
            Ask::Read { .. } => "read",
            Ask::Sha256 { .. } => "sha256",
            Ask::FreeSpace { .. } => "free-space",
        };
        About { operation, grant: ask.directory().to_owned(), text: Some(ask.path().to_owned()) }
    }

    fn size(told: &Told) -> Size {
        match told {
            Told::Entries(listing) => Size {
                rows: listing.entries.len() as u64,
                bytes: listing.entries.iter().map(|entry| entry.path.len() as u64).sum(),
            },
            Told::Read(bytes) => Size { rows: 1, bytes: bytes.len() as u64 },
            Told::Metadata(_) | Told::Sha256(_) | Told::FreeSpace(_) => Size { rows: 1, bytes: 0 },
        }
    }

    async fn perform(&mut self, granted: &Granted, ask: &Ask) -> Result<Told, Error> {
        perform(self, granted.files(ask.directory())?, ask).await
    }
}
