//! The place of `commands` among the capabilities.

use super::{Ask, Part, Told, perform};
use crate::grants::Granted;
use crate::grants::error::Error;
use crate::grants::part::{self, About, Size};

impl part::Part for Part {
    const NAME: &'static str = "commands";
    type Ask = Ask;
    type Told = Told;

    fn about(&self, ask: &Ask) -> About {
        let Ask::Run { command, .. } = ask;
        About { operation: "run", grant: command.clone(), text: None }
    }

    fn size(told: &Told) -> Size {
        let Told::Output(output) = told;
        Size { rows: 1, bytes: (output.stdout.len() + output.stderr.len()) as u64 }
    }

    async fn perform(&mut self, granted: &Granted, ask: &Ask) -> Result<Told, Error> {
        let Ask::Run { command, .. } = ask;
        perform(self, granted.command(command)?, ask).await
    }
}
