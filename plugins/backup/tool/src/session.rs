//! A session with a server, through psql: it connects by all of libpq's means (service files, password files, peer, TLS), exactly as pg_dump beside it does.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread::{self, JoinHandle};

use serde::de::DeserializeOwned;

use crate::answer::{Failure, Kind, Outcome, cannot, one_line};
use crate::connection::Connection;
use crate::manifest::ServerFacts;
use crate::program::{self, is_unreachable};

/// What psql prints after each answer; nothing that a query returns begins like it, for that is JSON.
const END: &str = "--pgreeve-end--";
/// A lock that somebody holds on for longer ends a session's question, also of the functions that measure tables.
pub(crate) const LOCK_WAIT_MS: u32 = 60_000;
/// A question about the catalogs that takes longer hangs on something.
const QUESTION: &str = "10min";
/// Counting the rows of a large table, or a query of the operator's, may take this long.
pub(crate) const LONG_QUESTION: &str = "6h";
/// Names mean the system's objects only; nothing is hidden by row security without an error; statements end when nobody listens any more. What a role
/// or a database has set for itself (read-only transactions, ends of idle sessions and of long transactions) does not hold here.
const SETTINGS: &str = "SET search_path = pg_catalog, pg_temp; SET standard_conforming_strings = on; SET row_security = off; \
                        SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning; \
                        SET default_transaction_read_only = off; SET quote_all_identifiers = off; SET extra_float_digits = 0; SET datestyle = ISO; SET client_connection_check_interval = '5s'; \
                        SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout'); \
                        SELECT pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) WHERE current_setting('server_encoding') = 'SQL_ASCII'";
/// Bytes that are no UTF-8, which names and text of a database in SQL_ASCII may hold, are these characters from here on: none that anybody uses.
const STRAY: u32 = 0x10_FF00;

/// A psql that waits for questions; ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    errors: Option<JoinHandle<String>>,
}

impl Session {
    /// Connects.
    pub(crate) fn connect(psql: &Path, connection: &Connection) -> Outcome<Self> {
        // Between questions psql ends when its stdin does, within one by the signal.
        let mut command = program::command_ended_by(psql, "TERM");
        command.args([
            "--no-psqlrc",
            "--no-align",
            "--tuples-only",
            "--quiet",
            "--no-password",
            "--set=ON_ERROR_STOP=1",
        ]);
        command.arg("--dbname").arg(connection.as_str()).env("PGCLIENTENCODING", "UTF8").env_remove("PSQLRC");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(cannot(format_args!("start {}", psql.display())))?;
        let pipes = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
        let ((input, output), mut stderr) = pipes.ok_or_else(|| Failure::new(Kind::Failed, "psql has no pipes"))?;
        let errors = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let mut session = Self { child, input: Some(input), output: BufReader::new(output), errors: Some(errors) };
        session
            .execute(&format!("SET lock_timeout = {LOCK_WAIT_MS}; SET statement_timeout = '{QUESTION}'; {SETTINGS}"))?;
        Ok(session)
    }

    /// The same for questions that may take hours.
    pub(crate) fn patient(mut self) -> Outcome<Self> {
        self.execute(&format!("SET statement_timeout = '{LONG_QUESTION}'"))?;
        Ok(self)
    }

    /// Runs statements and drops what they return.
    pub(crate) fn execute(&mut self, sql: &str) -> Outcome<()> {
        self.lines(sql).map(|_| ())
    }

    /// The rows of one query, each as a struct with a field per column.
    pub(crate) fn rows<T: DeserializeOwned>(&mut self, query: &str) -> Outcome<Vec<T>> {
        let query = query.trim().trim_end_matches(';');
        let lines = self.lines(&format!("SELECT pg_catalog.row_to_json(answer) FROM (\n{query}\n) AS answer"))?;
        let parsed = lines.iter().map(|line| serde_json::from_str(line)).collect::<Result<Vec<T>, _>>();
        parsed.map_err(|why| Failure::new(Kind::Failed, format!("the server's answer cannot be understood: {why}")))
    }

