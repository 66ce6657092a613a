//! One GET for each path that a cache is told of at, shared by the caches that are told of there.

use std::collections::BTreeMap;

use pgreeve_sdk::{Answer, Error, Run, http, recall, remember};

use super::memory::Memory;
use super::reading::{self, Stats, Trouble};
use crate::settings::{Cache, Settings};
use crate::{keep, remembered};

/// One cache: what was seen, or why nothing could be.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) name: String,
    pub(crate) cache: Cache,
    pub(crate) seen: Answer<Seen>,
    pub(crate) memory: Memory,
}

/// What an endpoint answered.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Seconds, to the last byte.
    pub(crate) took: f64,
    /// What it says of the cache, or why it says nothing that can be believed.
    pub(crate) stats: Result<Stats, Trouble>,
}

/// Looks at all caches, and remembers for the next run.
pub(crate) fn observe(run: &Run<Settings>) -> Vec<Observed> {
    let mut replies: BTreeMap<(String, String), Result<http::Response, Error>> = BTreeMap::new();
    let mut all = Vec::new();
    for (name, cache) in caches(run) {
        let place = (cache.endpoint(&name).to_owned(), cache.path().to_owned());
        let reply = replies.entry(place).or_insert_with_key(|(endpoint, path)| http::get(endpoint, path));
        let seen = reply.as_ref().map_err(Clone::clone).map(|reply| Seen {
            took: reply.elapsed_us as f64 / 1e6,
            stats: reading::read(reply.status, &reply.body, &cache),
        });
        let key = format!("app/{name}");
        let before: Option<Memory> = remembered(&key, recall(&key));
        let stats = seen.as_ref().ok().and_then(|seen| seen.stats.as_ref().ok());
        let memory = Memory::advance(before.as_ref(), stats, &name, &cache, run);
        keep(&key, remember(&key, &memory));
        all.push(Observed { name, cache, seen, memory });
    }
    all
}

/// The caches of the settings, and each endpoint granted that none of them is at.
fn caches(run: &Run<Settings>) -> BTreeMap<String, Cache> {
    let mut caches = run.settings.caches.clone();
    let told: Vec<String> = caches.iter().map(|(name, cache)| cache.endpoint(name).to_owned()).collect();
    for endpoint in run.granted("http").iter().filter(|endpoint| !told.contains(endpoint)) {
        // An entry of that name about another endpoint stays what it is.
        caches.entry(endpoint.clone()).or_default();
    }
    caches
}
