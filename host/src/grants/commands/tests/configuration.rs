//! What an operator can write wrong, and that the error names the key.

use std::{path::PathBuf, time::Duration};

use super::{super::Section, Effect, Kind, command, parameters, reading, text};

fn path() -> Kind {
    Kind::Path { directory: "backups".to_owned(), root: PathBuf::from("/var/backups") }
}

/// A command with one parameter `x`.
fn with(run: &[&str], kind: Kind) -> Section {
    Section { parameters: parameters(&[("x", kind)]), ..reading(run) }
}

fn choice(words: &[&str]) -> Kind {
    Kind::Choice(words.iter().map(|word| (*word).to_owned()).collect())
}

#[test]
fn a_mistake_is_an_error_that_begins_with_its_key() {
    let plain = || reading(&["/bin/true"]);
    let env = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    let to_file =
        |stdout: &str, effect| Section { stdout: Some(stdout.to_owned()), effect, ..with(&["/bin/true"], path()) };
    let cases: Vec<(Section, &str)> = vec![
        (reading(&[]), "run: is empty"),
        (reading(&["true"]), "run: \"true\" is no absolute path"),
        (reading(&["bin/true"]), "run: \"bin/true\" is no absolute path"),
        (reading(&["/bin/"]), "run: \"/bin/\" is no absolute path"),
        (with(&["/bin/{x}"], text()), "run: the program \"/bin/{x}\" is not for a placeholder"),
        (reading(&["/bin/true", "{x"]), "run: \"{x\" has a { without its }"),
        (reading(&["/bin/true", "x}"]), "run: \"x}\" has a } without its {"),
        (reading(&["/bin/true", "{}"]), "run: \"{}\" has a placeholder \"\""),
        (reading(&["/bin/true", "{a b}"]), "run: \"{a b}\" has a placeholder \"a b\""),
        (reading(&["/bin/true", "{{{x}"]), "run: {x} is not declared"),
        (reading(&["/bin/true", "a\0b"]), "run: \"a\\0b\" holds a NUL"),
        (with(&["/bin/true"], text()), "parameters.x: is used neither"),
        (with(&["/bin/true", "{x}"], Kind::Text { longest: 0 }), "parameters.x: a text of at most 0"),
        (with(&["/bin/true", "{x}"], Kind::Text { longest: 1 << 20 }), "parameters.x: a text of at most"),
        (with(&["/bin/true", "{x}"], Kind::Integer { least: 2, most: 1 }), "parameters.x: no integer"),
        (with(&["/bin/true", "{x}"], choice(&[])), "parameters.x: a choice of nothing"),
        (with(&["/bin/true", "{x}"], choice(&["a", "-b"])), "parameters.x: \"-b\" begins with -"),
        (with(&["/bin/true", "{x}"], choice(&["a\nb"])), "parameters.x: \"a\\nb\" is empty or holds"),
        (
            with(&["/bin/true", "{x}"], Kind::Path { directory: "b".to_owned(), root: PathBuf::from("b") }),
            "parameters.x: [files.b] is at b",
        ),
        (with(&["/bin/true", "-{x}"], text()), "run: {x} would complete the name of an option"),
        (with(&["/bin/true", "--{x}"], text()), "run: {x} would complete"),
        (with(&["/bin/true", "--no-{x}"], Kind::Identifier), "run: {x} would complete"),
        (with(&["/bin/true", "--no-{x}=1"], Kind::Identifier), "run: {x} would complete"),
        (
            Section {
                parameters: parameters(&[("m", choice(&["a"])), ("x", text())]),
                ..reading(&["/bin/true", "--{m}{x}=1"])
            },
            "run: {x} would complete",
        ),
        (to_file("{y}", Effect::Write), "stdout: \"{y}\" is no placeholder of kind"),
        (to_file("a{x}", Effect::Write), "stdout: \"a{x}\" is no placeholder of kind"),
        (to_file("{x}", Effect::Read), "stdout: a file is written"),
        (Section { env: env("A=B", "1"), ..plain() }, "env: \"A=B\" is no name"),
        (Section { env: env("A", "1\0"), ..plain() }, "env.A: holds a NUL"),
        (Section { env: env("PGPASSWORD", "x"), ..plain() }, "env.PGPASSWORD: secrets never stand"),
        (Section { pass_env: vec![String::new()], ..plain() }, "pass_env: \"\" is no name"),
        (Section { env: env("A", "1"), pass_env: vec!["A".to_owned()], ..plain() }, "pass_env: A stands in `env` too"),
        (Section { directory: PathBuf::from("x"), ..plain() }, "directory: x is no absolute path"),
        (Section { timeout: Some(Duration::ZERO), ..plain() }, "timeout: is more than nothing"),
        (Section { timeout: Some(Duration::MAX), ..plain() }, "timeout: is more than nothing"),
    ];
    for (section, expected) in cases {
        let run = section.run.clone();
        let error = super::Command::new(section).map(|_| ()).unwrap_err();
        assert!(error.starts_with(expected), "{run:?}: {error}");
    }
}

