//! PostgreSQL's client programs: the ones of the server's major are found, run so that they end with this process, and heard to the end.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use crate::answer::{Failure, Kind, Outcome, cannot, one_line};
use crate::supervise;

const SETPRIV: &str = "/usr/bin/setpriv";
/// Debian's place of the programs of one major.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Higher ones are of the supervisor: 127 and up for a program that did not start or that a signal ended.
const MOST_OF_A_PROGRAM: i32 = 125;
const MAJORS: std::ops::RangeInclusive<u32> = 14..=18;

/// The programs of one major.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// Where they are; empty: on the PATH.
    directory: PathBuf,
    /// The programs' own major.
    pub(crate) major: u32,
}

impl Tools {
    /// Any psql, to ask a server which major it has: psql talks to older and newer servers.
    pub(crate) fn any_psql(bindir: Option<&Path>) -> Outcome<PathBuf> {
        let debian = MAJORS.rev().map(|major| debian(major).join("psql"));
        let found = match bindir {
            Some(own) => Some(own.join("psql")).filter(|psql| psql.is_file()),
            None => debian.into_iter().find(|psql| psql.is_file()).or_else(|| on_path("psql")),
        };
        found.ok_or_else(|| {
            let place = bindir.map_or_else(|| "installed".to_owned(), |own| format!("in {}", own.display()));
            Failure::new(
                Kind::Refused,
                format!("no psql is {place}: install postgresql-client, or name its directory by --bindir"),
            )
        })
    }

    /// The programs of a server's major; where they are missing and `newer` allows it, those of the next later one. A dump by an older program fails,
    /// one by a newer program may not restore on the server.
    pub(crate) fn of(major: u32, bindir: Option<&Path>, newer: bool) -> Outcome<Self> {
        let later = newer.then(|| major + 1..=*MAJORS.end()).into_iter().flatten();
        let places = match bindir {
            Some(own) => vec![own.to_owned()],
            None => [debian(major), PathBuf::new()].into_iter().chain(later.map(debian)).collect(),
        };
        let (mut seen, mut best) = (Vec::new(), None::<Self>);
        for directory in places {
            let tools = Self { directory, major };
            let Ok(psql) = tools.find("psql") else { continue };
            let found = major_of(&version(&psql)?);
            match found {
                Some(found) if found == major => return Ok(tools),
                Some(found) if newer && found > major && best.as_ref().is_none_or(|best| best.major > found) => {
                    best = Some(Self { major: found, ..tools });
                }
                _ => {
                    let of = found.map_or("no known major".to_owned(), |n| n.to_string());
                    seen.push(format!("{} is of {of}", psql.display()));
                }
            }
        }
        if let Some(best) = best {
            return Ok(best);
        }
        let seen = if seen.is_empty() { String::new() } else { format!(" ({})", seen.join(", ")) };
        let fix = format!("install postgresql-client-{major}, or name the directory of its programs by --bindir");
        Err(Failure::new(
            Kind::Refused,
            format!("the server is PostgreSQL {major} and no client programs of {major} are here{seen}: {fix}"),
        ))
    }

    /// The path of a program.
    pub(crate) fn find(&self, name: &str) -> Outcome<PathBuf> {
        let found = if self.directory.as_os_str().is_empty() { on_path(name) } else { Some(self.directory.join(name)) };
        found.filter(|program| program.is_file()).ok_or_else(|| {
            let package = if matches!(name, "postgres" | "initdb" | "pg_ctl" | "pg_controldata") {
                "postgresql"
            } else {
                "postgresql-client"
            };
            let place = if self.directory.as_os_str().is_empty() {
                "on the PATH".to_owned()
            } else {
                format!("in {}", self.directory.display())
            };
            Failure::new(
                Kind::Refused,
                format!("{name} of PostgreSQL {0} is not {place}: install {package}-{0}", self.major),
            )
        })
    }

    /// A program's own words on its version, such as `pg_dump (PostgreSQL) 15.20`.
    pub(crate) fn version(&self, name: &str) -> Outcome<String> {
        version(&self.find(name)?)
    }

    /// A program, ready for its arguments.
    pub(crate) fn command(&self, name: &str) -> Outcome<Command> {
        Ok(command(&self.find(name)?))
    }
}

/// A command that ends with this process, and its children with it; its messages are in English, because we read them.
pub(crate) fn command(program: &Path) -> Command {
    // Where the kernel does not say who we are, the program is run without its supervisor.
    let mut command = match std::env::current_exe() {
        Ok(own) => {
            let mut command = Command::new(own);
            command.arg(supervise::WORD).arg(program).process_group(0);
            command
        }
        Err(_) => Command::new(program),
    };
    set_environment(&mut command);
    command
}

/// A command that is told by a signal when this process dies, where util-linux' setpriv is there.
pub(crate) fn command_ended_by(program: &Path, signal: &str) -> Command {
    let mut command = if Path::new(SETPRIV).is_file() {
        let mut command = Command::new(SETPRIV);
        command.args(["--pdeathsig", signal]).arg(program);
        command
    } else {
        Command::new(program)
    };
    set_environment(&mut command);
    command.stdin(Stdio::null());
    command
}

/// English messages, a name in pg_stat_activity, and no endless waiting for a host that is gone.
fn set_environment(command: &mut Command) {
    command.env("LC_ALL", "C").env("PGAPPNAME", "pgreeve-backup");
    if std::env::var_os("PGCONNECT_TIMEOUT").is_none() {
        command.env("PGCONNECT_TIMEOUT", "10");
    }
}

