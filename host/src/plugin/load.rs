//! Compiled, linked, asked what it is: a plugin that can run.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::cache::{self, Cache};
use super::compile::{self, CompileError, CompileLimits};
use super::source::{Digest, Source};
use super::{Manifest, explain};
use crate::contract::{PluginPre, pgreeve::plugin::manifest::Problem};
use crate::grants;
use crate::grants::log::printable;
use crate::guest::{self, Fault, RunState};
use crate::limits::Limits;

/// Loads plugins: holds what is made once per process.
pub struct Loader {
    engine: Engine,
    linker: Linker<RunState>,
    cache: Option<Cache>,
    limits: CompileLimits,
}

/// A plugin that can run.
pub struct Plugin {
    /// Checked manifest.
    pub manifest: Manifest,
    /// SHA-256 of the component.
    pub digest: Digest,
    /// Names of the component's imports, sorted.
    pub imports: Vec<String>,
    pre: PluginPre<RunState>,
}

/// A component that is no plugin for this agent.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The compiler's output does not load: a defect of pgreeve, or a file system that lies.
    #[error("the compiled component does not load: {0}")]
    Code(String),
    /// It wants to import what this agent does not offer.
    #[error("it imports {}, which this version of pgreeve does not offer; it offers {}", .missing.join(", "), .offered.join(", "))]
    Imports {
        /// The imports that are not offered.
        missing: Vec<String>,
        /// All that are.
        offered: Vec<String>,
    },
    /// Its imports or exports have other types than the contract's.
    #[error("it does not fit the contract pgreeve:plugin@0.1.0: {0}")]
    World(String),
    /// It did not answer what it is.
    #[error("asked what it is (describe), it {0}")]
    Describe(Fault),
    /// Its answers differ.
    #[error("asked twice what it is (describe), it gave two different answers")]
    Unsteady,
    /// Its answer is no manifest.
    #[error("its manifest is not valid: {}", .0.join("; "))]
    Manifest(Vec<String>),
}

/// What `describe` and `check-settings` may use: they are granted nothing and have little to do.
fn small() -> Limits {
    Limits { wall: Duration::from_secs(5), cpu: Duration::from_secs(2), calls: 100, ..Limits::default() }
}

impl Loader {
    /// A loader for one engine, with a cache or without one.
    pub fn new(engine: Engine, cache: Option<Cache>) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&engine);
        guest::link(&mut linker)?;
        Ok(Self { engine, linker, cache, limits: CompileLimits::default() })
    }

    /// From source to plugin. Takes milliseconds when the cache has the code, otherwise as long as compiling does.
    pub async fn load(&self, source: &Source) -> Result<Plugin, LoadError> {
        let component = self.component(source).await?;
        let imports = explain::imports(&self.engine, &component);
        // A name can be anything: a URL, a megabyte, another line.
        let missing: Vec<String> = imports
            .iter()
            .filter(|name| !explain::is_offered(name))
            .map(|name| printable(name, 256))
            .take(20)
            .collect();
        if !missing.is_empty() {
            let offered = grants::OFFERED.iter().map(ToString::to_string).collect();
            return Err(LoadError::Imports { missing, offered });
        }
        let world = |error: wasmtime::Error| LoadError::World(printable(&format!("{error:#}"), 2048));
        let pre = self.linker.instantiate_pre(&component).and_then(PluginPre::new).map_err(world)?;
        let told = self.describe(&pre).await?;
        if format!("{told:?}") != format!("{:?}", self.describe(&pre).await?) {
            return Err(LoadError::Unsteady);
        }
        let manifest = Manifest::check(told).map_err(LoadError::Manifest)?;
        Ok(Plugin { manifest, digest: source.digest, imports, pre })
    }

    /// Forgets the compiled code of all other components.
    pub fn keep_only(&self, digests: &[Digest]) {
        if let Some(cache) = &self.cache
            && let Err(error) = cache.keep(&self.engine, digests)
        {
            tracing::warn!(%error, "code of plugins that are gone is not removed");
        }
    }

    async fn describe(&self, pre: &PluginPre<RunState>) -> Result<crate::contract::Manifest, LoadError> {
        let mut store = guest::store_for(&self.engine, RunState::bare(small()));
        let describe = async { pre.instantiate_async(&mut store).await?.call_describe(&mut store).await };
        guest::contained(small().wall, describe).await.map_err(LoadError::Describe)
    }

    async fn component(&self, source: &Source) -> Result<Component, LoadError> {
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.get(&self.engine, source.digest)) {
            return Ok(component);
        }
        let code = compile::in_child(&source.bytes, self.limits).await?;
        if let Some(cache) = &self.cache
            && let Err(error) = cache.put(&self.engine, source.digest, &code)
        {
            tracing::warn!(%error, "the compiled plugin is not kept; it will be compiled anew at the next start");
        }
        cache::component_from(&self.engine, &code).map_err(|error| LoadError::Code(format!("{error:#}")))
    }
}

impl Plugin {
    /// Linked and ready to be instantiated.
    pub fn pre(&self) -> &PluginPre<RunState> {
        &self.pre
    }

    /// The engine that it was compiled for.
    pub fn engine(&self) -> &Engine {
        self.pre.engine()
    }

    /// Asks the plugin what is wrong with settings that fit its schema.
    pub async fn check_settings(&self, settings: &Arc<str>) -> Result<Vec<Problem>, Fault> {
        let mut store = guest::store_for(self.engine(), RunState::bare(small()));
        let check =
            async { self.pre.instantiate_async(&mut store).await?.call_check_settings(&mut store, settings).await };
        guest::contained(small().wall, check).await
    }
}
