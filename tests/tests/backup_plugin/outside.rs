//! pgBackRest and Barman make the backups, and theirs are judged: the real programs, where they are installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Options, Server, run_as_server_user};

use crate::bed::{look, told};

/// A directory that the servers' user and the agent's both use.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    place
}

/// Whether a program is installed; tests of what is not there have nothing to say.
fn installed(program: &str) -> bool {
    let there = Path::new(program).is_file();
    if !there {
        println!("skipped: {program} is not installed (apt-get install pgbackrest barman)");
    }
    there
}

fn good(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// An agent that has nothing but these commands, and may run them.
fn agent(commands: &[(&str, &[&str])], settings: &str) -> Agent {
    let tables: String = commands
        .iter()
        .map(|(name, run)| {
            format!("[command.{name}]\nrun = {run:?}\neffect = \"read\"\npass_env = [\"PATH\", \"HOME\"]\n")
        })
        .collect();
    let names: Vec<&str> = commands.iter().map(|(name, _)| *name).collect();
    Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n{tables}[plugin.backup]\npath = \"PLUGINS/backup.wasm\"\n[job.backup]\nplugin = \"backup\"\n\
         schedule = \"@daily\"\ngrant = {{ commands = {names:?} }}\nsettings = {{ {settings} }}\n"
    ))
}

const PGBACKREST: &str = "/usr/bin/pgbackrest";

fn pgbackrest_config(place: &Path, server: &Server) -> PathBuf {
    let config = place.join("pgbackrest.conf");
    let text = format!(
        "[global]\nrepo1-path={0}/repo\nlog-path={0}\nlock-path={0}/lock\nlog-level-file=off\narchive-timeout=20\n[main]\npg1-path={1}\npg1-port={2}\npg1-socket-path={3}\npg1-user=postgres\n",
        place.display(),
        server.data_dir().display(),
        server.port(),
        server.socket_dir().display()
    );
    fs::write(&config, text).unwrap();
    config
}

#[test]
fn pgbackrest_is_judged_by_what_it_says_of_its_stanzas() {
    if !installed(PGBACKREST) {
        return;
    }
    let place = place();
    let config = format!("--config={}/pgbackrest.conf", place.path().display());
    let push = format!("{PGBACKREST} {config} --stanza=main archive-push %p");
    let settings = [("archive_mode", "on"), ("archive_command", push.as_str())];
    let server = Server::start(Major(15), &Options { settings: &settings, ..Options::default() });
    pgbackrest_config(place.path(), &server);
    let info = [PGBACKREST, &config, "info", "--output=json"];
    let watch = |settings: &str| agent(&[("pgbackrest-info", &info)], &format!("pgbackrest = {{ {settings} }}"));
    let quiet = watch("");
    assert!(told(&look(&quiet), "outside/pgbackrest", "critical").contains("there is no stanza"));
    let run = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        if rustix::process::geteuid().is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]);
        }
        command.args([PGBACKREST, &config, "--stanza=main"]).args(arguments).output().unwrap()
    };
    good(&run(&["stanza-create"]));
    assert!(told(&look(&quiet), "outside/pgbackrest:main:repo1", "critical").contains("no valid backups"));
    good(&run(&["--type=full", "backup"]));
    let said = told(&look(&quiet), "outside/pgbackrest:main:repo1", "ok");
    assert!(said.contains("the last full one"), "{said}");
    assert_eq!(look(&quiet).status(), "ok");
    let late = watch("warning = \"1s\", full_warning = \"1s\"");
    late.check_until("backup", "a second is too long", |checked| checked.status() == "warning");
    good(&run(&["--type=diff", "backup"]));
    told(&look(&watch("full_warning = \"1s\", warning = \"1h\"")), "outside/pgbackrest:main:repo1", "warning");
    assert!(
        told(&look(&watch("expect = [\"other\"]")), "outside/pgbackrest:other", "critical").contains("no such stanza")
    );
    fs::rename(place.path().join("repo/backup/main/backup.info"), place.path().join("away")).unwrap();
    fs::rename(place.path().join("repo/backup/main/backup.info.copy"), place.path().join("away.copy")).unwrap();
    told(&look(&quiet), "outside/pgbackrest:main:repo1", "critical");
    fs::remove_file(place.path().join("pgbackrest.conf")).unwrap();
    assert!(told(&look(&quiet), "outside/pgbackrest", "unknown").contains("failed"));
}

