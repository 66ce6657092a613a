//! The steps of a restore: commands to be run as they stand, by the user whom the servers run as.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Request;
use super::places::{Place, Places};
use crate::archive::Archive;
use crate::directory::Directory;
use crate::manifest::{Content, DatabaseShape, Manifest};
use crate::moment::Moment;
use crate::prove::options;
use crate::session::identifier;

/// The restored server is first looked at on this port, where no application finds it.
const PORT: u16 = 5433;

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) note: String,
    pub(super) commands: Vec<String>,
}

impl Step {
    fn new(title: &'static str, note: impl Into<String>, commands: Vec<String>) -> Self {
        Self { title, note: note.into(), commands }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "title": self.title, "note": self.note, "commands": self.commands })
    }
}

/// From a base backup; `target`: stop there, otherwise at the end of WAL.
pub(super) fn physical(
    request: &Request,
    directory: &Directory,
    base: &Manifest,
    content: &Content,
    archive: Option<&Archive>,
    target: Option<Moment>,
) -> Vec<Step> {
    let data = request.data_dir.display().to_string();
    let q = |text: &str| shell(text);
    let payload = directory.join(&base.payload);
    let bindir = bindir(request, base.server.major);
    let program = |name: &str| q(&format!("{bindir}/{name}"));
    let file = |stem: &str| {
        let found = ["tar.gz", "tar"]
            .map(|ending| payload.join(format!("{stem}.{ending}")))
            .into_iter()
            .find(|path| path.is_file());
        q(&found.unwrap_or_else(|| payload.join(format!("{stem}.tar.gz"))).display().to_string())
    };
    let unpack = |stem: &str, into: &str| format!("tar --extract --file {} --directory {}", file(stem), q(into));
    let mut steps = vec![
        Step::new(
            "Look whether the backup is whole",
            "",
            vec![format!(
                "pgreeve-backup verify --in={} --name={}",
                q(&directory.path().display().to_string()),
                q(&base.name)
            )],
        ),
        Step::new(
            "Unpack it into a new directory",
            "Stop what writes to the old server, but do not remove its data directory: until the restored one is known to be good, it is evidence, and its pg_wal may \
             hold the newest changes.",
            vec![
                format!("mkdir -m 700 {}", q(&data)),
                unpack("base", &data),
                unpack("pg_wal", &format!("{data}/pg_wal")),
                format!("cp {} {}", q(&payload.join("backup_manifest").display().to_string()), q(&format!("{data}/"))),
            ],
        ),
    ];
    let places: Vec<(u32, String)> =
        content.tablespaces.iter().map(|one| (one.oid, format!("{data}.tablespaces/{}", one.oid))).collect();
    if !places.is_empty() {
        let commands = places.iter().flat_map(|(oid, place)| {
            [
                format!("mkdir -p -m 700 {}", q(place)),
                unpack(&oid.to_string(), place),
                format!("ln -s {} {}", q(place), q(&format!("{data}/pg_tblspc/{oid}"))),
            ]
        });
        steps.push(Step::new("Unpack its tablespaces beside it", "", commands.collect()));
    }
    steps.push(Step::new(
        "Let PostgreSQL look at what was unpacked",
        "",
        vec![format!("{} {}", program("pg_verifybackup"), q(&data))],
    ));
    if !places.is_empty() {
        let map: String = places.iter().map(|(oid, place)| format!(" {}", q(&format!("{oid} {place}")))).collect();
        let note = "The backup names the old places, which may belong to a server that still runs.";
        steps.push(Step::new(
            "Point the tablespaces at the new places",
            note,
            vec![format!("printf '%s\\n'{map} > {}", q(&format!("{data}/tablespace_map")))],
        ));
    }
    steps.push(configure(&data, content, archive, target));
    let socket = format!("{data}.run");
    // The old server's configuration may name its own places.
    let options = format!(
        "-c port={PORT} -c listen_addresses= -c {} -c {} -c external_pid_file=",
        q(&format!("unix_socket_directories={socket}")),
        q(&format!("data_directory={data}"))
    );
    let user = content.superuser.as_deref().unwrap_or("postgres");
    let psql = format!("{} -X -h {} -p {PORT} -U {} -d template1", program("psql"), q(&socket), q(user));
    let start = format!(
        "{} -D {} -l {} -w -t 86400 -o {} start",
        program("pg_ctl"),
        q(&data),
        q(&format!("{data}.log")),
        q(&options)
    );
    steps.push(Step::new(
        "Start it where no application finds it; WAL is replayed now",
        format!("If it does not start, the reason stands at the end of {data}.log. Settings that name files of the old host (ssl_cert_file, shared_preload_libraries) \
                 may have to be overruled in postgresql.auto.conf."),
        vec![format!("mkdir -p -m 700 {}", q(&socket)), start],
    ));
    let look = "SELECT pg_is_in_recovery(), pg_last_xact_replay_timestamp()";
    let note = match target {
        Some(_) => {
            "It waits at the target, read-only. Look at your data. A wrong time: stop it, remove the new directories, plan again."
        }
        None => "It has replayed all WAL that there is. Look at your data.",
    };
    steps.push(Step::new("Look at what came back", note, vec![format!("{psql} -c {}", q(look))]));
    if archive.is_some() {
        steps.push(Step::new(
            "Make it a primary: there is no way back from here",
            "",
            // Where WAL simply ended it has become one by itself.
            vec![format!(
                "{psql} -c {}",
                q("SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote() ELSE true END AS primary")
            )],
        ));
    }
    // Archiving was off when the new timeline began. Without its history no older backup can be replayed past this point.
    let history = archive.map(|archive| {
        let to = q(&format!("{}/", archive.path().display()));
        format!("cp -n {}/pg_wal/*.history {to}", q(&data))
    });
    let mut again = Vec::from_iter(history);
    again.extend([
        format!("sed -i '/# pgreeve-backup: for recovery only$/d' {}", q(&format!("{data}/postgresql.auto.conf"))),
        format!("{} -D {} -m fast -w stop", program("pg_ctl"), q(&data)),
    ]);
    steps.push(Step::new(
        "Put it in the old one's place",
        "Then start it with its usual settings and port, take a new base backup at once (it is a new timeline), and let the applications in.",
        again,
    ));
    steps
}

