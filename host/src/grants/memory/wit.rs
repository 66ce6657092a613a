//! The contract's side of `memory`.

use super::{Ask, Memory, Told};
use crate::contract::pgreeve::plugin::errors::Error;
use crate::contract::pgreeve::plugin::memory::{Host, Label, Sample};
use crate::grants::{Call, unexpected};
use crate::report::Pair;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for Call<'_, Memory> {
    async fn get(&mut self, key: String) -> Answer<Option<Vec<u8>>> {
        match self.ask(Ask::Get { key }).await? {
            Ok(Told::Value(value)) => Ok(Ok(value.map(|value| value.0))),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Answer<()> {
        Ok(self.ask(Ask::Set { key, value }).await?.map(drop).map_err(Into::into))
    }

    async fn delete(&mut self, key: String) -> Answer<()> {
        Ok(self.ask(Ask::Delete { key }).await?.map(drop).map_err(Into::into))
    }

    async fn samples(&mut self, metric: String, labels: Vec<Label>, since: i64) -> Answer<Vec<Sample>> {
        let labels = labels.into_iter().map(|label| Pair { name: label.name, value: label.value }).collect();
        match self.ask(Ask::Samples { metric, labels, since }).await? {
            Ok(Told::Samples(samples)) => Ok(Ok(samples.into_iter().map(|(at, value)| Sample { at, value }).collect())),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }
}
