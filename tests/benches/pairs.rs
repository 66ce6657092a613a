//! Compares two ways of doing a thing: in turn, many times, so that a machine whose speed drifts slows both alike.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use pgreeve::plugin::cache::Cache;
use pgreeve::plugin::{Loader, Plugin, Source};
use wasmtime::Engine;

/// A plugin loaded from a cache that holds its compiled form.
pub(crate) async fn load(engine: &Engine, source: &Source) -> Plugin {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::open(directory.path()).unwrap();
    cache.put(engine, source.digest, &engine.precompile_component(&source.bytes).unwrap()).unwrap();
    Loader::new(engine.clone(), Some(cache)).unwrap().load(source).await.unwrap()
}

/// Medians of two things done in turn, and of the ratio of each pair.
pub(crate) struct Pairs {
    /// Of the first.
    pub(crate) first: Duration,
    /// Of the second.
    pub(crate) second: Duration,
    /// First divided by second.
    pub(crate) ratio: f64,
}

/// Does both `rounds` times after a tenth of that to warm up.
pub(crate) async fn compare(rounds: usize, mut first: impl AsyncFnMut(), mut second: impl AsyncFnMut()) -> Pairs {
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds + rounds / 10 {
        let began = Instant::now();
        first().await;
        let one = began.elapsed();
        let began = Instant::now();
        second().await;
        let other = began.elapsed();
        if round >= rounds / 10 {
            times.push((one, other));
        }
    }
    let ratio = median(times.iter().map(|(one, other)| one.as_secs_f64() / other.as_secs_f64()).collect());
    let seconds = |pick: fn(&(Duration, Duration)) -> Duration| {
        Duration::from_secs_f64(median(times.iter().map(|pair| pick(pair).as_secs_f64()).collect()))
    };
    Pairs { first: seconds(|pair| pair.0), second: seconds(|pair| pair.1), ratio }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