/// What the configuration in the backup may say that would stop replay elsewhere, delay it (a standby's), or remove WAL from the archive meanwhile.
const UNDONE: [&str; 10] = [
    "recovery_target = ''",
    "recovery_target_lsn = ''",
    "recovery_target_name = ''",
    "recovery_target_time = ''",
    "recovery_target_xid = ''",
    "recovery_target_inclusive = on",
    "recovery_target_timeline = latest",
    "recovery_min_apply_delay = 0",
    "archive_cleanup_command = ''",
    "recovery_end_command = ''",
];

/// Settings of the restored server.
fn configure(data: &str, content: &Content, archive: Option<&Archive>, target: Option<Moment>) -> Step {
    const MARK: &str = " # pgreeve-backup: for recovery only";
    let mut lines = vec![format!("archive_mode = off{MARK}"), format!("max_logical_replication_workers = 0{MARK}")];
    let mut commands = Vec::new();
    let mut note = "Nothing of a trial reaches the archive or the publisher of a subscription. A scheduler among shared_preload_libraries (pg_cron and its \
                    like) would run its jobs as soon as this is a primary: leave it out until then."
        .to_owned();
    if let Some(archive) = archive {
        lines.extend(UNDONE.map(|line| format!("{line}{MARK}")));
        lines.push(format!("restore_command = {}{MARK}", setting(&archive.restore_command())));
        if let Some(to) = target {
            lines.push(format!("recovery_target_time = {}{MARK}", setting(&to.setting())));
            lines.push(format!("recovery_target_action = pause{MARK}"));
        }
        commands.push(format!("touch {}", shell(&format!("{data}/recovery.signal"))));
        let programs: Vec<&str> = archive.compressions().iter().map(|one| one.program()).collect();
        if !programs.is_empty() {
            note.push_str(&format!(" The archive is compressed: {} has to be installed here.", programs.join(", ")));
        }
    }
    let auto = shell(&format!("{data}/postgresql.auto.conf"));
    commands.push(format!("{} >> {auto}", print_lines(&lines)));
    // Debian keeps these elsewhere, so they are not in the backup. Recovery wants settings at least as large as the old server's.
    let needed: Vec<String> = content.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let conf = shell(&format!("{data}/postgresql.conf"));
    commands.push(format!("test -e {conf} || {} > {conf}", print_lines(&needed)));
    let hba = shell(&format!("{data}/pg_hba.conf"));
    commands.push(format!("test -e {hba} || echo 'local all all peer' > {hba}"));
    commands.push(format!("rm -f {}", shell(&format!("{data}/standby.signal"))));
    Step::new("Say where WAL is and how far to replay it", note, commands)
}

