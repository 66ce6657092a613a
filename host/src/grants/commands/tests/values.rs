//! Which values fill a placeholder, and that none of them changes the shape of the argument vector.

use std::{ffi::OsString, os::unix::ffi::OsStrExt as _, path::PathBuf};

use super::{
    super::{Place, Refused, fill, policy},
    Command, Effect, Kind, arguments, command, parameters, reading, text,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Fine,
    Invalid,
    Denied,
}
use Verdict::{Denied, Fine, Invalid};

fn verdict(command: &Command, value: &str) -> (Verdict, String) {
    match fill(command, &arguments(&[("x", value)])) {
        Ok(filled) => (Fine, format!("{:?}", filled.argv)),
        Err(Refused::Invalid(why)) => (Invalid, why),
        Err(Refused::Denied(why)) => (Denied, why),
    }
}

fn one(run: &[&str], kind: Kind) -> Command {
    command(super::Section { parameters: parameters(&[("x", kind)]), ..reading(run) })
}

fn backups() -> Kind {
    Kind::Path { directory: "backups".to_owned(), root: PathBuf::from("/var/backups") }
}

#[test]
fn a_text_is_data_or_refused() {
    let whole = one(&["/bin/echo", "{x}"], text());
    let after_dashes = one(&["/bin/echo", "--", "{x}"], text());
    let leading = one(&["/bin/echo", "{x}.sql"], text());
    let attached = one(&["/bin/echo", "--title={x}"], text());
    // The value, and the verdict where it begins an argument and where it is attached to an option.
    let cases = [
        ("plain", Fine, Fine),
        ("two words", Fine, Fine),
        (" ", Fine, Fine),
        ("-o", Denied, Fine),
        ("-", Denied, Fine),
        ("--", Denied, Fine),
        ("--file=/etc/passwd", Denied, Fine),
        ("$(id)", Fine, Fine),
        ("`id`", Fine, Fine),
        (";rm -rf /", Fine, Fine),
        ("a|b&c>d<e", Fine, Fine),
        ("'\"\\", Fine, Fine),
        ("*", Fine, Fine),
        ("~", Fine, Fine),
        ("{x}", Fine, Fine),
        ("%s%n", Fine, Fine),
        ("\u{2013}o", Fine, Fine), // en dash
        ("\u{2212}o", Fine, Fine), // minus sign
        ("\u{ff0d}o", Fine, Fine), // full-width hyphen
        ("", Invalid, Invalid),
        ("a\0b", Invalid, Invalid),
        ("a\nb", Invalid, Invalid),
        ("a\rb", Invalid, Invalid),
        ("a\tb", Invalid, Invalid),
        ("\u{1b}[31m", Invalid, Invalid),
        ("a\u{85}b", Invalid, Invalid),
        ("a\u{2028}b", Invalid, Invalid),
        ("a\u{7f}", Invalid, Invalid),
        (&"x".repeat(1024), Fine, Fine),
        (&"x".repeat(1025), Denied, Denied),
        (&"ä".repeat(513), Denied, Denied),
    ];
    for (value, begins, is_attached) in cases {
        for command in [&whole, &after_dashes, &leading] {
            assert_eq!(verdict(command, value).0, begins, "{value:?}: {}", verdict(command, value).1);
        }
        assert_eq!(verdict(&attached, value).0, is_attached, "{value:?}: {}", verdict(&attached, value).1);
    }
}

#[test]
fn an_identifier_is_nothing_else() {
    let command = one(&["/bin/echo", "{x}"], Kind::Identifier);
    for value in ["app", "_app", "App_2", "my-app", "a$b", &"a".repeat(63)] {
        assert_eq!(verdict(&command, value).0, Fine, "{value}");
    }
    let refused = [
        "-a",
        "2a",
        "a b",
        "a=b",
        "a.b",
        "a*",
        "a\"b",
        "a/b",
        "..",
        "host=evil",
        "postgres://h/d",
        "ä",
        &"a".repeat(64),
    ];
    for value in refused {
        assert_eq!(verdict(&command, value).0, Denied, "{value}");
    }
}

#[test]
fn an_integer_is_written_one_way() {
    let any = one(&["/bin/echo", "--n={x}"], Kind::named("integer").unwrap());
    let few = one(&["/bin/echo", "{x}"], Kind::Integer { least: -5, most: 16 });
    for value in ["0", "-1", "9223372036854775807", "-9223372036854775808"] {
        assert_eq!(verdict(&any, value).0, Fine, "{value}");
    }
    for value in ["+1", "01", "-0", " 1", "1 ", "1.0", "1e3", "0x10", "9223372036854775808", "one", "١", "1,000"] {
        assert_eq!(verdict(&any, value).0, Invalid, "{value}");
    }
    for (value, expected) in [("1", Fine), ("16", Fine), ("17", Denied), ("-6", Denied), ("-5", Denied)] {
        assert_eq!(verdict(&few, value).0, expected, "{value}: a negative number would be an option here");
    }
}

