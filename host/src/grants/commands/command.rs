//! A command that the operator named: read from agent.toml and checked once, so that a mistake is found when the file is loaded and not
//! when the command is needed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    kind::Kind,
    template::{Pattern, Piece, is_name},
};

/// Programs that run the text of an argument.
const SHELLS: [&str; 12] =
    ["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "busybox"];

/// The longest time-out; what runs longer is no command but a service.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a command does to the world, by the operator's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: a plugin may run it while it observes.
    Read,
    /// Something: it runs only as an action.
    #[default]
    Write,
}

/// `[command.NAME]` as the operator wrote it; the module's documentation has the keys.
#[derive(Clone, Debug)]
pub struct Section {
    /// The NAME.
    pub name: String,
    /// The program's absolute path, then its arguments.
    pub run: Vec<String>,
    /// The kind of every placeholder.
    pub parameters: BTreeMap<String, Kind>,
    /// A placeholder of kind [`Kind::Path`], in braces: where stdout goes. None: to the caller.
    pub stdout: Option<String>,
    /// From the call to the end of the process, at most 30 days. None: 30 s if it reads, 1 h if it writes.
    pub timeout: Option<Duration>,
    /// Default: [`Effect::Write`].
    pub effect: Effect,
    /// The command's environment. Default: empty.
    pub env: BTreeMap<String, String>,
    /// Names of variables that it gets from the agent's environment. Default: none.
    pub pass_env: Vec<String>,
    /// Its working directory. Default: `/`.
    pub directory: PathBuf,
    /// Bytes of stdout that the caller can get. Default: 1 MiB.
    pub max_stdout: u64,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            name: String::new(),
            run: Vec::new(),
            parameters: BTreeMap::new(),
            stdout: None,
            timeout: None,
            effect: Effect::default(),
            env: BTreeMap::new(),
            pass_env: Vec::new(),
            directory: PathBuf::from("/"),
            max_stdout: 1 << 20,
        }
    }
}

/// A command that can be granted. All that can be wrong without looking at the machine has been ruled out.
#[derive(Clone, Debug)]
pub struct Command {
    pub(super) name: String,
    /// What the job's plugin calls it, where the grant says otherwise.
    called: Option<String>,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<Pattern>,
    pub(super) parameters: BTreeMap<String, Kind>,
    pub(super) stdout: Option<String>,
    pub(super) timeout: Duration,
    pub(super) effect: Effect,
    pub(super) env: BTreeMap<String, String>,
    pub(super) pass_env: Vec<String>,
    pub(super) directory: PathBuf,
    pub(super) max_stdout: u64,
}

impl Command {
    /// Checks what the operator wrote. The error begins with the key that is wrong.
    pub fn new(section: Section) -> Result<Self, String> {
        let Section { name, run, parameters, stdout, timeout, effect, env, pass_env, directory, max_stdout } = section;
        let (program, arguments) = run.split_first().ok_or("run: is empty: name the program's absolute path")?;
        let program = checked_program(program)?;
        let arguments = arguments.iter().map(|text| Pattern::parse(text)).collect::<Result<Vec<_>, _>>();
        let arguments = arguments.map_err(|why| format!("run: {why}"))?;
        for (name, kind) in &parameters {
            if !is_name(name) {
                return Err(format!("parameters: {name:?} is no name: a letter, then letters, digits, _ and -"));
            }
            kind.check().map_err(|why| format!("parameters.{name}: {why}"))?;
        }
        let stdout = stdout.map(|text| checked_stdout(&text, &parameters)).transpose()?;
        if stdout.is_some() && effect == Effect::Read {
            return Err("stdout: a file is written, so effect = \"read\" is not true: remove one of the two".to_owned());
        }
        check_use(&arguments, stdout.as_deref(), &parameters)?;
        arguments.iter().try_for_each(|argument| check_option(argument, &parameters))?;
        check_shell(&program, &arguments)?;
        check_environment(&env, &pass_env)?;
        if !directory.is_absolute() {
            return Err(format!("directory: {} is no absolute path", directory.display()));
        }
        let timeout = timeout.unwrap_or(match effect {
            Effect::Read => Duration::from_secs(30),
            Effect::Write => Duration::from_secs(3600),
        });
        if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
            return Err("timeout: is more than nothing and at most 30 days".to_owned());
        }
        let called = None;
        Ok(Self {
            name,
            called,
            program,
            arguments,
            parameters,
            stdout,
            timeout,
            effect,
            env,
            pass_env,
            directory,
            max_stdout,
        })
    }

    /// The same command under the name by which a job's plugin is to ask for it.
    #[must_use]
    pub fn bound(&self, called: &str) -> Self {
        Self { called: Some(called.to_owned()), ..self.clone() }
    }

    /// What the plugin of the job that was granted it calls it: its name in agent.toml, unless the grant binds it to another.
    pub fn called(&self) -> &str {
        self.called.as_deref().unwrap_or(&self.name)
    }

    /// Its name in agent.toml.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What decides where its effect goes and its words do not say: its environment, and its working directory unless that is `/`. None: nothing
    /// does. Values are shown of variables of libpq alone, which takes no secret from agent.toml; of any other eight digits of the SHA-256, for
    /// a secret may stand there by mistake. Of what the agent passes on there are the names.
    pub fn surroundings(&self) -> Option<String> {
        let shown = |(name, value): (&String, &String)| match name.starts_with("PG") {
            true => format!("{name}={value}"),
            false => format!("{name}=#{:.8}", format!("{:x}", Sha256::digest(value))),
        };
        let mut parts: Vec<String> = self.env.iter().map(shown).collect();
        parts.extend(self.pass_env.iter().map(|name| format!("{name} of the agent")));
        if self.directory != Path::new("/") {
            parts.push(format!("in {}", self.directory.display()));
        }
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// What it does to the world.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Its parameters: what an action that names this command has to give.
    pub fn parameters(&self) -> &BTreeMap<String, Kind> {
        &self.parameters
    }
}

