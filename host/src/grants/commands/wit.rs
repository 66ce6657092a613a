//! The contract's side of `commands`.

use super::{Argument, Ask, Part, Told};
use crate::contract::pgreeve::plugin::commands as contract;
use crate::contract::pgreeve::plugin::errors::Error;
use crate::grants::Call;

impl contract::Host for Call<'_, Part> {
    async fn run(
        &mut self,
        command: String,
        arguments: Vec<contract::Argument>,
    ) -> wasmtime::Result<Result<contract::Output, Error>> {
        let arguments =
            arguments.into_iter().map(|argument| Argument { name: argument.name, value: argument.value }).collect();
        let told = self.ask(Ask::Run { command, arguments }).await?;
        Ok(told
            .map(|Told::Output(output)| contract::Output {
                exit_status: output.exit_status,
                stdout: output.stdout,
                stderr: output.stderr,
                elapsed_us: output.elapsed_us,
            })
            .map_err(Into::into))
    }
}
