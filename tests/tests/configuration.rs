//! What an operator sees of a configuration: every mistake in one go, with its place and the fix.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;

use pgreeve_tests::agent::Agent;
use serde_json::Value;

const GOOD: &str = r#"[agent]
state_dir = "STATE"
[postgres.main]
dsn = "host=/nowhere dbname=app user=observer"
[plugin.quiet]
path = "PLUGINS/quiet.wasm"
[plugin.replication]
path = "PLUGINS/replication.wasm"
[job.lag]
plugin = "replication"
schedule = "*/5 * * * *"
grant = { postgres = ["main"] }
"#;

/// `line:column` and message of each mistake.
fn mistakes(config: &str) -> Vec<(String, String, String)> {
    let output = Agent::new(config).run(&["validate", "--format", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(i32::from(answer["valid"] == false)), "{answer:#}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let problems = answer["problems"].as_array().unwrap().iter();
    problems.map(|it| (format!("{}:{}", it["line"], it["column"]), text(&it["message"]), text(&it["fix"]))).collect()
}

#[test]
fn a_good_file_has_no_mistakes() {
    assert_eq!(mistakes(GOOD), []);
}

#[test]
fn the_reference_configuration_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let reference = std::fs::read_to_string(root.join("agent.toml")).unwrap();
    let here = reference.replace("target/plugins", "PLUGINS").replace("/var/lib/pgreeve", "STATE");
    assert_eq!(mistakes(&here), []);
}

#[test]
fn what_is_said_of_a_login_for_actions_that_is_not_there_is_a_mistake() {
    for (line, place, key) in [
        ("act_allow_superuser = true", "5:23", "act_allow_superuser"),
        ("act_password_file = \"x\"", "5:21", "act_password_file"),
        ("act_password_env = \"X\"", "5:20", "act_password_env"),
    ] {
        let with = |line: &str| GOOD.replace("[plugin.quiet]", &format!("{line}\n[plugin.quiet]"));
        let about = |config: &str| {
            let found = mistakes(config).into_iter();
            found.filter(|(_, message, _)| message.contains(key) && message.contains("no act_dsn")).collect::<Vec<_>>()
        };
        let found = about(&with(line));
        assert_eq!(found.len(), 1, "{line}");
        assert_eq!(found[0].0, place, "{line}");
        assert!(found[0].2.contains("act_dsn = ") && found[0].2.contains(&format!("remove {key}")), "{found:?}");
        assert_eq!(about(&with(&format!("act_dsn = \"host=/nowhere dbname=app user=actor\"\n{line}"))), [], "{line}");
    }
    assert_eq!(mistakes(&GOOD.replace("[plugin.quiet]", "act_allow_superuser = false\n[plugin.quiet]")), []);
}

#[test]
fn every_mistake_is_reported_in_one_go_with_its_place_and_the_fix() {
    let config = r#"[agent]
state_dir = "STATE"
max_runing = 3
history_age = "30"
timezone = "Europe/Berlim"
[limits]
memory = "64"
wall = 60
[postgres.main]
dsn = "host=/nowhere dbname=app user=observer password=secret"
[postgres.other]
dsn = "host=/nowhere"
[plugin.replication]
path = "PLUGINS/replication.wasm"
[plugin.quiet]
path = "PLUGINS/quiet.wasm"
[plugin.gone]
path = "PLUGINS/gone.wasm"
[job.cron]
plugin = "replication"
schedule = "61 * * * *"
grant = { postgres = ["other"] }
[job.name]
plugin = "replicaton"
schedule = "@daily"
[job.scope]
plugin = "replication"
schedule = "@daily"
grant = { postgres = ["othr"] }
[job.unwanted]
plugin = "quiet"
schedule = "@daily"
grant = { postgres = ["other"] }
[job.ungranted]
plugin = "replication"
schedule = "@daily"
[job.settings]
plugin = "replication"
schedule = "@daily"
grant = { postgres = ["other"] }
settings = { lag_warning = 5, lag_crit = "3s" }
[jobs.typo]
plugin = "quiet"
"#;
    let found = mistakes(config);
    for (place, message, fix) in [
        ("3:1", "max_runing", "max_running"),
        ("4:15", "not a duration", "30s"),
        ("5:12", "Berlim", "Europe/Berlin"),
        ("7:10", "no unit", "64MiB"),
        ("8:8", "must be a string", "…"),
        ("10:7", "password", ""),
        ("18:8", "gone.wasm", "plugin build"),
        ("21:12", "minute", "crontab"),
        ("24:10", "replicaton", "\"replication\""),
        ("29:23", "othr", "\"other\""),
        ("33:23", "does not want", "remove"),
        ("34:1", "does not grant postgres", "grant = "),
        ("41:28", "lag_warning", ""),
        ("41:31", "lag_crit", "lag_critical"),
        ("42:2", "jobs", "job"),
    ] {
        let there = found.iter().any(|(at, said, how)| at == place && said.contains(message) && how.contains(fix));
        assert!(there, "no mistake at {place} about {message:?} with {fix:?} among {found:#?}");
    }
}

#[test]
fn a_mistake_in_one_key_does_not_hide_those_in_others() {
    let config = r#"[agent]
state_dir = "STATE"
history_age = "10ns"
[limits]
wall = "0s"
[postgres.main]
dsn = "host=/nowhere"
[postgres.other]
dns = "host=/nowhere"
lock_timeout = "0s"
[plugin.replication]
path = "PLUGINS/replication.wasm"
[job.a]
plugin = "replication"
schedule = "61 * * * *"
grant = { postgres = ["mian"] }
settings = { lag_warnin = "2s" }
[job.b]
plugin = "nope"
schedule = "@daily"
grant = { postgres = ["mian"] }
[job.c]
plugin = "replication"
schedule = "@daily"
grant = { postgres = [] }
[job.d]
plugin = "replication"
schedule = "@daily"
grant = { postgres = ["main", "main"] }
"#;
    let found = mistakes(config);
    for (place, message) in [
        ("3:15", "below"),
        ("5:8", "below"),
        ("8:1", "lacks dsn"),
        ("9:1", "dns"),
        ("10:16", "below"),
        ("15:12", "minute"),
        ("16:23", "mian"),
        ("17:14", "lag_warnin"),
        ("19:10", "nope"),
        ("21:23", "mian"),
        ("25:9", "the grant of postgres names nothing"),
        ("29:31", "twice"),
    ] {
        assert!(
            found.iter().any(|(at, said, _)| at == place && said.contains(message)),
            "{place} {message}: {found:#?}"
        );
    }
    assert!(found.iter().all(|(_, _, fix)| !fix.is_empty()), "{found:#?}");
}

#[test]
fn a_syntax_error_has_its_place_too() {
    let found = mistakes("[agent]\nstate_dir = \"STATE\"\n[job.x\nplugin = \"quiet\"\n");
    assert!(found.iter().any(|(at, ..)| at.starts_with("3:")), "{found:?}");
}

#[test]
fn a_file_that_is_not_there_is_said_and_is_no_answer_of_a_check() {
    let agent = Agent::new(GOOD);
    std::fs::remove_file(agent.config()).unwrap();
    for (arguments, code) in [(&["validate"][..], 1), (&["check", "lag"][..], 3), (&["run"][..], 1)] {
        let output = agent.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("agent.toml") && said.contains("No such file"), "{said}");
    }
}

