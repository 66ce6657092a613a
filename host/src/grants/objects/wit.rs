//! The contract's side of `objects`.

use super::{Ask, Object, Objects, Told};
use crate::contract::pgreeve::plugin::errors::Error;
use crate::contract::pgreeve::plugin::objects as contract;
use crate::grants::{Call, unexpected};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl contract::Host for Call<'_, Objects> {
    async fn entries(&mut self, store: String, prefix: String, after: Option<String>) -> Answer<contract::Listing> {
        match self.ask(Ask::Entries { store, prefix, after }).await? {
            Ok(Told::Entries(listing)) => {
                let objects = listing.objects.into_iter().map(object).collect();
                Ok(Ok(contract::Listing { objects, more: listing.more }))
            }
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn metadata(&mut self, store: String, key: String) -> Answer<contract::Object> {
        match self.ask(Ask::Metadata { store, key }).await? {
            Ok(Told::Metadata(told)) => Ok(Ok(object(told))),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn read(&mut self, store: String, key: String, offset: u64, length: u32) -> Answer<Vec<u8>> {
        match self.ask(Ask::Read { store, key, offset, length }).await? {
            Ok(Told::Read(bytes)) => Ok(Ok(bytes)),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }
}

fn object(object: Object) -> contract::Object {
    let Object { key, size, modified, etag } = object;
    contract::Object { key, size, modified, etag }
}