#[test]
fn no_placeholder_stands_in_what_a_shell_runs() {
    let refused: [&[&str]; 12] = [
        &["/bin/sh", "-c", "ls {x}"],
        &["/bin/bash", "-c", "{x}"],
        &["/bin/bash", "-lc", "ls '{x}'"],
        &["/bin/bash", "-c", "-e", "ls {x}"],
        &["/bin/bash", "-o", "pipefail", "-c", "ls {x}"],
        &["/bin/bash", "-c", "-o", "pipefail", "{x}"],
        &["/bin/bash", "--rcfile", "/dev/null", "-c", "{x}"],
        &["/bin/bash", "-o", "{x}", "-c", "ls"],
        &["/bin/sh", "--", "{x}"],
        &["/bin/sh", "{x}"],
        &["/usr/local/bin/zsh", "-ec", "ls {x}"],
        &["/bin/busybox", "sh", "-c", "ls {x}"],
    ];
    for run in refused {
        let error = super::Command::new(with(run, text())).map(|_| ()).unwrap_err();
        assert!(error.contains("where a value becomes code"), "{run:?}: {error}");
    }
    let fine: [&[&str]; 4] = [
        &["/bin/sh", "-c", "ls -- \"$1\"", "sh", "{x}"],
        &["/bin/bash", "-o", "pipefail", "-c", "ls -- \"$1\"", "sh", "{x}"],
        &["/bin/sh", "/opt/report.sh", "--name={x}"],
        &["/bin/busybox", "ls", "{x}"],
    ];
    for run in fine {
        command(with(run, text()));
    }
}

#[test]
fn words_of_the_operator_may_complete_an_option() {
    command(with(&["/bin/true", "--{x}-only"], choice(&["schema", "data"])));
    command(Section {
        parameters: parameters(&[("m", choice(&["a"])), ("x", text())]),
        ..reading(&["/bin/true", "--{m}={x}"])
    });
    command(with(&["/bin/true", "-j{x}"], Kind::Integer { least: 1, most: 9 }));
    command(with(&["/bin/true", "--name={x}"], text()));
}

#[test]
fn a_kind_is_one_of_three_words() {
    assert_eq!(Kind::named("identifier").unwrap(), Kind::Identifier);
    assert_eq!(Kind::named("text").unwrap(), Kind::Text { longest: 1024 });
    assert_eq!(Kind::named("integer").unwrap(), Kind::Integer { least: i64::MIN, most: i64::MAX });
    assert!(Kind::named("string").unwrap_err().contains("\"string\" is no kind"));
}

#[test]
fn what_surrounds_a_command_is_told_without_a_secret() {
    let around = |section| command(section).surroundings();
    assert_eq!(around(reading(&["/bin/true"])), None);
    let env = [("PGPORT", "5432"), ("TOKEN", "hush"), ("PGHOST", "/run")];
    let full = Section {
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        pass_env: vec!["PGPASSFILE".to_owned()],
        directory: "/srv".into(),
        ..reading(&["/bin/true"])
    };
    // printf hush | sha256sum
    let told = "PGHOST=/run PGPORT=5432 TOKEN=#dc8331bc PGPASSFILE of the agent in /srv";
    assert_eq!(around(full).as_deref(), Some(told));
}