#[test]
fn a_usage_error_is_no_answer_of_a_check_either() {
    for (arguments, code) in [
        (&["check"][..], 3),
        (&["check", "lag", "--nonsense"][..], 3),
        (&["nonsense"][..], 64),
        (&["check", "other"][..], 3),
    ] {
        assert_eq!(Agent::new(GOOD).run(arguments).status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn what_the_plugin_itself_finds_wrong_is_reported_too() {
    let config = "[agent]\nstate_dir = \"STATE\"\n[plugin.m]\npath = \"PLUGINS/misbehaves.wasm\"\n[job.m]\nplugin = \"m\"\nschedule = \"@daily\"\n\
        settings = { how = \"nothing\" }\n";
    let found = mistakes(config);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "8:20");
    assert!(found[0].1.contains("saying nothing is no setting"), "{found:?}");
}

#[test]
fn a_plugin_that_is_not_the_pinned_one_is_refused() {
    let pinned = GOOD.replace("quiet.wasm\"", &format!("quiet.wasm\"\nsha256 = \"{}\"", "0".repeat(64)));
    let found = mistakes(&pinned);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.contains("not the pinned"), "{found:?}");
}

#[test]
fn mistakes_in_what_can_be_granted_have_their_places() {
    let config = r#"[agent]
state_dir = "STATE"
[http.app]
origin = "http://127.0.0.1:8000/path"
allow = ["GET health", "FETCH /health"]
headers = { host = "x", authorization = "Bearer open" }
timeout = "0s"
[http.meta]
origin = "http://169.254.169.254"
allow = ["GET /latest"]
[files.backups]
path = "backups"
[redis.cache]
url = "redis://:secret@localhost"
tls_key = "/k"
[command.shell]
run = ["/bin/sh", "-c", "echo {word}"]
parameters = { word = "text" }
[command.dump]
run = ["pg_dump", "{database}"]
parameters = { database = "identifier" }
[command.kinds]
run = ["/bin/echo", "{a}", "{b}"]
parameters = { a = "txt", b = { path = "nowhere" } }
[system]
data_directories = ["var"]
[plugin.quiet]
path = "PLUGINS/quiet.wasm"
[job.a]
plugin = "quiet"
schedule = "@daily"
grant = { http = ["ap"], system = true }
"#;
    let found = mistakes(config);
    for (place, message) in [
        ("4:10", "http.app.origin"),
        ("5:10", "GET health"),
        ("5:24", "FETCH"),
        ("6:13", "host"),
        ("6:25", "authorization"),
        ("7:11", "below 1ms"),
        ("9:10", "169.254.169.254"),
        ("11:1", "not absolute"),
        ("14:7", "no password"),
        ("15:11", "tls_key without tls_certificate"),
        ("16:1", "run: {word}"),
        ("19:1", "no absolute path"),
        ("24:20", "no kind of parameter"),
        ("24:31", "there is no [files.nowhere]"),
        ("26:21", "not an absolute path"),
        ("32:19", "there is no [http.ap]"),
        ("32:9", "grants system"),
    ] {
        assert!(
            found.iter().any(|(at, said, _)| at == place && said.contains(message)),
            "{place} {message}: {found:#?}"
        );
    }
    assert!(!format!("{found:?}").contains("Bearer open") && !format!("{found:?}").contains(":secret"), "{found:#?}");
}

#[test]
fn a_command_is_granted_under_the_name_that_the_plugin_asks_for() {
    let config = |grant: &str, rule: &str| {
        format!(
            "[agent]\nstate_dir = \"STATE\"\n[files.backups]\npath = \"/tmp\"\n\
             [command.base-17]\nrun = [\"/bin/true\"]\n[command.looks]\nrun = [\"/bin/true\"]\neffect = \"read\"\n\
             [plugin.backup]\npath = \"PLUGINS/backup.wasm\"\n[job.b]\nplugin = \"backup\"\nschedule = \"@daily\"\n\
             grant = {{ files = [\"backups\"], commands = {grant} }}\nactions = {{ {rule} = \"auto\" }}\n"
        )
    };
    let said = |grant: &str, rule: &str| {
        mistakes(&config(grant, rule))
            .into_iter()
            .map(|(_, message, fix)| format!("{message}; {fix}"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(said("{ backup-base = \"base-17\" }", "take-base"), "");
    // What the plugin does not ask for under this name is not granted, whatever command it is.
    assert!(said("[\"base-17\"]", "take-base").contains("\"backup-base\", which is not granted"));
    assert!(said("{ backup-full = \"base-17\" }", "take-base").contains("\"backup-base\", which is not granted"));
    assert!(said("{ backup-base = \"base-18\" }", "take-base").contains("there is no [command.base-18]"));
    assert!(said("{ backup-base = \"looks\" }", "take-base").contains("take effect out of [command.looks]"));
    assert!(said("{ backup-base = 1 }", "take-base").contains("must be a string"));
    assert!(said("{}", "take-base").contains("names nothing"));
}

#[test]
fn what_surrounds_the_agent_is_looked_at_by_validate() {
    let directory = tempfile::tempdir().unwrap();
    let open = directory.path().join("open");
    std::fs::write(&open, "secret").unwrap();
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let config = format!(
        "[agent]\nstate_dir = \"/etc/passwd/state\"\n[postgres.a]\ndsn = \"host=/nowhere user=me\"\npassword_file = \"/nowhere/password\"\n\
         [postgres.b]\ndsn = \"host=/nowhere user=me\"\npassword_file = {open:?}\n\
         [redis.c]\nurl = \"redis://localhost\"\npassword_env = \"PGREEVE_NO_SUCH_VARIABLE\"\n"
    );
    let found = mistakes(&config);
    let places: Vec<(&str, bool)> =
        [("2:13", "cannot"), ("5:17", "cannot read"), ("8:17", "by others"), ("11:16", "not set")]
            .map(|(place, words)| (place, found.iter().any(|(at, said, _)| at == place && said.contains(words))))
            .into();
    assert!(places.iter().all(|(_, found)| *found), "{places:?} {found:#?}");
    assert_eq!(found.len(), places.len(), "{found:#?}");
}
