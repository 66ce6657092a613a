//! The SQL of `grants`, without a server: whatever names hold, a script has the shape that it has with plain ones.

use std::sync::Arc;

use super::name::{function, qualified};
use super::script::script;
use super::wanted::{Login, Want};
use crate::grants::postgres::{Scope, Target};
use crate::plugin::manifest::{ObjectKind, Privilege, Right};

fn login(user: &str, database: &str, rights: Vec<Right>, why: &str) -> Login {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let dsn = format!("host=/run user={} dbname={}", quoted(user), quoted(database));
    let target = Target::parse(&dsn, "nobody").unwrap();
    let want = |right| Want { right, since: None, until: None, required: true, why: vec![why.to_owned()] };
    Login {
        scope: Arc::new(Scope::new("main", target.clone())),
        target,
        scopes: vec!["main".into()],
        observes: true,
        acts: false,
        wants: rights.into_iter().map(want).collect(),
        remarks: vec![why.to_owned()],
        refuses_superuser: None,
    }
}

fn on(privilege: &str, object: ObjectKind, name: &str, arguments: &[&str]) -> Right {
    let arguments = arguments.iter().map(|one| (*one).to_owned()).collect();
    Right::Privilege(Privilege { privilege: privilege.into(), object, name: name.into(), arguments })
}

/// One right of each kind, all with this name.
fn rights(name: &str) -> Vec<Right> {
    let dotted = format!("{name}.{name}");
    vec![
        Right::Member(format!("x{name}")),
        Right::Owner(name.into()),
        Right::Superuser(name.into()),
        on("CONNECT", ObjectKind::Database, &format!("y{name}"), &[]),
        on("USAGE", ObjectKind::Schema, name, &[]),
        on("SELECT", ObjectKind::Table, &dotted, &[]),
        on("SELECT", ObjectKind::Table, name, &[]),
        on("SELECT", ObjectKind::Sequence, &dotted, &[]),
        on("EXECUTE", ObjectKind::Function, &dotted, &[name, &format!("{name}[]"), &dotted]),
        on("SET", ObjectKind::Parameter, name, &[]),
    ]
}

/// A script without what stands inside of quotes and comments. A literal that is a statement itself, and a dollar-quoted body, are taken
/// apart in their turn.
fn shape(sql: &str) -> String {
    let mut shape = String::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("\\connect ") {
            let (line, after) = rest.split_once('\n').unwrap();
            assert!(line.ends_with('"'), "{line:?}");
            shape.push_str("\\connect\n");
            rest = after;
        } else if rest.starts_with("--") {
            let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
            shape.push_str("--");
            rest = &rest[end..];
        } else if rest.starts_with("$pgreeve") {
            let tag = &rest[..=rest[1..].find('$').unwrap() + 1];
            let (body, after) = rest[tag.len()..].split_once(tag).unwrap();
            shape.push_str(&format!("${}$", self::shape(body)));
            rest = after;
        } else if first == '\'' || rest.starts_with("E'") {
            let escapes = first == 'E';
            let (text, length) = unquoted(&rest[usize::from(escapes)..], '\'', escapes);
            let statement = ["CREATE ROLE ", "GRANT "].iter().any(|begin| text.starts_with(begin));
            shape.push_str(&if statement { format!("'{}'", self::shape(&text)) } else { "''".to_owned() });
            rest = &rest[length + usize::from(escapes)..];
        } else if first == '"' {
            let (_, length) = unquoted(rest, '"', false);
            shape.push('"');
            rest = &rest[length..];
        } else {
            assert!(first != '/' || !rest.starts_with("/*"), "a comment that nobody wrote: {rest}");
            shape.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    // One name or several with dots between.
    while shape.contains("\".\"") {
        shape = shape.replace("\".\"", "\"");
    }
    shape
}

/// The text within quotes at the beginning, and its length with them.
fn unquoted(text: &str, quote: char, escapes: bool) -> (String, usize) {
    let mut inner = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            assert!(escapes || quote == '"', "a backslash that depends on a setting: {text:?}");
        }
        let doubled = characters.peek().is_some_and(|(_, next)| *next == character);
        if (character == quote || (escapes && character == '\\')) && doubled {
            characters.next();
        } else if character == quote {
            return (inner, at + 1);
        } else {
            assert!(!escapes || character != '\\', "an escape that nobody wrote: {text:?}");
        }
        inner.push(character);
    }
    panic!("a quote that does not end: {text:?}");
}

