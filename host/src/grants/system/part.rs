//! The place of `system` among the capabilities.

use super::{Ask, Told, perform};
use crate::grants::Granted;
use crate::grants::error::Error;
use crate::grants::part::{About, Part, Size};

/// The part of a run's state that belongs to `system`: nothing lasts from call to call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host;

impl Part for Host {
    const NAME: &'static str = "system";
    type Ask = Ask;
    type Told = Told;

    fn about(&self, ask: &Ask) -> About {
        let operation = match ask {
            Ask::Disks => "disks",
            Ask::MemoryUsage => "memory-usage",
            Ask::LoadAverage => "load-average",
        };
        About { operation, ..About::default() }
    }

    fn size(told: &Told) -> Size {
        match told {
            Told::Disks { disks, unseen } => Size { rows: (disks.len() + unseen.len()) as u64, bytes: 0 },
            Told::MemoryUsage(_) | Told::LoadAverage(_) => Size { rows: 1, bytes: 0 },
        }
    }

    async fn perform(&mut self, granted: &Granted, ask: &Ask) -> Result<Told, Error> {
        perform(granted.system()?, ask).await
    }
}
