//! Builds a plugin the way everybody does, in-tree or not: cargo for `wasm32-unknown-unknown`, then the component from the module.
//!
//! The compiler is the one in use if its toolchain has the target; otherwise Debian's `rustc` beside it (packages rustc-web and
//! rust-web-src with std built once), linked by the toolchain's `rust-lld`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use wit_component::ComponentEncoder;

/// The target that in-tree plugins are built for: no WASI, so that a component's type alone shows what it can reach.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A plugin that was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The directory holds no cargo package that makes a module.
    #[error("{directory} is not a plugin's crate: {why}")]
    NotACrate {
        /// The directory.
        directory: PathBuf,
        /// What is missing.
        why: String,
    },
    /// No compiler for the target.
    #[error(
        "no Rust compiler here can build for {TARGET}: run `rustup target add {TARGET}`, or `tests/setup/wasm-target.sh` as root on Debian"
    )]
    NoTarget,
    /// cargo failed; it has said why on standard error.
    #[error("cargo could not build {0}")]
    Cargo(PathBuf),
    /// The module does not make a component of the contract.
    #[error("{module} does not become a component: {why}")]
    Component {
        /// The core module.
        module: PathBuf,
        /// Why.
        why: String,
    },
    /// Reading, writing or starting something failed.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// Where things go.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// cargo's target directory, apart from the host's: two compilers in one directory confuse cargo. Default: `target/plugins` of the workspace.
    pub target_dir: Option<PathBuf>,
    /// The directory that gets `NAME.wasm`. Default: the target directory.
    pub out_dir: Option<PathBuf>,
}

/// Builds the crate in `directory`; the answer is the component's file.
pub fn build(directory: &Path, options: &BuildOptions) -> Result<PathBuf, BuildError> {
    let (name, default_target) = package(directory)?;
    let compiler = compiler()?;
    let target_dir = options.target_dir.clone().unwrap_or(default_target);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(directory).args(["build", "--release", "--target", TARGET, "--target-dir"]).arg(&target_dir);
    // Small code compiles and loads faster than quick code would save: a plugin's run is a few microseconds beside its queries.
    for setting in ["opt-level=\"s\"", "lto=true", "codegen-units=1", "strip=true", "panic=\"abort\""] {
        cargo.args(["--config", &format!("profile.release.{setting}")]);
    }
    compiler.apply(&mut cargo);
    let status = cargo.status().map_err(io("start cargo"))?;
    if !status.success() {
        return Err(BuildError::Cargo(directory.to_owned()));
    }
    let module = target_dir.join(TARGET).join("release").join(format!("{}.wasm", name.replace('-', "_")));
    let component = component(&module)?;
    let out_dir = options.out_dir.clone().unwrap_or(target_dir);
    std::fs::create_dir_all(&out_dir).map_err(io(&format!("make {}", out_dir.display())))?;
    let file = out_dir.join(format!("{name}.wasm"));
    let temporary = out_dir.join(format!(".{name}.wasm.{}", std::process::id()));
    std::fs::write(&temporary, component)
        .and_then(|()| std::fs::rename(&temporary, &file))
        .map_err(io(&format!("write {}", file.display())))?;
    Ok(file)
}

/// The crate's name and its workspace's directory for plugins, from cargo itself.
fn package(directory: &Path) -> Result<(String, PathBuf), BuildError> {
    let not_a_crate = |why: String| BuildError::NotACrate { directory: directory.to_owned(), why };
    let manifest = directory.join("Cargo.toml");
    let manifest = manifest.canonicalize().map_err(|error| not_a_crate(format!("{}: {error}", manifest.display())))?;
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"])
        .arg(&manifest)
        .output()
        .map_err(io("start cargo"))?;
    if !output.status.success() {
        return Err(not_a_crate(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|error| not_a_crate(error.to_string()))?;
    let package = metadata.packages.into_iter().find(|package| package.manifest_path == manifest);
    let package = package.ok_or_else(|| not_a_crate("its Cargo.toml has no [package]".to_owned()))?;
    let library = package.targets.into_iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
    let library =
        library.ok_or_else(|| not_a_crate("its [lib] needs crate-type = [\"cdylib\", \"rlib\"]".to_owned()))?;
    Ok((library.name.replace('_', "-"), metadata.target_directory.join("plugins")))
}

/// What is needed of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

enum Compiler {
    /// The one that cargo would use anyway.
    InUse,
    /// Debian's, with the linker of the toolchain in use.
    Debian { linker: PathBuf },
}

impl Compiler {
    fn apply(&self, cargo: &mut Command) {
        if let Self::Debian { linker } = self {
            cargo.env("RUSTC", DEBIAN).env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
    }
}

const DEBIAN: &str = "/usr/bin/rustc";

fn compiler() -> Result<Compiler, BuildError> {
    let in_use = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let in_use = sysroot(Path::new(&in_use));
    if in_use.as_deref().is_some_and(has_target) {
        return Ok(Compiler::InUse);
    }
    let debian = sysroot(Path::new(DEBIAN)).filter(|sysroot| has_target(sysroot)).ok_or(BuildError::NoTarget)?;
    let linker = [in_use, Some(debian)]
        .into_iter()
        .flatten()
        .find_map(|sysroot| rust_lld(&sysroot))
        .ok_or(BuildError::NoTarget)?;
    Ok(Compiler::Debian { linker })
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn has_target(sysroot: &Path) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    std::fs::read_dir(libraries).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-")))
    })
}

fn rust_lld(sysroot: &Path) -> Option<PathBuf> {
    let hosts = std::fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
    hosts.flatten().map(|host| host.path().join("bin/rust-lld")).find(|linker| linker.is_file())
}

fn component(module: &Path) -> Result<Vec<u8>, BuildError> {
    let bytes = std::fs::read(module).map_err(io(&format!("read {}", module.display())))?;
    ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(ComponentEncoder::encode)
        .map_err(|error| BuildError::Component { module: module.to_owned(), why: format!("{error:#}") })
}

fn io(doing: &str) -> impl FnOnce(std::io::Error) -> BuildError {
    let doing = doing.to_owned();
    move |source| BuildError::Io { doing, source }
}
