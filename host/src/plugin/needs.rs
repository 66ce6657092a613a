//! The rights that a manifest says its logins need, checked: names that can be names, words from fixed lists, types by a grammar. Nothing
//! that passes here can put anything into the SQL that is made of it, and that SQL is made by quoting whatever passes (`roles`).

use crate::contract::pgreeve::plugin::manifest::{Need, ObjectKind, Privilege, Right};
use crate::grants::log::printable;

/// Needs of one manifest, or of one action.
const MOST: usize = 64;
/// Of a function.
const MOST_ARGUMENTS: usize = 100;
/// The longest name of PostgreSQL, in bytes; it would cut a longer one and mean another object.
const LONGEST_NAME: usize = 63;

/// Whose login needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The login that plugins look with. What changes anything is no need of it, for it changes nothing.
    Observer,
    /// The login that allowed actions are carried out with.
    Actor,
}

/// A predefined role: its name, the first major version that has it, and whether its members can change anything.
const ROLES: [(&str, u32, bool); 15] = [
    ("pg_monitor", 10, false),
    ("pg_read_all_settings", 10, false),
    ("pg_read_all_stats", 10, false),
    ("pg_stat_scan_tables", 10, false),
    ("pg_signal_backend", 10, true),
    ("pg_read_server_files", 11, false),
    ("pg_write_server_files", 11, true),
    ("pg_execute_server_program", 11, true),
    ("pg_read_all_data", 14, false),
    ("pg_write_all_data", 14, true),
    ("pg_checkpoint", 15, true),
    ("pg_use_reserved_connections", 16, false),
    ("pg_create_subscription", 16, true),
    ("pg_maintain", 17, true),
    ("pg_signal_autovacuum_worker", 18, true),
];

/// An attribute that a login can need, and whether it is for changing something.
const ATTRIBUTES: [(&str, bool); 4] =
    [("REPLICATION", false), ("BYPASSRLS", false), ("CREATEDB", true), ("CREATEROLE", true)];

/// Types that `pg_get_function_identity_arguments` shows as keywords, which must not be quoted.
pub const SPELLINGS: [&str; 17] = [
    "bigint",
    "bit",
    "bit varying",
    "boolean",
    "\"char\"",
    "character",
    "character varying",
    "double precision",
    "integer",
    "interval",
    "numeric",
    "real",
    "smallint",
    "time with time zone",
    "time without time zone",
    "timestamp with time zone",
    "timestamp without time zone",
];

