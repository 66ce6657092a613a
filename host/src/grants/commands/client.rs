//! Runs a command to its end, or ends it: for a plugin that observes, and as an action.

use std::{
    ffi::OsString,
    io,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Weak},
};

use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use super::{
    call::{Argument, Ask, Output, Told},
    command::Command,
    executable,
    file::{Partial, Written},
    group::Group,
    inside::Place,
    output::{Broken, End, Sink, Tail, read_tail, read_whole},
    policy::{Filled, fill, observes},
};
use crate::grants::error::{Error, Limit};

/// What a run has got from commands so far. A command that is running ends with the future of its call, so this holds no process.
#[derive(Clone, Debug)]
pub struct Part {
    left: u64,
}

impl Part {
    /// A run that may get so many bytes of output.
    pub fn new(bytes: u64) -> Self {
        Self { left: bytes }
    }
}

/// What an action's command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// How it ended. A status other than 0 is for the caller to judge; the file is not kept then.
    pub output: Output,
    /// The file that stdout went to.
    pub file: Option<Written>,
}

/// Why an action's command did not come to a good end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How far it had come.
    pub reached: Reached,
    /// What went wrong.
    pub error: Error,
}

/// How far a command came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It was not started.
    Nothing,
    /// It was started, and ended by pgreeve.
    Started,
    /// It ended by itself.
    End,
}

/// Runs a command for a plugin that observes. Dropping the future kills its process group.
pub async fn perform(part: &mut Part, granted: &Command, ask: &Ask) -> Result<Told, Error> {
    let Ask::Run { arguments, .. } = ask;
    observes(granted)?;
    let answer = execute(granted, arguments, part.left, &mut Reached::Nothing).await;
    let used = match &answer {
        Ok(done) => (done.output.stdout.len() + done.output.stderr.len()) as u64,
        Err(Error::LimitExceeded(_)) => granted.max_stdout,
        Err(_) => 0,
    };
    part.left = part.left.saturating_sub(used);
    Ok(Told::Output(answer?.output))
}

/// Runs a command as an action, whatever its effect. Dropping the future kills its process group; a file that has not got its name by then
/// gets none, unless the drop falls into the sync at the very end, which is not bounded by the time-out.
pub async fn act(command: &Command, arguments: &[Argument]) -> Result<Done, Fault> {
    let mut reached = Reached::Nothing;
    let outcome = execute(command, arguments, u64::MAX, &mut reached).await;
    outcome.map_err(|error| Fault { reached, error })
}

async fn execute(command: &Command, arguments: &[Argument], most: u64, reached: &mut Reached) -> Result<Done, Error> {
    let Filled { argv, paths, stdout } = fill(command, arguments)?;
    let (started, deadline) = (Instant::now(), Instant::now() + command.timeout);
    let process = process(command, &argv)?;
    let program = command.program.clone();
    let wanted = Arc::new(());
    let still_wanted = Arc::downgrade(&wanted);
    // The file system may hang and a program may be large to load: neither holds up the agent.
    let prepared = spawn_blocking(move || prepare(&program, &paths, stdout, process, &still_wanted));
    let prepared = match timeout_at(deadline, prepared).await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(panicked)) => Err(panicked.to_string()),
        Err(_) => {
            return Err(timed_out(
                command,
                "it was not even started: the file system does not answer",
                &Tail::default(),
            ));
        }
    };
    drop(wanted);
    let (mut group, partial) = prepared.map_err(|why| cannot(command, &why))?;
    *reached = Reached::Started;
    let (out, err) = group.pipes().map_err(|why| cannot(command, &why.to_string()))?;

    let most = command.max_stdout.min(most);
    let mut sink = match partial {
        Some(partial) => Sink::File(Some(partial)),
        None => Sink::Memory { bytes: Vec::new(), most },
    };
    let mut tail = Tail::default();
    let (gone, leader_gone) = watch::channel(false);
    let work = async {
        let leader = async {
            group.ended().await.map_err(Broken::Pipe)?;
            gone.send_replace(true);
            Ok(())
        };
        let whole = read_whole(out, &mut sink, leader_gone.clone());
        tokio::try_join!(leader, whole, read_tail(err, &mut tail, leader_gone.clone()))
    };
    // Here the pipes' reading ends are closed, so a program that is being stopped is not held up by writing.
    let end = match timeout_at(deadline, work).await {
        Ok(Ok(((), end, _))) => end,
        Ok(Err(broken)) => {
            let stopped = group.stop().await;
            discard(sink).await;
            return Err(broken_off(command, broken, stopped));
        }
        Err(_) => {
            let stopped = group.stop().await;
            discard(sink).await;
            return Err(timed_out(command, fate(stopped), &tail));
        }
    };
    let status = group.finish().await.map_err(|why| cannot(command, &why.to_string()))?;
    *reached = Reached::End;
    let elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let code = match code(command, status, end, &tail) {
        Ok(code) => code,
        Err(error) => {
            discard(sink).await;
            return Err(error);
        }
    };
    let (stdout, file) = match sink {
        Sink::Memory { bytes, .. } => (bytes, None),
        Sink::File(Some(partial)) if code == 0 => (Vec::new(), Some(commit(command, partial).await?)),
        sink @ Sink::File(_) => {
            discard(sink).await;
            (Vec::new(), None)
        }
    };
    Ok(Done { output: Output { exit_status: code, stdout, stderr: tail.text(), elapsed_us }, file })
}

