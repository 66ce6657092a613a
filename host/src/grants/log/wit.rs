//! The contract's side of `log`.

use super::{Ask, Level, Log};
use crate::contract::pgreeve::plugin::log as contract;
use crate::grants::Call;

impl contract::Host for Call<'_, Log> {
    async fn log(&mut self, level: contract::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            contract::Level::Debug => Level::Debug,
            contract::Level::Info => Level::Info,
            contract::Level::Warn => Level::Warn,
            contract::Level::Error => Level::Error,
        };
        self.ask(Ask::Log { level, message }).await.map(drop)
    }
}
