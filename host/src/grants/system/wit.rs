//! The contract's side of `system`.

use super::{Ask, Host, Told};
use crate::contract::pgreeve::plugin::errors::Error;
use crate::contract::pgreeve::plugin::system as contract;
use crate::grants::{Call, unexpected};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl contract::Host for Call<'_, Host> {
    async fn disks(&mut self) -> Answer<contract::DiskSurvey> {
        let disk = |disk: super::Disk| contract::Disk {
            mount: disk.mount,
            purpose: disk.purpose,
            total: disk.total,
            available: disk.available,
            inodes_total: disk.inodes_total,
            inodes_available: disk.inodes_available,
        };
        let unknown = |unseen: super::Unseen| contract::Unseen { purpose: unseen.purpose, why: unseen.why };
        match self.ask(Ask::Disks).await? {
            Ok(Told::Disks { disks, unseen }) => Ok(Ok(contract::DiskSurvey {
                seen: disks.into_iter().map(disk).collect(),
                unseen: unseen.into_iter().map(unknown).collect(),
            })),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn memory_usage(&mut self) -> Answer<contract::Usage> {
        match self.ask(Ask::MemoryUsage).await? {
            Ok(Told::MemoryUsage(usage)) => Ok(Ok(contract::Usage {
                total: usage.total,
                available: usage.available,
                swap_total: usage.swap_total,
                swap_free: usage.swap_free,
            })),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn load_average(&mut self) -> Answer<contract::Load> {
        match self.ask(Ask::LoadAverage).await? {
            Ok(Told::LoadAverage(load)) => Ok(Ok(contract::Load {
                one: load.one,
                five: load.five,
                fifteen: load.fifteen,
                cpus: load.cpus,
                pressure: contract::Pressure {
                    cpu: load.pressure.cpu,
                    io: load.pressure.io,
                    memory: load.pressure.memory,
                },
            })),
            Ok(_) => Err(unexpected()),
            Err(error) => Ok(Err(error.into())),
        }
    }
}