/// Settings for the sessions of a client program that sets none itself, beside those that the environment has for it.
pub(crate) fn set_options(command: &mut Command, settings: &[(&str, &str)]) {
    let own = std::env::var("PGOPTIONS").into_iter();
    let ours = settings.iter().map(|(name, value)| format!("-c {name}={value}"));
    command.env("PGOPTIONS", own.chain(ours).collect::<Vec<_>>().join(" "));
}

/// A program under way, killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    what: String,
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) what: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    /// Starts it and hears it in the background.
    pub(crate) fn start(mut command: Command, what: &str) -> Outcome<Self> {
        // Its supervisor sees by the end of stdin that we are gone.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(cannot(format_args!("start {what}")))?;
        let stdout = child.stdout.take().map(hear);
        let stderr = child.stderr.take().map(hear);
        Ok(Self { what: what.to_owned(), child, stdout, stderr })
    }

    /// Waits as `Child::wait` does, without letting go of its stdin.
    fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let held = self.child.stdin.take();
        let status = self.child.wait();
        drop(held);
        status
    }

    /// Whether it has ended.
    pub(crate) fn ended(&mut self) -> Outcome<bool> {
        Ok(self.status()?.is_some())
    }

    /// Whether it has ended badly.
    pub(crate) fn failed(&mut self) -> Outcome<bool> {
        Ok(self.status()?.is_some_and(|status| !status.success()))
    }

    fn status(&mut self) -> Outcome<Option<ExitStatus>> {
        self.child.try_wait().map_err(cannot(format_args!("wait for {}", self.what)))
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Outcome<Finished> {
        let status = self.wait().map_err(cannot(format_args!("wait for {}", self.what)))?;
        let text = |pipe: Option<JoinHandle<Vec<u8>>>| {
            let bytes = pipe.and_then(|thread| thread.join().ok()).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        Ok(Finished { what: self.what.clone(), status, stdout, stderr })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // At the end of its stdin the supervisor ends the program and itself.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Lines of stderr that tell of an error, whatever the exit status was.
    pub(crate) fn errors(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| tells_of_error(line)).collect()
    }

    /// Whether a signal ended it (the kernel's for want of memory, somebody's) or it could not be started: then it has judged nothing.
    pub(crate) fn cut_off(&self) -> Option<Failure> {
        let cut = self.status.code().is_none_or(|code| code > MOST_OF_A_PROGRAM);
        cut.then(|| {
            let said = last_lines(&self.stderr);
            Failure::new(
                Kind::Failed,
                format!("{} was cut off ({}), so nothing is known: {said}", self.what, self.status),
            )
        })
    }

    /// Good only with status 0 and without a word of an error; otherwise what it said.
    pub(crate) fn good(self) -> Outcome<Self> {
        let errors = self.errors();
        if self.status.success() && errors.is_empty() {
            return Ok(self);
        }
        let said = if errors.is_empty() { last_lines(&self.stderr) } else { one_line(&errors.join("\n")) };
        let kind = if is_unreachable(&self.stderr) { Kind::Unreachable } else { Kind::Failed };
        Err(Failure::new(kind, format!("{} failed ({}): {}", self.what, self.status, shortened(&said))))
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: Command, what: &str) -> Outcome<Finished> {
    Running::start(command, what)?.finish()
}

/// PostgreSQL's programs say `error:`, servers `ERROR:` and worse.
pub(crate) fn tells_of_error(line: &str) -> bool {
    ["error: ", "fatal: ", "ERROR:", "FATAL:", "PANIC:", "errors ignored on restore"]
        .iter()
        .any(|word| line.contains(word))
}

/// Whether a program's words mean that there was no connection.
pub(crate) fn is_unreachable(said: &str) -> bool {
    ["connection to server", "could not connect", "could not translate host name"]
        .iter()
        .any(|word| said.contains(word))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
    if last.is_empty() { "it said nothing".to_owned() } else { one_line(&last.join("\n")) }
}

fn shortened(text: &str) -> String {
    const MOST: usize = 1000;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST).chain("…".chars()).collect() }
}

fn hear(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks has said all that it had to say.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn debian(major: u32) -> PathBuf {
    Path::new(DEBIAN).join(major.to_string()).join("bin")
}

/// A program of the system's.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsStr::new("/usr/local/bin:/usr/bin:/bin").to_owned());
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|program| program.is_file())
}

fn version(program: &Path) -> Outcome<String> {
    let mut asked = command(program);
    asked.arg("--version");
    Ok(run(asked, &program.display().to_string())?.good()?.stdout.trim().to_owned())
}

/// `pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)` is 15, `psql (PostgreSQL) 19beta1` is 19.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_once(") ")?.1;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{major_of, tells_of_error};

    #[test]
    fn the_major_is_read_from_what_programs_say() {
        assert_eq!(major_of("pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"), Some(15));
        assert_eq!(major_of("psql (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_of("nonsense"), None);
    }

    #[test]
    fn errors_are_heard_whatever_the_status() {
        for line in [
            "pg_restore: error: could not execute query: ERROR:  x",
            "pg_restore: warning: errors ignored on restore: 3",
            "FATAL:  no",
        ] {
            assert!(tells_of_error(line), "{line}");
        }
        for line in ["pg_dump: warning: there are circular foreign-key constraints", "NOTICE:  fine"] {
            assert!(!tells_of_error(line), "{line}");
        }
    }
}
