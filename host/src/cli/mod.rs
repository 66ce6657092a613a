//! The command line: one file per subcommand, each thin; the words here are the first documentation that anybody reads.

mod actions;
mod agent;
mod audit;
mod backup;
mod check;
mod decide;
mod doctor;
mod grants;
mod jobs;
mod load;
mod output;
mod plan;
mod plugin;
mod proposals;
mod reload;
mod run;
mod run_now;
mod runs;
mod status;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::actions::audit::Filter;
use crate::plugin::compile;

/// Exit statuses other than a check's own 0, 1, 2, 3.
const FAILED: u8 = 1;
const USAGE: u8 = 64;
const UNKNOWN: u8 = 3;

/// One small agent per PostgreSQL host: sandboxed plugins observe and propose, only the agent acts.
#[derive(Parser)]
#[command(name = "pgreeve", version = VERSION, max_term_width = 110, after_help = EXAMPLES)]
struct Arguments {
    /// The configuration; /etc/pgreeve/agent.toml if it is not given
    #[arg(long, short, global = true, env = "PGREEVE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

/// Where the configuration is unless another is given.
const DEFAULT_CONFIG: &str = "/etc/pgreeve/agent.toml";

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (contract pgreeve:plugin@0.1.0, wasmtime 48)");

const EXAMPLES: &str = "Examples:
  pgreeve validate -c agent.toml            every mistake of the file, with line, column and fix
  pgreeve grants -c agent.toml              the SQL for the logins; `pgreeve doctor` looks whether it was run
  pgreeve check replication -c agent.toml   run one job now; exits 0 ok, 1 warning, 2 critical, 3 unknown
  pgreeve run -c agent.toml                 the agent, in the foreground

Exit status: `check`, `doctor` and `run-now --wait` answer 0, 1, 2, 3 for ok, warning, critical, unknown. All others: 0 done, 1 failed, 64 usage.";

#[derive(Subcommand)]
enum Command {
    /// Run the agent in the foreground until SIGTERM or SIGINT; SIGHUP reloads the configuration
    Run {
        /// How log lines look; they go to standard error
        #[arg(long, value_enum, default_value = "text")]
        log: LogFormat,
    },
    /// Check the configuration and everything that it names; report every mistake
    Validate {
        #[command(flatten)]
        format: Format,
    },
    /// Run one job now and print what it finds; exits 0 ok, 1 warning, 2 critical, 3 unknown
    #[command(
        after_help = "Example: pgreeve check replication --format json | jq '.findings[] | select(.status != \"ok\")'"
    )]
    Check {
        /// The job, as in [job.NAME]
        job: String,
        /// Show the values behind each finding too
        #[arg(long, short)]
        verbose: bool,
        /// Record the run, with every answer that the plugin got, for `pgreeve plugin test`; the file must not exist
        #[arg(long, value_name = "FILE")]
        record: Option<PathBuf>,
        /// Replace this text everywhere in the recording; may be given several times
        #[arg(long, value_name = "TEXT", requires = "record")]
        redact: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Print the SQL that makes the logins of agent.toml, with exactly what the plugins want of them; connects to nothing
    #[command(after_help = "Examples:
  pgreeve grants | psql -X -v ON_ERROR_STOP=1 -d postgres    as a superuser, on the primary; again after a change
  pgreeve grants --scope main --major 17                     what one version takes, without conditions")]
    Grants {
        /// For this scope alone; may be given several times, for scopes of one cluster
        #[arg(long, value_name = "NAME")]
        scope: Vec<String>,
        /// For this major version alone
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(14..=99))]
        major: Option<u32>,
    },
    /// Log in as each login of agent.toml and look whether it has what the plugins want, and no more
    #[command(
        after_help = "Example: pgreeve doctor --format json | jq -r '.lines[] | select(.state == \"missing\").mend'

