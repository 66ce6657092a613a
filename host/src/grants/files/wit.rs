//! The contract's side of `files`.

use super::{Ask, Entry, Files, Kind, Told};
use crate::contract::pgreeve::plugin::errors::Error;
use crate::contract::pgreeve::plugin::files as contract;
use crate::grants::{Call, unexpected};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl contract::Host for Call<'_, Files> {
    async fn entries(&mut self, directory: String, path: String, after: Option<String>) -> Answer<contract::Listing> {
        match self.ask(Ask::Entries { directory, path, after }).await? {
            Ok(Told::Entries(listing)) => Ok(Ok(contract::Listing {
                entries: listing.entries.into_iter().map(entry).collect(),
                more: listing.more,
                skipped: listing.skipped,
            })),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn metadata(&mut self, directory: String, path: String) -> Answer<contract::Entry> {
        match self.ask(Ask::Metadata { directory, path }).await? {
            Ok(Told::Metadata(told)) => Ok(Ok(entry(told))),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn read(&mut self, directory: String, path: String, offset: u64, length: u32) -> Answer<Vec<u8>> {
        match self.ask(Ask::Read { directory, path, offset, length }).await? {
            Ok(Told::Read(bytes)) => Ok(Ok(bytes)),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn sha256(&mut self, directory: String, path: String) -> Answer<String> {
        match self.ask(Ask::Sha256 { directory, path }).await? {
            Ok(Told::Sha256(digest)) => Ok(Ok(digest)),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn free_space(&mut self, directory: String) -> Answer<contract::Space> {
        match self.ask(Ask::FreeSpace { directory }).await? {
            Ok(Told::FreeSpace(space)) => Ok(Ok(contract::Space {
                total: space.total,
                available: space.available,
                inodes_total: space.inodes_total,
                inodes_available: space.inodes_available,
            })),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }
}

fn entry(entry: Entry) -> contract::Entry {
    let kind = match entry.kind {
        Kind::File => contract::Kind::File,
        Kind::Directory => contract::Kind::Directory,
        Kind::Symlink => contract::Kind::Symlink,
        Kind::Other => contract::Kind::Other,
    };
    contract::Entry { path: entry.path, kind, size: entry.size, modified: entry.modified }
}
