//! Compiling in a child process with limits on memory and time. Compiling untrusted WebAssembly may take for ever or all memory, and
//! wasmtime does not count that as a defect; a child that is ended costs one plugin, not the agent, and its memory goes back to the system.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Resource, Rlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::engine;
use crate::grants::log::printable;

/// The name of the hidden subcommand that the child runs.
pub const SUBCOMMAND: &str = "compile-component";

/// The most machine code of one plugin, in bytes: it stays in the agent's memory. An 18 MB Python plugin has 36 MB.
const MOST_CODE: u64 = 256 << 20;

/// So many times the processor time may pass by the wall clock: a busy database host is no reason to refuse a good plugin.
const PATIENCE: u32 = 5;

/// Limits of one compilation. A 30 KB plugin takes 60 ms and 60 MiB, an 18 MB Python plugin 13 s and 370 MiB.
#[derive(Clone, Copy, Debug)]
pub struct CompileLimits {
    /// Address space of the child in bytes (RLIMIT_AS). Default 2 GiB.
    pub memory: u64,
    /// Processor time per core. Default 120 s; the wall clock may take five times as long.
    pub time: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { memory: 2 << 30, time: Duration::from_secs(120) }
    }
}

/// A component that was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The child could not be started or spoken with.
    #[error("cannot run the compiler's process: {0}")]
    Process(#[from] std::io::Error),
    /// The component is not valid, or needs what this agent does not offer.
    #[error("the component cannot be compiled: {0}")]
    Refused(String),
    /// Stopped at its time limit.
    #[error("compiling took longer than {} s and was stopped", .0.as_secs())]
    TimedOut(Duration),
    /// Its machine code would take more of the agent's memory than any plugin needs.
    #[error("its code has more than {} MiB, the most that a compiled plugin may have", MOST_CODE >> 20)]
    TooMuchCode,
    /// Ended by a signal: most likely its memory limit.
    #[error("the compiler ended with {status} under its limit of {} MiB of memory: {stderr}", .memory >> 20)]
    Died {
        /// Exit status or signal.
        status: std::process::ExitStatus,
        /// The limit that it ran under.
        memory: u64,
        /// The end of what it said.
        stderr: String,
    },
}

/// Compiles a component in a child process; the answer is code for this process's engine settings.
pub async fn in_child(component: &[u8], limits: CompileLimits) -> Result<Vec<u8>, CompileError> {
    // This very program, also when an upgrade has replaced its file.
    let mut child = Command::new("/proc/self/exe")
        .arg(SUBCOMMAND)
        .arg(limits.memory.to_string())
        .arg(limits.time.as_secs().max(1).to_string())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let missing = || std::io::Error::other("the child has no pipe");
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let work = async {
        let (mut code, mut said) = (Vec::new(), Vec::new());
        let feed = async {
            // A child that refuses early closes its end: what it says matters, not that the pipe broke.
            let _ = stdin.write_all(component).await;
            drop(stdin);
        };
        let mut stdout = stdout.take(MOST_CODE + 1);
        let mut stderr = stderr.take(16 << 10);
        let (_, read, heard) = tokio::join!(feed, stdout.read_to_end(&mut code), stderr.read_to_end(&mut said));
        read?;
        heard?;
        // The child would wait for ever for somebody to read the rest.
        if code.len() as u64 > MOST_CODE {
            child.kill().await?;
        }
        Ok::<_, std::io::Error>((child.wait().await?, code, said))
    };
    let patience = limits.time.saturating_mul(PATIENCE);
    let (status, code, said) =
        tokio::time::timeout(patience, work).await.map_err(|_| CompileError::TimedOut(patience))??;
    // The message may name what stands in the component.
    let said = printable(String::from_utf8_lossy(&said).trim(), 2048);
    if code.len() as u64 > MOST_CODE {
        return Err(CompileError::TooMuchCode);
    }
    match status.code() {
        Some(0) => Ok(code),
        Some(REFUSED) => Err(CompileError::Refused(said)),
        _ => Err(CompileError::Died { status, memory: limits.memory, stderr: said }),
    }
}

/// The child's exit status for a component that is not valid.
const REFUSED: i32 = 65;

/// What the child does: limits itself before it reads a byte, compiles standard input, writes the code to standard output.
/// Returns the exit status.
pub fn child_main(memory: u64, seconds: u64) -> u8 {
    let limit = |resource, value| {
        rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
            .map_err(|error| format!("cannot limit the compiler: {error}"))
    };
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let compiled = limit(Resource::As, memory)
        .and_then(|()| limit(Resource::Cpu, seconds.saturating_mul(cores)))
        .and_then(|()| limit(Resource::Core, 0))
        .and_then(|()| {
            let mut component = Vec::new();
            std::io::stdin()
                .read_to_end(&mut component)
                .map_err(|error| format!("cannot read the component: {error}"))?;
            let engine = engine::compiler().map_err(|error| error.to_string())?;
            engine.precompile_component(&component).map_err(|error| format!("{error:#}"))
        });
    match compiled {
        Ok(code) => u8::from(std::io::stdout().write_all(&code).is_err()),
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            REFUSED as u8
        }
    }
}
