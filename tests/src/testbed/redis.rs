//! The Redis server that tests start.

use std::env::{split_paths, var_os};
use std::path::PathBuf;

use super::majors::cache_dir;

/// `PGREEVE_REDIS`, or a server in PATH, or the one that tests/setup/redis.sh put into the cache.
pub fn redis_server() -> PathBuf {
    let path = var_os("PATH").unwrap_or_default();
    let in_path = split_paths(&path).flat_map(|place| [place.join("redis-server"), place.join("valkey-server")]);
    let own = var_os("PGREEVE_REDIS").map(PathBuf::from);
    let mut places = own.into_iter().chain(in_path).chain([cache_dir().join("redis-server")]);
    places.find(|place| place.is_file()).expect("no redis-server: run tests/setup/redis.sh")
}
