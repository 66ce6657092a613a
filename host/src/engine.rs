//! The one wasmtime engine of the process: which proposals of WebAssembly are on, where instances live, how a guest is interrupted.
//! Every knob says why it stands where it stands; the measurements behind them are in docs/decisions/engine.md.

use std::num::NonZeroUsize;
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// The length of one epoch: how long a guest may run before it is looked at.
pub const TICK: Duration = Duration::from_millis(10);

/// Core instances that there is room for in one component.
pub const MOST_INSTANCES: u32 = 50;
/// Linear memories, the same.
pub const MOST_MEMORIES: u32 = 8;
/// Tables, the same.
pub const MOST_TABLES: u32 = 16;

/// What the engine reserves room for.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Runs at the same time; `describe` and `check-settings` need one more for a moment.
    pub runs: u32,
    /// The largest linear memory that any job may have, in bytes.
    pub memory: u64,
}

/// How instances are allocated; the log names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// From slots reserved at start, cleaned with the kernel's PAGEMAP_SCAN (Linux 6.7 and later).
    PooledPagemap,
    /// From slots reserved at start, cleaned by giving the pages back.
    Pooled,
    /// Each instance maps its own memory: where the address space for a pool cannot be had.
    OnDemand,
}

/// An engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refused the settings or the room.
    #[error("cannot set up the WebAssembly engine ({allocation:?}): {source:#}")]
    Settings {
        /// What was tried.
        allocation: Allocation,
        /// Why it failed.
        source: wasmtime::Error,
    },
    /// Without the thread that ends epochs no guest could be interrupted, so there is no engine without it.
    #[error("cannot start the thread that interrupts guests: {0}")]
    Ticker(#[from] std::io::Error),
}

/// The engine with the best allocation that this machine offers, and a thread that ends its epochs.
pub fn start(room: Room) -> Result<(Engine, Allocation), EngineError> {
    let mut allocation = Allocation::PooledPagemap;
    let engine = loop {
        match (with(room, allocation), allocation) {
            (Ok(engine), _) => break engine,
            (Err(_), Allocation::PooledPagemap) => allocation = Allocation::Pooled,
            (Err(error), Allocation::Pooled) => {
                tracing::warn!("no pool for instances, they are made on demand: {error}");
                allocation = Allocation::OnDemand;
            }
            (Err(error), Allocation::OnDemand) => return Err(error),
        }
    };
    tick(&engine)?;
    Ok((engine, allocation))
}

/// An engine with exactly this allocation, or the reason why this machine cannot have it.
pub fn with(room: Room, allocation: Allocation) -> Result<Engine, EngineError> {
    let mut config = settings();
    match allocation {
        Allocation::PooledPagemap => config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(room, true))),
        Allocation::Pooled => config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(room, false))),
        Allocation::OnDemand => config.allocation_strategy(InstanceAllocationStrategy::OnDemand),
    };
    Engine::new(&config).map_err(|source| EngineError::Settings { allocation, source })
}

/// An engine for compiling only: the same settings as far as they shape the code, no room for instances.
pub fn compiler() -> Result<Engine, EngineError> {
    Engine::new(&settings()).map_err(|source| EngineError::Settings { allocation: Allocation::OnDemand, source })
}

/// What shapes compiled code and its calls; the same in the agent and in the child process that compiles.
fn settings() -> Config {
    let mut config = Config::new();
    // Plugins are components; asynchronous components are experimental in this series and were the source of most of its advisories.
    config.wasm_component_model(true);
    config.concurrency_support(false);
    // Proposals that no plugin needs are not there to be attacked. (GC, exceptions, threads and stack switching are compiled out.)
    config.wasm_memory64(false);
    // The pool takes one memory per module; without it they would be taken: one answer whatever the allocation.
    config.wasm_multi_memory(false);
    config.wasm_relaxed_simd(false);
    // A guest that loops is interrupted at the next epoch: about 10 % slower than without, where fuel costs up to three times as much.
    config.epoch_interruption(true);
    // Guests get wasmtime's 512 KiB of stack; the rest of the fibre's 2 MiB is for host functions, whose overflow would end the process.
    config.max_wasm_stack(512 << 10);
    config.async_stack_size(2 << 20);
    // Fibre stacks are shared by plugins that need not trust each other.
    config.async_stack_zeroing(true);
    // A trap names the guest's functions, so that an author can find it; more than 20 frames help nobody.
    config.wasm_backtrace_max_frames(NonZeroUsize::new(20));
    config.generate_address_map(true);
    config.cranelift_opt_level(OptLevel::Speed);
    // A few bytes at both ends of a memory would become an image of up to 16 MiB in the code, in each of a component's modules.
    config.memory_guaranteed_dense_image_size(1 << 20);
    config
}

/// Slots for so many runs. Running out of slots is an error in wasmtime, so the agent's own limit of concurrent runs stays below.
fn pool(room: Room, pagemap: bool) -> PoolingAllocationConfig {
    let runs = room.runs.saturating_add(1);
    let mut pool = PoolingAllocationConfig::new();
    // A component from Rust has one core instance, one memory and one or two tables; Python's have some more. There is room for as many
    // as one component may have in every run at the same time, so that no plugin can starve another: address space, not memory.
    pool.total_component_instances(runs)
        .total_core_instances(runs.saturating_mul(MOST_INSTANCES))
        .total_memories(runs.saturating_mul(MOST_MEMORIES))
        .total_tables(runs.saturating_mul(MOST_TABLES))
        .total_stacks(runs.saturating_mul(2))
        .max_core_instances_per_component(MOST_INSTANCES)
        .max_memories_per_component(MOST_MEMORIES)
        .max_tables_per_component(MOST_TABLES)
        .table_elements(20_000)
        .max_memory_size(usize::try_from(room.memory).unwrap_or(usize::MAX));
    if pagemap {
        // The kernel tells which pages were written, so that only those are cleaned and small guests keep theirs: the fastest kind.
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(512 << 10).table_keep_resident(64 << 10);
    } else {
        // Without that knowledge, keeping pages means clearing all of them after every run: slower than giving them back.
        pool.pagemap_scan(Enabled::No).linear_memory_keep_resident(0).table_keep_resident(0);
    }
    pool
}

/// Ends an epoch every [`TICK`], for as long as the engine lives.
fn tick(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let ticker = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new().name("epochs".into()).spawn(ticker).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { runs: 4, memory: 64 << 20 };

    #[test]
    fn every_kind_of_allocation_that_needs_no_kernel_feature_can_be_had() {
        with(ROOM, Allocation::Pooled).unwrap();
        with(ROOM, Allocation::OnDemand).unwrap();
    }

    #[test]
    fn code_compiled_apart_fits_every_kind_of_allocation() {
        let code = compiler().unwrap().precompile_component(b"\0asm\x0d\0\x01\0").unwrap();
        for allocation in [Allocation::PooledPagemap, Allocation::Pooled, Allocation::OnDemand] {
            if let Ok(engine) = with(ROOM, allocation) {
                assert!(crate::plugin::cache::component_from(&engine, &code).is_ok(), "{allocation:?}");
            }
        }
    }

    #[test]
    fn where_a_pool_cannot_be_had_instances_are_made_on_demand() {
        // 2^20 slots of 6 GiB are more than the address space of any machine.
        let (_, allocation) = start(Room { runs: 1 << 20, memory: 4 << 30 }).unwrap();
        assert_eq!(allocation, Allocation::OnDemand);
    }
}