/// Where programs are, on the command line of a step.
fn bindir(request: &Request, major: u32) -> String {
    request.bindir.as_ref().map_or_else(|| format!("/usr/lib/postgresql/{major}/bin"), |own| own.display().to_string())
}

/// Where a backup is fetched to: the directory that was asked about, or, if what is there of it is damaged and so in the way, one beside it.
fn room(inside: &Path, name: &str) -> PathBuf {
    let beside = |number: u32| {
        let mut path = inside.as_os_str().to_owned();
        path.push(if number == 1 { ".fetched".to_owned() } else { format!(".fetched-{number}") });
        PathBuf::from(path)
    };
    // Files without a manifest are what an earlier fetch had brought when it broke off.
    let taken = |place: &PathBuf| {
        let there = |ending: &str| place.join(format!("{name}.{ending}")).symlink_metadata().is_ok();
        ["json", "verified.json", "proof.json"].iter().any(|ending| there(ending))
    };
    let mut places = std::iter::once(inside.to_owned()).chain((1..=99).map(beside));
    places.find(|place| !taken(place)).unwrap_or_else(|| beside(100))
}

/// Of a backup in an object store: it has to be here first, and then tells the rest.
pub(super) fn fetch(request: &Request, places: &Places, store: &str, backup: &Manifest) -> Vec<Step> {
    let q = |path: &Path| shell(&path.display().to_string());
    let config = request.config.as_ref().map_or(String::new(), |config| format!(" --config {}", q(config)));
    let inside = match places.all.first() {
        Some(Place::Directory(directory)) => directory.path(),
        _ => &request.inside,
    };
    let into = room(inside, &backup.name);
    let beside = into != inside;
    let mut again =
        format!("pgreeve{config} backup restore-plan --in={} --data-dir={}", q(inside), q(&request.data_dir));
    for copies in request.copies.iter().chain(beside.then_some(&into)) {
        again.push_str(&format!(" --copies={}", q(copies)));
    }
    let more = [
        request.to.map(|to| format!(" --to={}", to.text())),
        request.of.as_ref().map(|of| format!(" --of={}", shell(of))),
        request.wal_archive.as_ref().map(|path| format!(" --wal-archive={}", q(path))),
        request.bindir.as_ref().map(|path| format!(" --bindir={}", q(path))),
    ];
    again.extend(more.into_iter().flatten());
    let fetch = format!("pgreeve{config} objects fetch {} {} --into {}", shell(store), shell(&backup.name), q(&into));
    let why = if beside { " What is here of it is damaged, and stays as it is: nothing is written over." } else { "" };
    vec![
        Step::new(
            "Fetch the backup from the object store",
            format!(
                "It has {} bytes.{why} Run this as a user who may read the store's keys; then let the user who goes on read the files.",
                backup.bytes
            ),
            beside.then(|| format!("mkdir -p -m 700 {}", q(&into))).into_iter().chain([fetch]).collect(),
        ),
        Step::new("Plan again, with it here: the new plan has all further steps", "", vec![again]),
    ]
}