fn checked_program(written: &str) -> Result<PathBuf, String> {
    if written.contains(['{', '}', '\0']) {
        return Err(format!("run: the program {written:?} is not for a placeholder to choose"));
    }
    let path = Path::new(written);
    if !path.is_absolute() || path.file_name().is_none() || written.ends_with('/') {
        return Err(format!("run: {written:?} is no absolute path of a program: no PATH is searched"));
    }
    Ok(path.to_owned())
}

fn checked_stdout(text: &str, parameters: &BTreeMap<String, Kind>) -> Result<String, String> {
    let pattern = Pattern::parse(text).map_err(|why| format!("stdout: {why}"))?;
    match pattern.whole().and_then(|name| parameters.get_key_value(name)) {
        Some((name, Kind::Path { .. })) => Ok(name.clone()),
        _ => Err(format!(
            "stdout: {text:?} is no placeholder of kind {{ path = \"DIRECTORY\" }}, as in stdout = \"{{file}}\""
        )),
    }
}

/// Every placeholder is declared and every declared one is used.
fn check_use(arguments: &[Pattern], stdout: Option<&str>, parameters: &BTreeMap<String, Kind>) -> Result<(), String> {
    let used: BTreeSet<&str> = arguments.iter().flat_map(Pattern::placeholders).chain(stdout).collect();
    if let Some(name) = used.iter().find(|name| !parameters.contains_key(**name)) {
        return Err(format!(
            "run: {{{name}}} is not declared: add it, as in parameters = {{ {name} = \"identifier\" }}"
        ));
    }
    match parameters.keys().find(|name| !used.contains(name.as_str())) {
        Some(name) => Err(format!("parameters.{name}: is used neither in `run` nor in `stdout`: remove it")),
        None => Ok(()),
    }
}

/// A value may complete an option's value and not its name: `--jobs={n}` and `-j{n}`, but not `-{x}` or `--no-{x}`. Words that the
/// operator chose may.
fn check_option(argument: &Pattern, parameters: &BTreeMap<String, Kind>) -> Result<(), String> {
    let lead = argument.lead();
    if lead != "-" && !lead.starts_with("--") {
        return Ok(());
    }
    let name = argument.0.iter().take_while(|piece| !matches!(piece, Piece::Literal(text) if text.contains('=')));
    for piece in name {
        if let Piece::Placeholder(name) = piece
            && !matches!(parameters.get(name), Some(Kind::Choice(_)))
        {
            return Err(format!(
                "run: {{{name}}} would complete the name of an option that begins with {lead:?}: write it after =, or make it a choice, as \
                 in parameters = {{ {name} = [\"schema-only\"] }}"
            ));
        }
    }
    Ok(())
}

/// No placeholder in what a shell runs. Arguments after the script are data to it (`"$1"`). Only shells are known here, because there
/// the mistake is so natural; of `env`, `xargs`, `sudo` or `ssh` the operator has to know that they run what they are given.
fn check_shell(program: &Path, arguments: &[Pattern]) -> Result<(), String> {
    let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !SHELLS.contains(&name) {
        return Ok(());
    }
    let mut names_option = false;
    for argument in arguments {
        if let Some(placeholder) = argument.placeholders().next() {
            return Err(format!(
                "run: {{{placeholder}}} stands in what {name} would run, where a value becomes code: write the script without placeholders \
                 and hand the value on after it, as in [\"/bin/sh\", \"-c\", \"exec wc -c < \\\"$1\\\"\", \"sh\", \"{{{placeholder}}}\"]"
            ));
        }
        let text = argument.lead();
        let option = text.strip_prefix(['-', '+']).filter(|_| !names_option);
        match option {
            // `-o pipefail`, `--rcfile FILE`: the next argument belongs to it.
            Some("-rcfile" | "-init-file") => names_option = true,
            Some(flags) => names_option = !flags.starts_with('-') && flags.contains(['o', 'O']),
            None if names_option => names_option = false,
            None if name == "busybox" && SHELLS.contains(&text) => {}
            None => return Ok(()),
        }
    }
    Ok(())
}

fn check_environment(env: &BTreeMap<String, String>, pass_env: &[String]) -> Result<(), String> {
    for (key, name) in env.keys().map(|name| ("env", name)).chain(pass_env.iter().map(|name| ("pass_env", name))) {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("{key}: {name:?} is no name of a variable"));
        }
    }
    if let Some((name, _)) = env.iter().find(|(_, value)| value.contains('\0')) {
        return Err(format!("env.{name}: holds a NUL byte"));
    }
    if env.contains_key("PGPASSWORD") {
        return Err("env.PGPASSWORD: secrets never stand in agent.toml: set PGPASSFILE, or use pass_env".to_owned());
    }
    match pass_env.iter().find(|name| env.contains_key(*name)) {
        Some(name) => Err(format!("pass_env: {name} stands in `env` too: remove one")),
        None => Ok(()),
    }
}
