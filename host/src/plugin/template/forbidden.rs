//! Statements that no template may hold: what would take the transaction, the time-outs or the login out of the host's hands, and what the
//! extended protocol cannot carry. This is about mistakes of authors: what a function or a DO block does is the login's to rule out.

use super::lex::{self, Token};

/// Settings that the host makes for every action.
const HOSTS_OWN: [&str; 10] = [
    "STATEMENT_TIMEOUT",
    "LOCK_TIMEOUT",
    "IDLE_IN_TRANSACTION_SESSION_TIMEOUT",
    "SEARCH_PATH",
    "SCHEMA",
    "STANDARD_CONFORMING_STRINGS",
    "CLIENT_ENCODING",
    "NAMES",
    "ROLE",
    "TRANSACTION",
];

/// What is wrong with a statement, if it is not one for a template; follows "statement 1".
pub(super) fn mistake(statement: &str, transactional: bool) -> Option<String> {
    let words = words(statement)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some(why) = set_config(statement) {
        return Some(why);
    }
    let hosts = |what: &str| Some(format!("{what}: the host begins and ends transactions, see `transactional`"));
    match *words.as_slice() {
        ["COMMIT" | "ROLLBACK", "PREPARED", ..] if transactional => {
            Some("ends a prepared transaction, which no transaction can: `transactional` has to be false".to_owned())
        }
        ["COMMIT" | "ROLLBACK", "PREPARED", ..] => None,
        ["SAVEPOINT" | "RELEASE", ..]
        | ["ROLLBACK" | "ABORT", "TO", ..]
        | ["ROLLBACK" | "ABORT", "WORK" | "TRANSACTION", "TO", ..] => {
            let what = "has a savepoint, which is for a transaction: `transactional` has to be true";
            (!transactional).then(|| what.to_owned())
        }
        ["BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT", ..] => hosts("controls the transaction"),
        ["PREPARE", "TRANSACTION", ..] => hosts("prepares the transaction"),
        ["SET", ref rest @ ..] => set(rest),
        ["RESET", ref rest @ ..] => match *rest {
            ["ALL", ..] => Some("resets all settings, the host's time-outs among them".to_owned()),
            _ => set(rest),
        },
        ["DISCARD", ..] => Some("discards the session's state, the host's time-outs among it".to_owned()),
        ["COPY", ..] => {
            Some("is a COPY, whose data or program has no place in an action: use INSERT or a command".to_owned())
        }
        ["PREPARE" | "EXECUTE" | "DEALLOCATE" | "DECLARE" | "FETCH" | "MOVE" | "CLOSE" | "LISTEN" | "UNLISTEN", ..] => {
            Some("is about the session, which ends with the action: write the statement itself".to_owned())
        }
        _ if transactional => lone(&words),
        _ => None,
    }
}

/// SET or RESET of what the host sets.
fn set(rest: &[&str]) -> Option<String> {
    let rest = match rest {
        ["SESSION", "AUTHORIZATION", ..] => {
            return Some("changes the login, which is the operator's to choose".to_owned());
        }
        ["SESSION", "CHARACTERISTICS", ..] => {
            return Some("changes how transactions begin: the host begins them".to_owned());
        }
        ["LOCAL" | "SESSION", rest @ ..] => rest,
        rest => rest,
    };
    if rest.first().is_some_and(|name| *name == PLACEHOLDER || name.starts_with("U&")) {
        return Some("sets what cannot be told from its text: write the setting's name".to_owned());
    }
    let name = rest.first().filter(|name| HOSTS_OWN.contains(name))?;
    Some(match *name {
        "ROLE" => "changes the role, which is the operator's to choose by act_dsn".to_owned(),
        "TRANSACTION" => "changes the transaction: the host begins it".to_owned(),
        name => format!("sets {}, which the host sets for every action", name.to_ascii_lowercase()),
    })
}