/// Other spellings, which no catalog shows, and the right ones.
const ALIASES: [(&str, &str); 14] = [
    ("bool", "boolean"),
    ("bpchar", "character"),
    ("char", "\"char\""),
    ("decimal", "numeric"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("int", "integer"),
    ("int2", "smallint"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("varbit", "bit varying"),
    ("varchar", "character varying"),
];

/// What is wrong with needs, one sentence each.
pub(super) fn mistakes(needs: &[Need], whose: Whose) -> Vec<String> {
    if needs.len() > MOST {
        return vec![format!("has {} needs, more than the {MOST} that are allowed", needs.len())];
    }
    needs
        .iter()
        .filter_map(|need| mistake(need, whose).map(|why| format!("need {:?}: {why}", words(&need.right))))
        .collect()
}

fn mistake(need: &Need, whose: Whose) -> Option<String> {
    if need.reason.trim().is_empty() {
        return Some("says no reason".to_owned());
    }
    if printable(&need.reason, usize::MAX) != need.reason {
        return Some("its reason holds line ends or control characters".to_owned());
    }
    if let (Some(since), Some(until)) = (need.since, need.until)
        && since > until
    {
        return Some(format!("is needed since {since} and until {until}, which is never"));
    }
    let changes = |changes: bool| {
        (changes && whose == Whose::Observer)
            .then(|| "is for changing something, and the observer changes nothing: declare it on an action".to_owned())
    };
    match &need.right {
        Right::Member(role) => match ROLES.iter().find(|known| known.0 == role) {
            Some(known) => changes(known.2),
            None if role == "pg_database_owner" => Some("nobody can be made a member of it".to_owned()),
            None if !role.starts_with("pg_") || !is_lower(role) => Some("is no predefined role".to_owned()),
            // One of a later version; what it can do is not known here.
            None => None,
        },
        Right::Attribute(attribute) => match ATTRIBUTES.iter().find(|known| known.0 == attribute) {
            Some(known) => changes(known.1),
            None => Some(format!("is none of {}", ATTRIBUTES.map(|known| known.0).join(", "))),
        },
        Right::Privilege(privilege) => privilege_mistake(privilege, whose),
        Right::Owner(what) | Right::Superuser(what) => (what.trim().is_empty() || printable(what, usize::MAX) != *what)
            .then(|| "what for is not one line of words".to_owned()),
    }
}

fn privilege_mistake(privilege: &Privilege, whose: Whose) -> Option<String> {
    let allowed = allowed(privilege.object, whose);
    let word = privilege.privilege.as_str();
    if !allowed.contains(&word) {
        let whose = if whose == Whose::Observer { "an observer" } else { "an actor" };
        let kind = kind(privilege.object);
        return Some(format!("{word:?} is no privilege of {whose} on a {kind}: {} are", allowed.join(", ")));
    }
    let parts: Vec<&str> = privilege.name.split('.').collect();
    let (most, form) = match privilege.object {
        ObjectKind::Database | ObjectKind::Schema => (1, "a name"),
        _ => (2, "a name, or a schema and a name"),
    };
    if parts.len() > most || !parts.iter().all(|part| is_sql_name(part)) {
        return Some(format!("{:?} is not {form}", privilege.name));
    }
    if privilege.object != ObjectKind::Function {
        return (!privilege.arguments.is_empty()).then(|| "only a function has arguments".to_owned());
    }
    if privilege.arguments.len() > MOST_ARGUMENTS {
        return Some(format!("no function has more than {MOST_ARGUMENTS} arguments"));
    }
    privilege.arguments.iter().find_map(|argument| type_mistake(argument))
}

/// The privileges that a login can be given on a kind of object.
fn allowed(object: ObjectKind, whose: Whose) -> &'static [&'static str] {
    match (object, whose) {
        (ObjectKind::Database, Whose::Observer) => &["CONNECT"],
        (ObjectKind::Database, Whose::Actor) => &["CONNECT", "CREATE", "TEMPORARY"],
        (ObjectKind::Schema, Whose::Observer) => &["USAGE"],
        (ObjectKind::Schema, Whose::Actor) => &["USAGE", "CREATE"],
        (ObjectKind::Table | ObjectKind::Sequence, Whose::Observer) => &["SELECT"],
        (ObjectKind::Table, Whose::Actor) => {
            &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"]
        }
        (ObjectKind::Sequence, Whose::Actor) => &["USAGE", "SELECT", "UPDATE"],
        (ObjectKind::Function, _) => &["EXECUTE"],
        (ObjectKind::Parameter, Whose::Observer) => &["SET"],
        (ObjectKind::Parameter, Whose::Actor) => &["SET", "ALTER SYSTEM"],
    }
}

/// A type: one of [`SPELLINGS`], or a name with or without its schema; and `[]` for an array.
fn type_mistake(text: &str) -> Option<String> {
    let element = text.strip_suffix("[]").unwrap_or(text);
    if SPELLINGS.contains(&element) {
        return None;
    }
    if let Some((_, right)) = ALIASES.iter().find(|alias| alias.0 == element) {
        return Some(format!("the catalog spells type {element} as {right}"));
    }
    let parts: Vec<&str> = element.split('.').collect();
    (parts.len() > 2 || !parts.iter().all(|part| is_sql_name(part)))
        .then(|| format!("{text:?} is no type as pg_get_function_identity_arguments shows it, without a name"))
}

/// Letters, digits, `_` and `$`, as PostgreSQL has them without quotes, except that case counts; at most 63 bytes.
fn is_sql_name(text: &str) -> bool {
    let mut letters = text.chars();
    text.len() <= LONGEST_NAME
        && letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$')
}

fn is_lower(text: &str) -> bool {
    is_sql_name(text) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// The first and the last major version that a need is for, by what it says and by what the versions have.
pub fn versions(need: &Need) -> (Option<u32>, Option<u32>) {
    let first = match &need.right {
        Right::Member(role) => ROLES.iter().find(|known| known.0 == role).map(|known| known.1),
        Right::Privilege(privilege) if privilege.object == ObjectKind::Parameter => Some(15),
        Right::Privilege(privilege) if privilege.privilege == "MAINTAIN" => Some(17),
        _ => None,
    };
    // 14 is the oldest version supported, so that it is no condition.
    (need.since.max(first).filter(|since| *since > 14), need.until)
}

/// Whether pgreeve knows this predefined role, and so from which version on it is there.
pub fn is_known_role(role: &str) -> bool {
    ROLES.iter().any(|known| known.0 == role)
}

/// A right in words: `SELECT on table app.orders`.
pub fn words(right: &Right) -> String {
    match right {
        Right::Member(role) => format!("membership in {role}"),
        Right::Attribute(attribute) => format!("the attribute {attribute}"),
        Right::Privilege(privilege) => {
            let arguments = match privilege.object {
                ObjectKind::Function => format!("({})", privilege.arguments.join(", ")),
                _ => String::new(),
            };
            format!("{} on {} {}{arguments}", privilege.privilege, kind(privilege.object), privilege.name)
        }
        Right::Owner(what) => format!("ownership of {what}"),
        Right::Superuser(what) => format!("superuser, for {what}"),
    }
}

/// A need in one line, with its versions and its reason, for `plugin explain`.
pub fn line(need: &Need) -> String {
    let (since, until) = versions(need);
    let strength = strength(need.required, since, until);
    printable(&format!("{} ({strength}): {}", words(&need.right), need.reason), 1024)
}

/// Whether something does not work at all without a right, and on which versions, in words.
pub fn strength(required: bool, since: Option<u32>, until: Option<u32>) -> String {
    let versions = match (since, until) {
        (None, None) => String::new(),
        (Some(since), None) => format!(", since {since}"),
        (None, Some(until)) => format!(", until {until}"),
        (Some(since), Some(until)) => format!(", {since} to {until}"),
    };
    format!("{}{versions}", if required { "required" } else { "optional" })
}

/// The kind of an object, as SQL and people call it.
pub fn kind(object: ObjectKind) -> &'static str {
    match object {
        ObjectKind::Database => "database",
        ObjectKind::Schema => "schema",
        ObjectKind::Table => "table",
        ObjectKind::Sequence => "sequence",
        ObjectKind::Function => "function",
        ObjectKind::Parameter => "parameter",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(right: Right) -> Need {
        Need { right, since: None, until: None, required: true, reason: "to see".into() }
    }

    fn on(privilege: &str, object: ObjectKind, name: &str, arguments: &[&str]) -> Right {
        let arguments = arguments.iter().map(|one| (*one).to_owned()).collect();
        Right::Privilege(Privilege { privilege: privilege.into(), object, name: name.into(), arguments })
    }

    #[test]
    fn rights_are_held_against_fixed_words_and_a_grammar() {
        use ObjectKind::{Database, Function, Parameter, Schema, Sequence, Table};
        use Whose::{Actor, Observer};
        for (right, whose, why) in [
            (Right::Member("pg_monitor".into()), Observer, ""),
            (Right::Member("pg_of_tomorrow".into()), Observer, ""),
            (Right::Member("pg_signal_backend".into()), Observer, "the observer changes nothing"),
            (Right::Member("pg_signal_backend".into()), Actor, ""),
            (Right::Member("pg_database_owner".into()), Actor, "nobody can be made a member"),
            (Right::Member("postgres".into()), Actor, "no predefined role"),
            (Right::Member("pg_monitor; DROP".into()), Actor, "no predefined role"),
            (Right::Attribute("REPLICATION".into()), Observer, ""),
            (Right::Attribute("CREATEDB".into()), Observer, "the observer changes nothing"),
            (Right::Attribute("SUPERUSER".into()), Actor, "none of"),
            (Right::Attribute("replication".into()), Actor, "none of"),
            (on("SELECT", Table, "app.Orders", &[]), Observer, ""),
            (on("SELECT", Table, "größe.maß", &[]), Observer, ""),
            (on("UPDATE", Table, "app.orders", &[]), Observer, "no privilege of an observer"),
            (on("UPDATE", Table, "app.orders", &[]), Actor, ""),
            (on("SELECT, UPDATE", Table, "app.orders", &[]), Actor, "no privilege"),
            (on("ALL", Table, "app.orders", &[]), Actor, "no privilege"),
            (on("select", Table, "app.orders", &[]), Actor, "no privilege"),
            (on("SELECT", Table, "a.b.c", &[]), Observer, "is not a name, or a schema and a name"),
            (on("SELECT", Table, "app.", &[]), Observer, "is not a name"),
            (on("SELECT", Table, "", &[]), Observer, "is not a name"),
            (on("SELECT", Table, "a\"b", &[]), Observer, "is not a name"),
            (on("SELECT", Table, "a'b", &[]), Observer, "is not a name"),
            (on("SELECT", Table, "a\nb", &[]), Observer, "is not a name"),
            (on("SELECT", Table, "a b", &[]), Observer, "is not a name"),
            (on("SELECT", Table, &"n".repeat(64), &[]), Observer, "is not a name"),
            (on("SELECT", Table, "t", &["text"]), Observer, "only a function has arguments"),
            (on("SELECT", Sequence, "app.s", &[]), Observer, ""),
            (on("USAGE", Sequence, "app.s", &[]), Observer, "no privilege"),
            (on("CONNECT", Database, "app", &[]), Observer, ""),
            (on("CONNECT", Database, "a.b", &[]), Observer, "is not a name"),
            (on("CREATE", Schema, "app", &[]), Actor, ""),
            (on("SET", Parameter, "pg_stat_statements.track", &[]), Observer, ""),
            (on("ALTER SYSTEM", Parameter, "work_mem", &[]), Observer, "no privilege"),
            (on("ALTER SYSTEM", Parameter, "work_mem", &[]), Actor, ""),
            (on("EXECUTE", Function, "app.f", &["integer", "text[]", "app.mood", "\"char\""]), Observer, ""),
            (on("EXECUTE", Function, "app.f", &[]), Observer, ""),
            (on("EXECUTE", Function, "app.f", &["int4"]), Observer, "spells type int4 as integer"),
            (on("EXECUTE", Function, "app.f", &["int8[]"]), Observer, "spells type int8 as bigint"),
            (on("EXECUTE", Function, "app.f", &["text) TO x; --"]), Observer, "is no type"),
            (on("EXECUTE", Function, "app.f", &["numeric(1,2)"]), Observer, "is no type"),
            (on("EXECUTE", Function, "app.f", &[""]), Observer, "is no type"),
            (on("EXECUTE", Function, "app.f", &["text[][]"]), Observer, "is no type"),
            (Right::Owner("the tables to be vacuumed".into()), Actor, ""),
            (Right::Owner("x\nDROP TABLE y;".into()), Actor, "not one line"),
            (Right::Superuser(" ".into()), Actor, "not one line"),
        ] {
            let shown = format!("{right:?} {whose:?}");
            let found = mistakes(&[need(right)], whose).join("; ");
            assert!(if why.is_empty() { found.is_empty() } else { found.contains(why) }, "{shown}: {found}");
        }
    }

    #[test]
    fn reasons_versions_and_numbers_are_bounded() {
        let right = || Right::Member("pg_monitor".into());
        let with = |reason: &str, since, until| Need { since, until, reason: reason.into(), ..need(right()) };
        let first = |need: Need| mistakes(&[need], Whose::Actor).join("; ");
        assert!(first(with("", None, None)).contains("no reason"));
        assert!(first(with("a\nGRANT x TO y;", None, None)).contains("control characters"));
        assert!(first(with("a\u{2028}b", None, None)).contains("control characters"));
        assert!(first(with("a", Some(17), Some(16))).contains("never"));
        assert_eq!(first(with("a", Some(17), Some(17))), "");
        assert!(mistakes(&vec![need(right()); MOST + 1], Whose::Actor).join("").contains("more than"));
    }

    #[test]
    fn what_a_version_does_not_have_is_not_needed_of_it() {
        use ObjectKind::{Parameter, Table};
        let since = |since, right| versions(&Need { since, ..need(right) }).0;
        assert_eq!(since(None, Right::Member("pg_monitor".into())), None);
        assert_eq!(since(None, Right::Member("pg_maintain".into())), Some(17));
        assert_eq!(since(Some(14), Right::Member("pg_monitor".into())), None);
        assert_eq!(since(Some(18), on("MAINTAIN", Table, "t", &[])), Some(18));
        assert_eq!(since(Some(14), on("MAINTAIN", Table, "t", &[])), Some(17));
        assert_eq!(since(None, on("SET", Parameter, "work_mem", &[])), Some(15));
        assert_eq!(
            line(&Need { until: Some(16), required: false, ..need(on("SELECT", Table, "t", &[])) }),
            "SELECT on table t (optional, until 16): to see"
        );
    }
}
