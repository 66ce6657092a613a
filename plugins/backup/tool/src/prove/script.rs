//! The statements of a dump of globals, and the same script with tablespaces that go where they harm nobody.

use std::path::Path;

/// A statement with its `;`.
#[derive(Debug, PartialEq, Eq)]
struct Statement<'a> {
    text: &'a str,
    /// Where its last string begins, with its `E`.
    last_string: Option<usize>,
}

/// The script with each tablespace in a directory of its own, which the caller makes: `place(0)`, `place(1)` and so on. Commands of psql's own
/// are left out; one in the middle of a statement is nothing that pg_dumpall writes, and an error.
pub(super) fn relocated(script: &str, places: &mut Vec<std::path::PathBuf>, below: &Path) -> Result<String, String> {
    let mut text = String::with_capacity(script.len());
    for statement in statements(script)? {
        if !statement.text.starts_with("CREATE TABLESPACE ") {
            text.push_str(statement.text);
        } else {
            let place = below.join(places.len().to_string());
            let head = statement.last_string.and_then(|at| statement.text.get(..at));
            let head = head.ok_or_else(|| format!("a tablespace without a location: {}", statement.text))?;
            text.push_str(&format!("{head}'{}';", place.display().to_string().replace('\'', "''")));
            places.push(place);
        }
        text.push('\n');
    }
    Ok(text)
}

fn statements(script: &str) -> Result<Vec<Statement<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = script;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(found);
        }
        if rest.starts_with("--") || rest.starts_with('\\') {
            rest = rest.split_once('\n').map_or("", |(_, next)| next);
            continue;
        }
        let (end, last_string) = end(rest)?;
        let (text, next) = rest.split_at(end);
        found.push(Statement { text, last_string });
        rest = next;
    }
}

/// Where the statement at the beginning ends, behind its `;`, and where its last string begins.
fn end(text: &str) -> Result<(usize, Option<usize>), String> {
    let (mut last_string, mut at) = (None, 0);
    let rest = |at: usize| text.get(at..).unwrap_or_default();
    while let Some(c) = rest(at).chars().next() {
        match c {
            ';' => return Ok((at + 1, last_string)),
            '\'' => {
                let escapes = at > 0 && rest(at - 1).starts_with('E');
                last_string = Some(at - usize::from(escapes));
                at += 1 + quoted(rest(at + 1), '\'', escapes)?;
            }
            '"' => at += 1 + quoted(rest(at + 1), '"', false)?,
            '\\' => return Err("it holds a command of psql's within a statement".to_owned()),
            _ => at += c.len_utf8(),
        }
    }
    Err("its last statement does not end".to_owned())
}

/// Bytes up to and with the closing quote.
fn quoted(text: &str, quote: char, escapes: bool) -> Result<usize, String> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return Ok(at + quote.len_utf8());
        }
    }
    Err("a quote in it does not end".to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::relocated;

    fn moved(script: &str) -> Result<(String, usize), String> {
        let mut places = Vec::new();
        relocated(script, &mut places, Path::new("/s")).map(|text| (text, places.len()))
    }

    #[test]
    fn tablespaces_move_and_everything_else_stays() {
        let script = "--\n-- it's\n--\n\\restrict abc\nCREATE ROLE \"a;\"\"b'\";\nALTER ROLE x WITH PASSWORD 'it''s; --';\n\
                      CREATE TABLESPACE \"fast LOCATION 'x'\" OWNER o LOCATION '/old '' LOCATION ''x';\nCREATE TABLESPACE b OWNER o LOCATION E'/c\\\\ \\'; d';\n\
                      ALTER TABLESPACE b SET (seq_page_cost='1');\n\\unrestrict abc\n";
        let moved_text = "CREATE ROLE \"a;\"\"b'\";\nALTER ROLE x WITH PASSWORD 'it''s; --';\n\
                          CREATE TABLESPACE \"fast LOCATION 'x'\" OWNER o LOCATION '/s/0';\nCREATE TABLESPACE b OWNER o LOCATION '/s/1';\n\
                          ALTER TABLESPACE b SET (seq_page_cost='1');\n";
        assert_eq!(moved(script), Ok((moved_text.to_owned(), 2)));
    }

    #[test]
    fn what_pg_dumpall_does_not_write_is_not_run() {
        for script in ["CREATE ROLE a \\! touch /tmp/x\n;", "CREATE ROLE 'a", "CREATE ROLE a", "CREATE TABLESPACE a;"] {
            assert!(moved(script).is_err(), "{script}");
        }
    }
}