Exit status: 0 all is there and no more; 1 too much, or something optional is missing; 2 something required is missing; 3 could not look."
    )]
    Doctor {
        /// For this scope alone; may be given several times
        #[arg(long, value_name = "NAME")]
        scope: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// One screen: the agent, what it runs, what is not ok; exits 1 if no agent runs
    Status {
        #[command(flatten)]
        format: Format,
    },
    /// Have the running agent run a job now, as its schedule would
    #[command(
        after_help = "Example: pgreeve run-now replication --wait   exits 0 ok, 1 warning, 2 critical, 3 unknown"
    )]
    RunNow {
        /// The job, as in [job.NAME]
        job: String,
        /// Wait for its end, and answer as `check` does
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        format: Format,
    },
    /// List the jobs with their last and next runs
    Jobs {
        #[command(flatten)]
        format: Format,
    },
    /// List recorded runs, newest first
    #[command(after_help = "Example: pgreeve runs --job replication --limit 5")]
    Runs {
        /// Of this job alone
        #[arg(long)]
        job: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        format: Format,
    },
    /// Run one job now and show what would be done about what it proposes; nothing is carried out
    #[command(after_help = "Example: pgreeve plan replication --rehearse")]
    Plan {
        /// The job, as in [job.NAME]
        job: String,
        /// Carry out transactional SQL and roll it back: rows, locks and time of each statement
        #[arg(long)]
        rehearse: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Show the policy of every action of every job
    Actions {
        #[command(flatten)]
        format: Format,
    },
    /// List what plugins want done: exactly what, how it stands, and what became of it
    #[command(after_help = "Example: pgreeve proposals replication")]
    Proposals {
        /// Of this job alone, or the one whose id begins so
        what: Option<String>,
        /// Also those that are over
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Show what was proposed, allowed and done, from the audit log; `verify`: whether the log is as it was written
    #[command(
        after_help = "Examples:
  pgreeve audit --proposal 3f2a9c          everything about one proposal
  pgreeve audit --since 24h --format json  JSON Lines, exactly as in the log
  pgreeve audit verify                     exits 0 verified, 1 altered, removed, reordered or cut off",
        args_conflicts_with_subcommands = true
    )]
    Audit {
        #[command(subcommand)]
        verify: Option<Verify>,
        /// Of this job alone
        #[arg(long)]
        job: Option<String>,
        /// Of the proposal whose id begins so
        #[arg(long, value_name = "ID")]
        proposal: Option<String>,
        /// This kind alone: proposed, approved, rejected, begun, ended, settled, uncertain, …
        #[arg(long)]
        event: Option<String>,
        /// From then on: a time, or how long ago
        #[arg(long, value_parser = audit::moment, value_name = "WHEN")]
        since: Option<jiff::Timestamp>,
        /// Before then
        #[arg(long, value_parser = audit::moment, value_name = "WHEN")]
        until: Option<jiff::Timestamp>,
        /// The last so many
        #[arg(long, default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        format: Format,
    },
    /// Allow a proposal to be carried out
    #[command(after_help = "Example: pgreeve approve 3f9a --why \"the slot is of a standby that is gone\"")]
    Approve {
        /// The first digits of its id
        id: String,
        /// For the record
        #[arg(long)]
        why: Option<String>,
    },
    /// Refuse a proposal, for as long as it is proposed without a break
    Reject {
        /// The first digits of its id
        id: String,
        /// For the record
        #[arg(long)]
        why: Option<String>,
    },
    /// Let no action begin, approved or automatic
    #[command(after_help = "Example: pgreeve pause --for 2h --why \"storage is being moved\"")]
    Pause {
        /// For so long; until they are resumed if it is not given
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        time: Option<std::time::Duration>,
        /// For the record
        #[arg(long)]
        why: String,
    },
    /// Let actions begin again
    Resume {
        /// For the record
        #[arg(long)]
        why: String,
    },
    /// Make a running agent take the changed configuration, whole or not at all
    Reload,
    /// Take, verify, prove and list backups, and plan a restore: `pgreeve backup --help` (runs pgreeve-backup, which lies beside pgreeve)
    #[command(disable_help_flag = true)]
    Backup {
        /// What pgreeve-backup is told
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Build plugins, and see what they are before they are installed
    #[command(subcommand)]
    Plugin(Plugin),
    /// Print a completion script
    #[command(after_help = "Example: pgreeve completion bash > /etc/bash_completion.d/pgreeve")]
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Compile a component from standard input to standard output, under limits (used by the agent itself)
    #[command(name = compile::SUBCOMMAND, hide = true)]
    CompileComponent { memory: u64, seconds: u64 },
}

#[derive(Subcommand)]
enum Verify {
    /// Look whether an entry was altered, removed or put elsewhere
    Verify {
        /// Another log, such as a copy; of it a missing end cannot be seen
        log: Option<PathBuf>,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Subcommand)]
enum Plugin {
    /// Build plugins from their Rust crates: cargo for wasm32-unknown-unknown, then the component
    #[command(after_help = "Example: pgreeve plugin build plugins/replication --out target/plugins")]
    Build {
        /// The crates' directories
        #[arg(required = true)]
        directories: Vec<PathBuf>,
        /// Where NAME.wasm goes; target/plugins of the crate's workspace by default
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Replay recorded runs without any server, and compare what the plugin reports now with what it reported then
    #[command(
        after_help = "Example: pgreeve check replication --record run.jsonl && pgreeve plugin test replication.wasm run.jsonl"
    )]
    Test {
        /// The component
        component: PathBuf,
        /// Files made by `pgreeve check JOB --record FILE`
        #[arg(required = true)]
        recordings: Vec<PathBuf>,
        #[command(flatten)]
        kept: Kept,
    },
    /// Show what a component imports, checks, wants and can propose; it is granted nothing while being asked
    #[command(after_help = "Examples:
  pgreeve plugin explain replication.wasm
  pgreeve plugin explain replication.wasm --config agent.toml   against what its jobs are granted
  pgreeve plugin explain old.wasm new.wasm                      what the new version wants more")]
    Explain {
        /// The component
        file: PathBuf,
        /// A newer version of it, to be compared
        newer: Option<PathBuf>,
        #[command(flatten)]
        kept: Kept,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(clap::Args)]
struct Kept {
    /// Keep the compiled code in this directory of your own, for the next time; a plugin of many megabytes takes long to compile
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Format {
    /// Output for people or for programs
    #[arg(long = "format", value_enum, default_value = "human", id = "output_format")]
    kind: OutputFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Human,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

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
    let checking = match &arguments.command {
        Command::Check { job, format, .. } => Some((job.clone(), format.kind)),
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
        Command::Backup { arguments } => backup::main(&arguments),
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
            let Some((job, format)) = checking else { return ExitCode::from(FAILED) };
            // Whoever reads a check's answer reads standard output; that it cannot be written changes nothing.
            let _ = check::failed(&job, &failure.to_string(), format);
            ExitCode::from(UNKNOWN)
        }
    }
}

/// Help goes to standard output with status 0; a mistake in usage exits 64, or 3 where a monitoring system expects a check's answer.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing can be done about a terminal that is gone.
    let _ = error.print();
    let checking = std::env::args_os().skip(1).find(|argument| !argument.as_encoded_bytes().starts_with(b"-"));
    let checking = checking.is_some_and(|command| command == "check" || command == "doctor");
    match (error.use_stderr(), checking) {
        (false, _) => ExitCode::SUCCESS,
        (true, true) => ExitCode::from(UNKNOWN),
        (true, false) => ExitCode::from(USAGE),
    }
}