/// `set_config()` of what the host sets, or of what only the server can tell.
fn set_config(statement: &str) -> Option<String> {
    let tokens = lex::tokens(statement).ok()?;
    let tokens: Vec<_> = tokens.iter().filter(|token| !matches!(token, Token::Blank(_) | Token::Comment(_))).collect();
    tokens.windows(3).find_map(|three| {
        let [Token::Word(function) | Token::Quoted(function), Token::Sign("("), argument] = three else { return None };
        if !function.trim_matches('"').eq_ignore_ascii_case("set_config") {
            return None;
        }
        let name = match argument {
            Token::Literal(literal) => literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')),
            _ => None,
        };
        match name.map(str::to_ascii_uppercase) {
            None => Some("calls set_config() with a name that is no plain literal".to_owned()),
            Some(name) => set(&[&name]),
        }
    })
}

/// What PostgreSQL refuses in a transaction block, at three in the morning as well as now.
fn lone(words: &[&str]) -> Option<String> {
    let lone =
        matches!(words, ["VACUUM", ..] | ["ALTER", "SYSTEM", ..] | ["CREATE" | "DROP", "DATABASE" | "TABLESPACE", ..]);
    let concurrently =
        matches!(words.first(), Some(&("CREATE" | "DROP" | "REINDEX" | "ALTER"))) && words.contains(&"CONCURRENTLY");
    (lone || concurrently).then(|| "cannot be in a transaction: `transactional` has to be false".to_owned())
}

/// Functions whose names begin so reach out of the transaction, but for [`HARMLESS`].
const REACHING: [&str; 4] = ["pg_", "dblink", "lo_", "setval"];
/// Functions of PostgreSQL that only look, or whose effect ends with the transaction.
const HARMLESS: [&str; 24] = [
    "pg_get_",
    "pg_size_pretty",
    "pg_size_bytes",
    "pg_relation_size",
    "pg_relation_filenode",
    "pg_relation_filepath",
    "pg_total_relation_size",
    "pg_table_size",
    "pg_indexes_size",
    "pg_database_size",
    "pg_tablespace_size",
    "pg_column_size",
    "pg_is_in_recovery",
    "pg_current_",
    "pg_last_",
    "pg_typeof",
    "pg_backend_pid",
    "pg_blocking_pids",
    "pg_has_role",
    "pg_wal_lsn_diff",
    "pg_sleep",
    "pg_postmaster_start_time",
    "pg_advisory_xact_lock",
    "pg_try_advisory_xact_lock",
];

/// Why no rollback undoes a statement, as far as its text tells: a function of PostgreSQL that reaches out of the transaction, or a call of
/// code that could. The operator's own functions are not known here.
pub fn lasting(statement: &str) -> Option<String> {
    let tokens = lex::tokens(statement).ok()?;
    let tokens: Vec<_> = tokens.iter().filter(|token| !matches!(token, Token::Blank(_) | Token::Comment(_))).collect();
    if let Some(Token::Word(first)) = tokens.first()
        && let Some(first) =
            ["CALL", "DO", "NOTIFY", "CHECKPOINT", "LOAD"].iter().find(|own| own.eq_ignore_ascii_case(first))
    {
        return Some(format!("what {first} does may last beyond a rollback"));
    }
    tokens.windows(2).find_map(|pair| {
        let [name, Token::Sign("(")] = pair else { return None };
        let name = match name {
            Token::Word(word) => word.to_ascii_lowercase(),
            Token::Quoted(quoted) => quoted.trim_matches('"').to_owned(),
            _ => return None,
        };
        let begins = |names: &[&str]| names.iter().any(|own| name.starts_with(own));
        (begins(&REACHING) && !begins(&HARMLESS)).then(|| format!("what {name}() does lasts beyond a rollback"))
    })
}

/// What stands for an argument among a statement's words.
const PLACEHOLDER: &str = "?";

/// The statement's words outside of literals and comments, in upper case; quoted names as they are, without their quotes, since SET takes
/// both. None where it cannot be taken apart, which is said elsewhere.
fn words(statement: &str) -> Option<Vec<String>> {
    let words = lex::tokens(statement).ok()?.into_iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.to_ascii_uppercase()),
        Token::Quoted(name) => Some(name.trim_matches('"').to_ascii_uppercase()),
        Token::Placeholder(..) => Some(PLACEHOLDER.to_owned()),
        _ => None,
    });
    Some(words.collect())
}