#[test]
fn backups_of_the_cluster_before_an_upgrade_are_none_of_the_present_one() {
    if !installed(PGBACKREST) {
        return;
    }
    let place = place();
    let config = format!("--config={}/pgbackrest.conf", place.path().display());
    let push = format!("{PGBACKREST} {config} --stanza=main archive-push %p");
    let settings = [("archive_mode", "on"), ("archive_command", push.as_str())];
    let options = Options { settings: &settings, own_system_identifier: true, ..Options::default() };
    let run = |arguments: &[&str]| {
        let mut command = Command::new(PGBACKREST);
        command.args([&config, "--stanza=main"]).args(arguments);
        run_as_server_user(command.current_dir("/")).output().unwrap()
    };
    let info = [PGBACKREST, &config, "info", "--output=json"];
    let agent = agent(&[("pgbackrest-info", &info)], "pgbackrest = {}");
    {
        let before = Server::start(Major(15), &options);
        pgbackrest_config(place.path(), &before);
        good(&run(&["stanza-create"]));
        good(&run(&["--type=full", "backup"]));
        told(&look(&agent), "outside/pgbackrest:main:repo1", "ok");
    }
    let after = Server::start(Major(15), &options);
    pgbackrest_config(place.path(), &after);
    good(&run(&["stanza-upgrade"]));
    let said = told(&look(&agent), "outside/pgbackrest:main:repo1", "critical");
    assert!(said.contains("no good backup"), "{said}");
    good(&run(&["--type=full", "backup"]));
    told(&look(&agent), "outside/pgbackrest:main:repo1", "ok");
}

const BARMAN: &str = "/usr/bin/barman";

#[test]
fn barman_is_judged_by_its_own_checks_and_by_the_age_of_its_backups() {
    if !installed(BARMAN) {
        return;
    }
    let place = place();
    let server = Server::start(Major(15), &Options { segment_mb: 16, ..Options::default() });
    let config = place.path().join("barman.conf");
    let dsn = server.dsn("postgres", "postgres");
    let text = format!(
        "[barman]\nbarman_user = {}\nbarman_home = {home}\nbarman_lock_directory = {home}\nlog_file = {home}/log\n\
         path_prefix = /usr/lib/postgresql/15/bin\n[main]\ndescription = main\nconninfo = {dsn}\nstreaming_conninfo = {dsn}\nbackup_method = postgres\n\
         streaming_archiver = on\nslot_name = barman\ncreate_slot = auto\n",
        whoami(),
        home = place.path().display()
    );
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let list = [BARMAN, "-c", config, "--format=json", "list-backups", "all"];
    let check = [BARMAN, "-c", config, "--format=json", "check", "all"];
    let watch = |settings: &str| {
        agent(&[("barman-list", &list), ("barman-check", &check)], &format!("barman = {{ {settings} }}"))
    };
    let agent = watch("");
    let said = told(&look(&agent), "outside/barman:main", "critical");
    assert!(said.contains("barman check fails"), "{said}");
    let barman = |arguments: &[&str]| Command::new(BARMAN).args(["-c", config]).args(arguments).output().unwrap();
    good(&barman(&["receive-wal", "--create-slot", "main"]));
    // The receiver runs until it is stopped.
    let mut receiver = Command::new(BARMAN).args(["-c", config, "receive-wal", "main"]).spawn().unwrap();
    server.wait_until("WAL is received", || {
        server.holds("SELECT active FROM pg_replication_slots WHERE slot_name = 'barman'")
    });
    server.exec("CREATE TABLE t (n int); INSERT INTO t VALUES (1)");
    server.exec("SELECT pg_switch_wal()");
    server.wait_for("a segment is taken in", Duration::from_secs(150), || {
        barman(&["cron"]).status.success() && barman(&["check", "main"]).status.success()
    });
    assert!(told(&look(&agent), "outside/barman:main", "critical").contains("no good backup"));
    good(&barman(&["backup", "main"]));
    told(&look(&agent), "outside/barman:main", "ok");
    told(&look(&watch("critical = \"1h\", warning = \"1ms\"")), "outside/barman:main", "warning");
    assert!(told(&look(&watch("expect = [\"other\"]")), "outside/barman:other", "critical").contains("knows nothing"));
    let _ = barman(&["receive-wal", "--stop", "main"]);
    let _ = receiver.wait();
    assert!(told(&look(&agent), "outside/barman:main", "critical").contains("receive-wal"));
}

fn whoami() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
