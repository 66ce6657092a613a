//! `pgreeve run`: the agent in the foreground. What keeps it from running is said as it logs: one JSON object for each mistake under `--log json`.

use std::path::Path;
use std::sync::Arc;

use super::{FAILED, Failure, LogFormat, load, output};
use crate::agent::{self, Start};
use crate::config::Mistakes;

pub(super) fn main(path: &Path, log: LogFormat) -> Result<u8, Failure> {
    output::start_log(log);
    match (run(path), log) {
        (Ok(()), _) => Ok(0),
        (Err(failure), LogFormat::Text) => Err(failure),
        (Err(failure), LogFormat::Json) => {
            log_failure(&failure);
            Ok(FAILED)
        }
    }
}

fn run(path: &Path) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let loaded = load::load(path, load::StateDir::Make).await?;
        tracing::info!(allocation = ?loaded.allocation, "plugins are loaded");
        agent::run(Start { config: loaded.config, loader: Arc::new(loaded.loader), room: loaded.room }).await?;
        Ok(())
    })
}

/// Why the agent does not run, as lines of its log.
fn log_failure(failure: &Failure) {
    let Some(mistakes) = failure.downcast_ref::<Mistakes>() else {
        tracing::error!("the agent does not run: {failure}");
        return;
    };
    let file = mistakes.file.display();
    for mistake in &mistakes.problems {
        let (line, column, fix) = (mistake.line, mistake.column, mistake.fix.as_deref());
        tracing::error!(%file, line, column, fix, "{file}:{line}:{column}: {}", mistake.message);
    }
}
