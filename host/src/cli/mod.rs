//! The command line: one file per subcommand, each thin. `arguments` has its words.

mod actions;
mod agent;
mod arguments;
mod audit;
mod backup;
mod check;
mod decide;
mod doctor;
mod findings;
mod grants;
mod jobs;
mod load;
mod metrics;
mod objects;
mod output;
mod plan;
mod plot;
mod plugin;
mod proposals;
mod reload;
mod run;
mod run_now;
mod runs;
mod status;
mod validate;
mod values;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::actions::audit::Filter;
use crate::plugin::compile;
use arguments::{Arguments, Command, DEFAULT_CONFIG, LogFormat, Objects, OutputFormat, Plugin, Verify};

/// Exit statuses other than a check's own 0, 1, 2, 3.
const FAILED: u8 = 1;
const USAGE: u8 = 64;
const UNKNOWN: u8 = 3;

/// A command that could not do what it was asked; said on standard error.
type Failure = Box<dyn std::error::Error>;

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let given = arguments.config;
    let config = given.clone().unwrap_or_else(|| DEFAULT_CONFIG.into());
    let judging = match &arguments.command {
        Command::Check { job, format, .. } => Some(Judging::Check(job.clone(), format.kind)),
        Command::RunNow { job, wait: true, format } => Some(Judging::RunNow(job.clone(), format.kind)),
        Command::Doctor { format, .. } => Some(Judging::Doctor(format.kind)),
        Command::Audit { verify: Some(Verify::Verify { format, .. }), .. } => Some(Judging::Audit(format.kind)),
        _ => None,
    };
    let done = match arguments.command {
        Command::Run { log } => run::main(&config, log),
        Command::Validate { format } => validate::main(&config, format.kind),
        Command::Check { job, verbose, record, redact, format } => {
            check::main(&config, &job, &check::Options { verbose, record, redact, format: format.kind })
        }
        Command::Grants { scope, major } => grants::main(&config, &scope, major),
        Command::Doctor { scope, format } => doctor::main(&config, &scope, format.kind),
        Command::Jobs { format } => jobs::main(&config, format.kind),
        Command::Findings { job, status, format } => findings::main(&config, job.as_deref(), status, format.kind),
        Command::Metrics { metric, job, label, since, format } => {
            metrics::main(&config, &metrics::Wanted { metric, job, labels: label, since }, format.kind)
        }
        Command::Runs { job, limit, format } => runs::main(&config, job.as_deref(), limit, format.kind),
        Command::Plan { job, rehearse, format } => plan::main(&config, &job, rehearse, format.kind),
        Command::Actions { format } => actions::main(&config, format.kind),
        Command::Audit { verify: Some(Verify::Verify { log, format }), .. } => audit::check(&config, log, format.kind),
        Command::Audit { verify: None, job, proposal, event, since, until, limit, format } => {
            audit::main(&config, &Filter { job, proposal, event, since, until }, limit, format.kind)
        }
        Command::Proposals { what, all, format } => {
            proposals::main(&config, &proposals::Wanted { what, all }, format.kind)
        }
        Command::Backup { arguments } => backup::main(&config, &arguments),
        Command::Objects(Objects::List { store, prefix, format }) => {
            objects::list_them(&config, &store, &prefix, format.kind)
        }
        Command::Objects(Objects::Fetch { store, prefix, into }) => {
            objects::fetch_them(&config, &store, &prefix, &into)
        }
        Command::Status { format } => status::main(&config, format.kind),
        Command::RunNow { job, wait, format } => run_now::main(&config, &job, wait, format.kind),
        Command::Approve { id, why } => decide::proposal(&config, &id, "approve", why.as_deref()),
        Command::Reject { id, why } => decide::proposal(&config, &id, "reject", why.as_deref()),
        Command::Pause { time, why } => decide::pause(&config, time, &why),
        Command::Resume { why } => decide::resume(&config, &why),
        Command::Reload => reload::main(&config),
        Command::Plugin(Plugin::Build { directories, out }) => plugin::build(&directories, out),
        Command::Plugin(Plugin::Test { component, recordings, kept }) => {
            plugin::test(&component, &recordings, kept.cache.as_deref())
        }
        Command::Plugin(Plugin::Explain { file, newer: Some(newer), kept, format }) => {
            plugin::explain_newer(&file, &newer, kept.cache.as_deref(), format.kind)
        }
        Command::Plugin(Plugin::Explain { file, newer: None, kept, format }) => {
            plugin::explain(&file, given.as_deref(), kept.cache.as_deref(), format.kind)
        }
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "pgreeve", &mut script);
            output::line(String::from_utf8_lossy(&script).trim_end()).map(|()| 0)
        }
        Command::CompileComponent { memory, seconds } => Ok(compile::child_main(memory, seconds)),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::error(&failure.to_string());
            let Some(judging) = judging else { return ExitCode::from(FAILED) };
            // Whoever reads a check's answer reads standard output; that it cannot be written changes nothing.
            let _ = judging.failed(&failure.to_string());
            ExitCode::from(UNKNOWN)
        }
    }
}

/// A command whose exit status is a check's, with the job that it is about: where it fails, the answer is unknown.
enum Judging {
    Check(String, OutputFormat),
    RunNow(String, OutputFormat),
    Doctor(OutputFormat),
    Audit(OutputFormat),
}

impl Judging {
    /// Prints the answer of one that could not look.
    fn failed(&self, why: &str) -> Result<(), Failure> {
        let (of, document) = match self {
            Self::Check(job, OutputFormat::Human) | Self::RunNow(job, OutputFormat::Human) => (job.as_str(), None),
            Self::Doctor(OutputFormat::Human) => ("doctor", None),
            Self::Audit(OutputFormat::Human) => ("audit", None),
            Self::Check(job, OutputFormat::Json) => (job.as_str(), Some(check::failed(job, why))),
            Self::RunNow(job, OutputFormat::Json) => (job.as_str(), Some(run_now::failed(job, why))),
            Self::Doctor(OutputFormat::Json) => ("doctor", Some(doctor::failed(why))),
            Self::Audit(OutputFormat::Json) => ("audit", Some(audit::unverified(why))),
        };
        document.map_or_else(|| output::unknown(of, why), |document| output::json(&document))
    }
}

/// Help goes to standard output with status 0; a mistake in usage exits 64, or 3 where a monitoring system expects a check's answer.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing can be done about a terminal that is gone.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let given: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let known = Arguments::command();
    let command = given.iter().find(|word| known.find_subcommand(word).is_some()).map(String::as_str);
    let judges = match command {
        Some("check" | "doctor") => true,
        Some("run-now") => given.iter().any(|word| word == "--wait"),
        Some("audit") => given.iter().any(|word| word == "verify"),
        _ => false,
    };
    let Some(command) = command.filter(|_| judges) else { return ExitCode::from(USAGE) };
    let text = error.to_string();
    let first: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let _ = output::unknown(command, first.join(" ").trim_start_matches("error: "));
    ExitCode::from(UNKNOWN)
}