/// The process as it will be started: nothing of the agent's environment, input or directory but what the operator named.
fn process(command: &Command, argv: &[OsString]) -> Result<tokio::process::Command, Error> {
    let mut process = tokio::process::Command::new(&command.program);
    process.args(argv.iter().skip(1)).env_clear().envs(&command.env).current_dir(&command.directory);
    for name in &command.pass_env {
        let value = std::env::var_os(name).ok_or_else(|| {
            cannot(command, &format!("pass_env names {name}, which is not set in the agent's own environment"))
        })?;
        process.env(name, value);
    }
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(process)
}

/// Everything that blocks, up to the running process. If the caller gave up while the file system did not answer, nothing is started.
fn prepare(
    program: &Path,
    paths: &[Place],
    stdout: Option<Place>,
    process: tokio::process::Command,
    wanted: &Weak<()>,
) -> Result<(Group, Option<Partial>), String> {
    executable::check(program)?;
    if let Some(directory) = process.as_std().get_current_dir().filter(|directory| !directory.is_dir()) {
        return Err(format!("its working directory {} is none", directory.display()));
    }
    paths.iter().try_for_each(Place::check)?;
    let partial = stdout.map(Partial::create).transpose()?;
    if wanted.strong_count() == 0 {
        return Err("nobody waits for it any more".to_owned());
    }
    let group = Group::start(process).map_err(|why| {
        // The program itself was there a moment ago.
        let hint = if why.kind() == io::ErrorKind::NotFound {
            ": is the interpreter there that its first line names?"
        } else {
            ""
        };
        format!("cannot start {}: {why}{hint}", program.display())
    })?;
    Ok((group, partial))
}

/// The exit status, if stdout is whole and no signal ended the command.
fn code(command: &Command, status: ExitStatus, end: End, tail: &Tail) -> Result<i32, Error> {
    let name = &command.name;
    let detail = Some(tail.text()).filter(|text| !text.is_empty());
    let Some(code) = status.code() else {
        let signal = status.signal().unwrap_or_default();
        let hint = (signal == 9)
            .then(|| "if nobody killed it, the kernel may have for lack of memory: see its log".to_owned());
        let message = format!("command {name:?} was ended by signal {signal}");
        return Err(Error::Remote { code: format!("signal {signal}"), message, detail, hint });
    };
    if end == End::HeldOpen {
        let message = format!(
            "command {name:?} exited with status {code}, but a process that it had started kept its stdout open: that was killed, and the \
             output is not known to be whole"
        );
        let hint = Some("a program in `run` has to wait for what it starts".to_owned());
        return Err(Error::Remote { code: code.to_string(), message, detail, hint });
    }
    Ok(code)
}

/// Syncs the file and gives it its name.
async fn commit(command: &Command, partial: Partial) -> Result<Written, Error> {
    let written = spawn_blocking(move || partial.commit()).await.map_err(io::Error::other).flatten();
    written.map_err(|why| unwritten(command, &why, ""))
}

/// Removes a file that is not whole. Removing a large file takes a while on some file systems.
async fn discard(sink: Sink) {
    if let Sink::File(partial) = sink {
        let _ = spawn_blocking(move || drop(partial)).await;
    }
}

fn cannot(command: &Command, why: &str) -> Error {
    Error::Unreachable(format!("command {:?}: {why}", command.name))
}

fn unwritten(command: &Command, why: &io::Error, fate: &str) -> Error {
    let name = &command.name;
    Error::Unreachable(format!("command {name:?}: its output could not be written, so there is no file: {why}{fate}"))
}

fn broken_off(command: &Command, broken: Broken, stopped: bool) -> Error {
    match broken {
        Broken::TooLong => Error::LimitExceeded(Limit::Bytes),
        Broken::File(why) => unwritten(command, &why, &format!("; {}", fate(stopped))),
        Broken::Pipe(why) => cannot(command, &format!("cannot follow it: {why}; {}", fate(stopped))),
    }
}

fn timed_out(command: &Command, fate: &str, tail: &Tail) -> Error {
    let (name, timeout) = (&command.name, command.timeout);
    let text = tail.text();
    let last = text.lines().next_back().map(|line| format!("; its last words: {line:?}")).unwrap_or_default();
    Error::TimedOut(format!(
        "command {name:?} did not end in {}: {fate}{last}; `timeout` of [command.{name}] in agent.toml allows more",
        humantime::format_duration(timeout)
    ))
}

fn fate(stopped: bool) -> &'static str {
    if stopped {
        "its process group was killed"
    } else {
        "its process group was sent SIGKILL and is still there, because it runs as another user or hangs in the kernel"
    }
}