/// From a dump.
pub(super) fn logical(
    request: &Request,
    directory: &Directory,
    dump: &Manifest,
    shape: Option<&DatabaseShape>,
    globals: Option<&Path>,
) -> Vec<Step> {
    let path = |path: &Path| shell(&path.display().to_string());
    // An older pg_restore cannot read what a newer pg_dump wrote.
    let bindir = bindir(request, dump.client.major);
    let bin = |name: &str| shell(&format!("{bindir}/{name}"));
    let mut steps = vec![Step::new(
        "Look whether the backup is whole",
        "",
        vec![format!(
            "pgreeve-backup verify --in={} --name={}",
            shell(&directory.path().display().to_string()),
            shell(&dump.name)
        )],
    )];
    if let Some(globals) = globals {
        let note = "On a new server only; roles that are there already are reported as errors and stay as they are.";
        steps.push(Step::new(
            "Bring back roles and tablespaces",
            note,
            vec![format!("{} -X -d postgres -f {}", bin("psql"), path(globals))],
        ));
    }
    let database = dump.database.as_deref().unwrap_or("postgres");
    let conninfo = shell(&format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'")));
    let note = format!(
        "The server must not have a database {database:?}: rename the damaged one first (ALTER DATABASE … RENAME TO …), never restore over it."
    );
    let payload = path(&directory.join(&dump.payload));
    steps.push(match shape.filter(|_| database.contains(['\n', '\r'])) {
        None => Step::new(
            "Restore the database under its own name",
            note,
            vec![format!("{} --create --exit-on-error --dbname=postgres {payload}", bin("pg_restore"))],
        ),
        Some(shape) => {
            let create = format!("CREATE DATABASE {} {}", identifier(database), options(shape, dump.server.major));
            let more = "pg_restore --create refuses a name of more than one line, so it is made by hand: owner, privileges and settings of the database itself \
                        (caveats of the backup) have to be set again.";
            Step::new(
                "Make the database and restore into it",
                format!("{note} {more}"),
                vec![
                    format!("{} -X -d postgres -c {}", bin("psql"), shell(&create)),
                    format!("{} --exit-on-error --dbname={conninfo} {payload}", bin("pg_restore")),
                ],
            )
        }
    });
    steps.push(Step::new(
        "Gather statistics, without which every plan is bad",
        "",
        vec![format!("{} --analyze-in-stages {conninfo}", bin("vacuumdb"))],
    ));
    steps
}

/// A command of one line that prints lines: what is pasted with blanks in front still works.
fn print_lines(lines: &[String]) -> String {
    let words: String = lines.iter().map(|line| format!(" {}", shell(line))).collect();
    format!("printf '%s\\n'{words}")
}

/// One word of the shell.
fn shell(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-=+:,@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else if text.contains(char::is_control) {
        // So that a line stays a line.
        let escaped = text.chars().map(|c| match c {
            '\'' | '\\' => format!("\\{c}"),
            c if c.is_ascii_control() => format!("\\x{:02x}", u32::from(c)),
            c => c.to_string(),
        });
        format!("$'{}'", escaped.collect::<String>())
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A value in postgresql.conf.
fn setting(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::{setting, shell};

    #[test]
    fn words_of_the_shell_and_of_the_configuration_come_back_as_they_were() {
        assert_eq!(shell("/var/backups/full-My=20App"), "/var/backups/full-My=20App");
        assert_eq!(shell("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(shell("two\nlines 'x'"), "$'two\\x0alines \\'x\\''");
        assert_eq!(setting("cp '/wal'/%f"), "'cp ''/wal''/%f'");
    }
}