    /// The one row of a query.
    pub(crate) fn row<T: DeserializeOwned>(&mut self, query: &str) -> Outcome<T> {
        self.rows(query)?
            .pop()
            .ok_or_else(|| Failure::new(Kind::Failed, "the server returned no row where one was asked for"))
    }

    /// The first column of a query's first row, as text.
    pub(crate) fn value(&mut self, query: &str) -> Outcome<Option<String>> {
        #[derive(serde::Deserialize)]
        struct One {
            value: Option<String>,
        }
        let rows: Vec<One> = self.rows(&format!("SELECT ({query})::text AS value"))?;
        Ok(rows.into_iter().next().and_then(|row| row.value))
    }

    /// The lines that an operator's query returns, under the database's own settings of names.
    pub(crate) fn plain(&mut self, query: &str) -> Outcome<Vec<String>> {
        self.execute("RESET search_path")?;
        self.lines(query.trim().trim_end_matches(';'))
    }

    /// The name of the database. Names of databases are bytes that all databases share, whatever the encoding of each; they are read as UTF-8.
    pub(crate) fn database(&mut self) -> Outcome<String> {
        let bytes = self
            .value("encode(convert_to(current_database()::text, getdatabaseencoding()), 'hex')")?
            .unwrap_or_default();
        let digits: Vec<char> = bytes.chars().collect();
        let bytes: Vec<u8> =
            digits.chunks(2).filter_map(|two| u8::from_str_radix(&two.iter().collect::<String>(), 16).ok()).collect();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What kind of server it is.
    pub(crate) fn facts(&mut self) -> Outcome<ServerFacts> {
        self.row(include_str!("sql/server.sql"))
    }

    fn lines(&mut self, sql: &str) -> Outcome<Vec<String>> {
        let question = format!("{sql}\n;\n\\echo {END}\n");
        let sent = self
            .input
            .as_mut()
            .is_some_and(|input| input.write_all(&bytes_of(&question)).and_then(|()| input.flush()).is_ok());
        if !sent {
            return Err(self.end());
        }
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            let read = self.output.read_until(b'\n', &mut line).map_err(cannot("hear psql"))?;
            if read == 0 {
                return Err(self.end());
            }
            let line = text_of(line.strip_suffix(b"\n").unwrap_or(&line));
            if line == END {
                return Ok(lines);
            }
            lines.push(line);
        }
    }

    /// psql has ended, for it stops at the first error: its words.
    fn end(&mut self) -> Failure {
        self.input = None;
        let _ = self.child.wait();
        let said = self.errors.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let fatal = said.contains("FATAL:") || is_unreachable(&said);
        let lost = said.contains("server closed the connection") || said.contains("connection to server was lost");
        let kind = if lost {
            Kind::Failed
        } else if fatal {
            Kind::Unreachable
        } else if denied(&said) {
            Kind::Refused
        } else {
            Kind::Failed
        };
        let said: String = said
            .lines()
            .filter(|line| !line.starts_with("LINE ") && !line.trim_start().starts_with('^'))
            .collect::<Vec<_>>()
            .join("\n");
        let said = if said.trim().is_empty() { "psql ended without a word".to_owned() } else { one_line(&said) };
        Failure::new(kind, said)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn denied(said: &str) -> bool {
    said.contains("permission denied") || said.contains("must be superuser") || said.contains("must be owner")
}

/// Text of the server's, byte for byte: `bytes_of` gives back what came.
fn text_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(STRAY + u32::from(*byte))));
    }
    text
}

fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c).checked_sub(STRAY).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// A string in SQL.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name in SQL.
pub(crate) fn identifier(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::{bytes_of, text_of};

    #[test]
    fn every_byte_comes_back_also_where_it_is_no_utf8() {
        for bytes in [b"plain".as_slice(), "Größe".as_bytes(), b"t\xe9t\xe9 \xff\x00", b"\xc3"] {
            assert_eq!(bytes_of(&text_of(bytes)), bytes);
        }
        assert_eq!(text_of("Größe".as_bytes()), "Größe");
    }
}
