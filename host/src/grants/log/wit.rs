//! The contract's side of `log`.

use super::Log;
use crate::contract::pgreeve::plugin::log::{Host, Level};
use crate::grants::Call;

impl Host for Call<'_, Log> {
    async fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.meter.call()?;
        let Some(line) = self.part.admit(&message, self.meter.limits.log) else { return Ok(()) };
        let job = &self.granted.job;
        match level {
            Level::Debug => tracing::debug!(target: "plugin", job, "{line}"),
            Level::Info => tracing::info!(target: "plugin", job, "{line}"),
            Level::Warn => tracing::warn!(target: "plugin", job, "{line}"),
            Level::Error => tracing::error!(target: "plugin", job, "{line}"),
        }
        Ok(())
    }
}