const PIECES: [&str; 26] = [
    "a",
    "'",
    "''",
    "\"",
    "\"\"",
    "\\",
    "\\'",
    "$",
    "$$",
    "$pgreeve$",
    "$pgreeve0$",
    "--",
    "/*",
    "*/",
    "\n",
    "\r\n",
    ";",
    ".",
    ":",
    ":'a'",
    ":\"a\"",
    " ",
    ")",
    "ä\u{2028}",
    "\\gexec",
    "; DROP TABLE t; ",
];

#[test]
fn no_name_breaks_out_of_a_script() {
    let plain = shape(&script(&[login("u", "d", rights("n"), "w")], None, "agent.toml").unwrap());
    assert!(plain.contains("GRANT SELECT ON TABLE \" TO \""), "{plain}");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % most as u64) as usize
    };
    for _ in 0..1_500 {
        let mut hostile = || (0..=below(5)).map(|_| PIECES[below(PIECES.len())]).collect::<String>();
        let (user, name, why) = (hostile(), hostile(), hostile());
        let database: String = hostile().chars().filter(|character| !character.is_control()).collect();
        let database = format!("x{database}");
        let script = script(&[login(&user, &database, rights(&name), &why)], None, &why).unwrap();
        // Of two dots a name has another number of parts, all of them quoted.
        assert_eq!(shape(&script), plain, "user {user:?}, name {name:?}, why {why:?}:\n{script}");
    }
}

#[test]
fn what_psql_could_not_be_told_is_refused() {
    let refused = script(&[login("u", "a\n\\! rm", Vec::new(), "w")], None, "agent.toml");
    assert!(refused.unwrap_err().contains("control characters"));
    let script = script(&[login("u", "host=elsewhere d'b\\", Vec::new(), "w")], None, "agent.toml").unwrap();
    assert!(script.contains(r#"\connect -reuse-previous=on "dbname='host=elsewhere d\'b\\'""#), "{script}");
}

#[test]
fn types_that_are_keywords_stay_words_and_all_others_are_quoted() {
    let types = ["integer", "timestamp with time zone", "text[]", "app.mood", "bigint[]", "\"char\""].map(String::from);
    assert_eq!(
        function("app.f", &types),
        "\"app\".\"f\"(integer, timestamp with time zone, \"text\"[], \"app\".\"mood\", bigint[], \"char\")"
    );
    assert_eq!(qualified("pg_ls_waldir"), "\"pg_catalog\".\"pg_ls_waldir\"");
}

#[test]
fn what_would_be_a_superuser_in_all_but_name_is_never_granted_by_the_script() {
    let rights = vec![
        Right::Member("pg_execute_server_program".into()),
        Right::Member("pg_write_server_files".into()),
        Right::Attribute("CREATEROLE".into()),
        Right::Member("pg_monitor".into()),
    ];
    let script = script(&[login("u", "d", rights, "w")], Some(17), "agent.toml").unwrap();
    let statements: Vec<&str> =
        script.lines().filter(|line| !line.starts_with("--") && line.contains("\"u\"")).collect();
    assert_eq!(statements.len(), 2, "{script}");
    assert!(statements[0].contains("CREATE ROLE"), "{script}");
    assert_eq!(statements[1], "GRANT \"pg_monitor\" TO \"u\";");
    assert_eq!(script.matches("NOT GRANTED: THIS IS A SUPERUSER IN ALL BUT NAME").count(), 3, "{script}");
}

#[test]
fn one_major_takes_plain_statements_and_any_major_takes_conditions() {
    let maintain = || {
        let mut login = login("u", "d", vec![on("MAINTAIN", ObjectKind::Table, "app.t", &[])], "w");
        login.wants[0].since = Some(17);
        login
    };
    let any = script(&[maintain()], None, "agent.toml").unwrap();
    assert!(any.contains("IF pg_catalog.current_setting('server_version_num')::int >= 170000 THEN"), "{any}");
    let old = script(&[maintain()], Some(16), "agent.toml").unwrap();
    assert!(old.contains("NOT IN POSTGRESQL 16") && !old.contains("GRANT MAINTAIN"), "{old}");
    let new = script(&[maintain()], Some(17), "agent.toml").unwrap();
    assert!(new.contains("GRANT MAINTAIN") && !new.contains("server_version_num"), "{new}");
}
