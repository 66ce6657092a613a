//! The contract's side of `memory`.

use jiff::Timestamp;

use super::{MOST_SAMPLES, Memory};
use crate::contract::pgreeve::plugin::errors::{Error, Limit};
use crate::contract::pgreeve::plugin::memory::{Host, Label, Sample};
use crate::grants::Call;
use crate::report::Pair;

impl Host for Call<'_, Memory> {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        self.meter.call()?;
        Ok(Ok(self.part.keys.get(&key).map(<[u8]>::to_vec)))
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        self.meter.call()?;
        if key.is_empty() {
            return Ok(Err(Error::Invalid("a key has at least one byte".to_owned())));
        }
        Ok(self.part.keys.set(&key, value).map_err(|_| Error::LimitExceeded(Limit::Quota)))
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), Error>> {
        self.meter.call()?;
        self.part.keys.delete(&key);
        Ok(Ok(()))
    }

    async fn samples(
        &mut self,
        metric: String,
        labels: Vec<Label>,
        since: i64,
    ) -> wasmtime::Result<Result<Vec<Sample>, Error>> {
        self.meter.call()?;
        let Ok(since) = Timestamp::from_microsecond(since) else {
            return Ok(Err(Error::Invalid(format!("{since} is no time that a calendar has"))));
        };
        let Some(history) = self.part.history.clone() else { return Ok(Ok(Vec::new())) };
        let job = self.granted.job.clone();
        let labels: Vec<Pair> = labels.into_iter().map(|label| Pair { name: label.name, value: label.value }).collect();
        let read = history.call(move |store| store.samples(&job, &metric, &labels, since, MOST_SAMPLES)).await;
        self.meter.waited();
        Ok(match read {
            Ok(samples) => Ok(samples
                .into_iter()
                .map(|sample| Sample { at: sample.at.as_microsecond(), value: sample.value })
                .collect()),
            Err(error) => Err(Error::Unreachable(format!("cannot read recorded samples: {error}"))),
        })
    }
}
