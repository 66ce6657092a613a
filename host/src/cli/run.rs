//! `pgreeve run`: the agent in the foreground.

use std::path::Path;
use std::sync::Arc;

use super::{Failure, LogFormat, load, output};
use crate::agent::{self, Start};

pub(super) fn main(path: &Path, log: LogFormat) -> Result<u8, Failure> {
    output::start_log(log);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let loaded = load::load(path, load::StateDir::Make).await?;
        tracing::info!(allocation = ?loaded.allocation, "plugins are loaded");
        agent::run(Start { config: loaded.config, loader: Arc::new(loaded.loader), room: loaded.room }).await?;
        Ok(0)
    })
}
