//! The reference agent.toml keeps its promise: every key that there is, and with a value its default.

use super::*;

const REFERENCE: &str = include_str!("../../../agent.toml");

/// What a file means, as far as it has defaults.
fn meant(text: &str) -> Vec<String> {
    let draft = Draft::read(Path::new("/etc/pgreeve/agent.toml"), text);
    let Grantable { postgres, http, files, redis, commands, system, .. } = &draft.grantable;
    let mut meant = vec![
        format!("{:?} {:?} {:?}", draft.agent, draft.api, draft.actions),
        format!("{postgres:?} {http:?} {files:?}"),
        format!("{redis:?} {commands:?} {system:?}"),
    ];
    let jobs =
        draft.jobs.iter().map(|job| format!("{:?} {:?} {:?} {:?}", job.name.value, job.plan, job.when, job.limits));
    meant.extend(jobs);
    assert!(draft.mistakes().is_none(), "{text}");
    meant
}

/// The text without the values that a table gives to other keys than these.
fn without_values(table: &str, kept: &[&str]) -> String {
    let mut within = false;
    let lines = REFERENCE.lines().filter(|line| {
        if line.starts_with('[') {
            within = line.starts_with(&format!("[{table}]"));
        }
        let key = line.split_once(" = ").map(|(key, _)| key).filter(|key| within && is_name(key));
        key.is_none_or(|key| kept.contains(&key))
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn what_the_reference_gives_as_a_default_is_the_default() {
    for (table, own) in [
        ("agent", &[][..]),
        ("limits", &[]),
        ("actions", &[]),
        ("postgres.main", &["dsn"]),
        ("http.app", &["origin", "allow"]),
        ("files.backups", &["path"]),
        ("redis.cache", &["url"]),
        ("command.pg_controldata", &["run", "effect"]),
        ("job.replication", &["plugin", "schedule", "grant", "settings"]),
    ] {
        let bare = without_values(table, own);
        assert!(bare.len() < REFERENCE.len(), "{table} has no values of its own");
        assert_eq!(meant(&bare), meant(REFERENCE), "{table}");
    }
}

/// The keys that a table knows, as who writes another one is told.
fn known(table: &str) -> Vec<String> {
    let wrong = "zzzzzzzzzz = 1";
    let header = format!("\n[{table}]\n");
    let text = match REFERENCE.contains(&header) {
        true => REFERENCE.replacen(&header, &format!("{header}{wrong}\n"), 1),
        false => format!("{REFERENCE}{header}{wrong}\n"),
    };
    let problems = Draft::read(Path::new("agent.toml"), &text).mistakes().unwrap().problems;
    let fixes = problems.into_iter().filter_map(|problem| problem.fix);
    let told: Vec<String> = fixes.filter_map(|fix| Some(fix.split_once(" knows: ")?.1.to_owned())).collect();
    assert_eq!(told.len(), 1, "{table}: {told:?}");
    told[0].split(", ").map(str::to_owned).collect()
}

#[test]
fn every_key_stands_in_the_reference() {
    for table in [
        "agent",
        "api",
        "api.token.x",
        "limits",
        "actions",
        "postgres.x",
        "http.x",
        "files.x",
        "objects.x",
        "redis.x",
        "command.x",
        "system",
        "plugin.x",
        "job.x",
    ] {
        let kind = table.trim_end_matches(".x");
        // All tables of this kind, also those that are commented out.
        let mut within = false;
        let text: String = REFERENCE
            .lines()
            .filter(|line| {
                let bare = line.trim_start_matches("# ");
                if bare.starts_with('[') {
                    within =
                        bare.starts_with(&format!("[{kind}")) || (kind.starts_with("api") && bare.starts_with("[api"));
                }
                within
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let words: Vec<&str> =
            text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_-".contains(letter))).collect();
        for key in known(table) {
            assert!(words.contains(&key.as_str()), "the reference's tables [{kind}…] do not name {key:?}");
        }
    }
}
