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
const LOCK_WAIT_MS: u32 = 60_000;
/// Names mean the system's objects only; nothing is hidden by row security without an error; long counts are not cut off, but end when nobody
/// listens any more.
const SETTINGS: &str = "SET search_path = pg_catalog, pg_temp; SET standard_conforming_strings = on; SET row_security = off; \
                        SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning; \
                        SET extra_float_digits = 0; SET datestyle = ISO; SET client_connection_check_interval = '5s'";

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
        session.execute(&format!("SET lock_timeout = {LOCK_WAIT_MS}; {SETTINGS}"))?;
        Ok(session)
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
            .is_some_and(|input| input.write_all(question.as_bytes()).and_then(|()| input.flush()).is_ok());
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
            let line = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
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

/// A string in SQL.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name in SQL.
pub(crate) fn identifier(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