#[test]
fn a_choice_is_one_of_its_words() {
    let command = one(&["/bin/echo", "--{x}-only"], Kind::Choice(vec!["schema".to_owned(), "data".to_owned()]));
    assert_eq!(verdict(&command, "schema"), (Fine, r#"["/bin/echo", "--schema-only"]"#.to_owned()));
    for value in ["Schema", "schema ", "no-data", "schema,data"] {
        let (verdict, why) = verdict(&command, value);
        assert_eq!(verdict, Denied);
        assert!(why.contains("add it to x in `parameters` under [command.tried] in agent.toml"), "{why}");
    }
}

#[test]
fn a_path_stays_in_its_directory() {
    let command = one(&["/bin/cat", "{x}"], backups());
    for value in ["a", "a/b.dump", "...", "a..b", "..a/b", "-rf", "~", "$HOME", "a b"] {
        let filled = fill(&command, &arguments(&[("x", value)])).unwrap();
        let place = Place { root: PathBuf::from("/var/backups"), relative: value.into() };
        assert_eq!(filled.argv, ["/bin/cat".into(), OsString::from(format!("/var/backups/{value}"))]);
        assert_eq!(filled.paths, [place]);
    }
    let refused = [
        "/etc/passwd",
        "//a",
        "..",
        "../a",
        "a/..",
        "a/../../b",
        ".",
        "./a",
        "a/.",
        "a//b",
        "a/",
        ".a.pgreeve-partial-1-0",
        &"a".repeat(201),
        &"a/".repeat(513),
    ];
    for value in refused {
        assert_eq!(verdict(&command, value).0, Denied, "{value}: {}", verdict(&command, value).1);
    }
    assert_eq!(verdict(&command, "a\0/../b").0, Invalid);
}

#[test]
fn every_argument_is_given_once_and_is_known() {
    let command = command(super::Section {
        parameters: parameters(&[("a", text()), ("b", text())]),
        ..reading(&["/bin/echo", "{a}", "{b}{a}", "{{a}}"])
    });
    let cases = [
        (&[("b", "2"), ("a", "1")][..], Ok(["/bin/echo", "1", "21", "{a}"])),
        (&[("a", "1")], Err("lacks its argument \"b\"")),
        (&[], Err("lacks its argument")),
        (&[("a", "1"), ("b", "2"), ("a", "1")], Err("got its argument \"a\" twice")),
        (&[("a", "1"), ("b", "2"), ("c", "3")], Err("has no argument \"c\": it takes a, b")),
        (&[("a", "1"), ("b", "2"), ("A", "3")], Err("has no argument \"A\"")),
        (&[("a", "1"), ("b", "-2")], Err("which a program can take for an option")),
    ];
    for (given, expected) in cases {
        let filled = fill(&command, &arguments(given)).map(|filled| filled.argv).map_err(|why| why.to_string());
        match expected {
            Ok(argv) => assert_eq!(filled.unwrap(), argv.map(OsString::from)),
            Err(part) => assert!(filled.as_ref().unwrap_err().contains(part), "{filled:?}"),
        }
    }
}

#[test]
fn a_command_that_writes_is_not_for_observing() {
    let command = super::command(super::Section { effect: Effect::Write, ..reading(&["/bin/true"]) });
    let Refused::Denied(why) = policy::observes(&command).unwrap_err() else { panic!("not a denial") };
    assert!(why.contains("add effect = \"read\" under [command.tried] in agent.toml"), "{why}");
}

#[test]
fn a_message_shows_a_long_or_forging_value_short_and_escaped() {
    let command = one(&["/bin/echo", "{x}"], Kind::Identifier);
    let (_, why) = verdict(&command, &"\u{202e}x".repeat(5000));
    assert!(why.len() < 800 && !why.contains('\u{202e}'), "{why}");
    let name = "n\n".repeat(5000);
    let why = fill(&command, &arguments(&[(&name, "v")])).unwrap_err().to_string();
    assert!(why.len() < 400 && !why.contains('\n'), "{why}");
}

/// Whatever fills the template: as many arguments, the literal text in its place, no option, no way out.
#[test]
fn no_value_changes_the_shape_of_the_vector() {
    let command = command(super::Section {
        parameters: parameters(&[
            ("t", text()),
            ("i", Kind::Identifier),
            ("n", Kind::named("integer").unwrap()),
            ("p", backups()),
        ]),
        ..reading(&["/bin/tool", "--fixed", "{t}", "{i}", "--n={n}", "{p}", "--t={t}:{i}", "--", "{t}{i}"])
    });
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut filled, mut refused) = (0, 0);
    for _ in 0..200_000 {
        let values = [("t", random.value()), ("i", random.value()), ("n", random.value()), ("p", random.value())];
        let given: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let Ok(result) = fill(&command, &arguments(&given)) else {
            refused += 1;
            continue;
        };
        filled += 1;
        let [(_, t), (_, i), (_, n), (_, p)] = &values;
        let expected = [
            "/bin/tool".to_owned(),
            "--fixed".to_owned(),
            t.clone(),
            i.clone(),
            format!("--n={n}"),
            format!("/var/backups/{p}"),
            format!("--t={t}:{i}"),
            "--".to_owned(),
            format!("{t}{i}"),
        ];
        assert_eq!(result.argv, expected.map(OsString::from), "{values:?}");
        for index in [2, 3, 5, 8] {
            assert!(!result.argv[index].as_bytes().starts_with(b"-"), "{values:?}");
        }
        let mut depth = 0;
        for part in p.split('/') {
            depth += if part == ".." { -1 } else { 1 };
            assert!(depth > 0 && !part.is_empty(), "{values:?}");
        }
        assert!(result.argv.iter().all(|argument| !argument.as_bytes().contains(&0)), "{values:?}");
    }
    assert!(filled > 1_000 && refused > 1_000, "{filled} filled, {refused} refused: the values try too little");
}

/// The same numbers each time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    /// One to four pieces, harmless ones more often.
    fn value(&mut self) -> String {
        const PIECES: [&str; 32] = [
            "a", "b", "app", "_x", "7", "12", "c", "d", "1", "3", "-", "--", "..", ".", "/", "=", " ", "{t}", "$", "`",
            ";", "\n", "\0", "~", "*", "'", "\u{2013}", "../", "%", "\\", "ä", "",
        ];
        let count = 1 + self.below(3);
        let known = if self.below(3) == 0 { PIECES.len() } else { 10 };
        (0..count).map(|_| PIECES[self.below(known)]).collect()
    }
}
