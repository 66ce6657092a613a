//! The `memory` capability: a job's private keys, and the samples of its own metrics. A run works on a copy; what it changed is kept
//! only if it completes.

mod call;
pub mod wit;

use jiff::Timestamp;

pub use call::{Ask, Bytes, Told};

use super::Granted;
use super::error::{Error, Limit};
use super::part::{About, Part, Size};
use crate::report::Pair;
use crate::store::{self, StoreHandle};

/// The part of a run's state that belongs to `memory`.
#[derive(Debug, Default)]
pub struct Memory {
    /// The job's keys as this run sees them.
    pub keys: store::Memory,
    /// Where samples come from; none where no history is kept.
    pub history: Option<StoreHandle>,
    /// Bytes that the run may still receive.
    left: u64,
}

/// The most samples that one call returns.
pub const MOST_SAMPLES: usize = 10_000;

impl Part for Memory {
    const NAME: &'static str = "memory";
    type Ask = Ask;
    type Told = Told;

    fn about(&self, ask: &Ask) -> About {
        let operation = match ask {
            Ask::Get { .. } => "get",
            Ask::Set { .. } => "set",
            Ask::Delete { .. } => "delete",
            Ask::Samples { .. } => "samples",
        };
        About { operation, ..About::default() }
    }

    fn size(told: &Told) -> Size {
        match told {
            Told::Value(value) => Size { rows: 0, bytes: value.as_ref().map_or(0, |value| value.0.len() as u64) },
            Told::Done => Size::default(),
            Told::Samples(samples) => Size { rows: samples.len() as u64, bytes: 16 * samples.len() as u64 },
        }
    }

    async fn perform(&mut self, granted: &Granted, ask: &Ask) -> Result<Told, Error> {
        // Asked before the store is: reading ten thousand samples again and again keeps its thread from the other jobs.
        if self.left == 0 && matches!(ask, Ask::Get { .. } | Ask::Samples { .. }) {
            return Err(Error::LimitExceeded(Limit::Bytes));
        }
        let told = self.answer(granted, ask).await?;
        let left = self.left.checked_sub(Self::size(&told).bytes);
        self.left = left.unwrap_or(0);
        left.map(|_| told).ok_or(Error::LimitExceeded(Limit::Bytes))
    }
}

impl Memory {
    /// A job's keys as they stand, and its history.
    pub fn new(keys: store::Memory, history: StoreHandle) -> Self {
        Self { keys, history: Some(history), left: 0 }
    }

    /// With so many bytes that the run may receive.
    pub fn within(self, bytes: u64) -> Self {
        Self { left: bytes, ..self }
    }

    async fn answer(&mut self, granted: &Granted, ask: &Ask) -> Result<Told, Error> {
        match ask {
            Ask::Get { key } => Ok(Told::Value(self.keys.get(key).map(|value| Bytes(value.to_vec())))),
            Ask::Set { key, .. } if key.is_empty() => Err(Error::Invalid("a key has at least one byte".to_owned())),
            Ask::Set { key, value } => match self.keys.set(key, value.clone()) {
                Ok(()) => Ok(Told::Done),
                Err(_) => Err(Error::LimitExceeded(Limit::Quota)),
            },
            Ask::Delete { key } => {
                self.keys.delete(key);
                Ok(Told::Done)
            }
            Ask::Samples { metric, labels, since } => self.samples(&granted.job, metric, labels, *since).await,
        }
    }

    async fn samples(&self, job: &str, metric: &str, labels: &[Pair], since: i64) -> Result<Told, Error> {
        let Ok(since) = Timestamp::from_microsecond(since) else {
            return Err(Error::Invalid(format!("{since} is no time that a calendar has")));
        };
        let Some(history) = &self.history else { return Ok(Told::Samples(Vec::new())) };
        let (job, metric, labels) = (job.to_owned(), metric.to_owned(), labels.to_vec());
        let samples = history
            .call(move |store| store.samples(&job, &metric, &labels, since, MOST_SAMPLES))
            .await
            .map_err(|error| Error::Unreachable(format!("cannot read recorded samples: {error}")))?;
        Ok(Told::Samples(samples.into_iter().map(|sample| (sample.at.as_microsecond(), sample.value)).collect()))
    }
}
