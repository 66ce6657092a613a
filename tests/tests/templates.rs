//! What a template becomes, as real servers of every version read it: the very arguments, whatever they hold and whatever
//! `standard_conforming_strings` is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use pgreeve::plugin::manifest::{Parameter, ParameterKind};
use pgreeve::plugin::template::Template;
use pgreeve_tests::testbed::{Options, Server, available};

const PIECES: [&str; 40] = [
    "'",
    "''",
    "'''",
    "\"",
    "\"\"",
    "\\",
    "\\\\",
    "\\'",
    "\\\"",
    "\\x27",
    "\\047",
    "\\n",
    "\n",
    "\r",
    "\t",
    "\u{1}",
    "$",
    "$$",
    "$a$",
    "--",
    "/*",
    "*/",
    ";",
    "; DROP TABLE t; --",
    "E'",
    "U&'",
    ":'x'",
    ":\"x\"",
    "%s",
    "ä",
    "ʼ",
    "’",
    "\u{ff07}",
    "\u{202e}",
    "\u{a0}",
    "😀",
    "a",
    " ",
    "x y",
    "\u{7f}",
];

/// Numbers that are the same in each test run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % most
    }

    fn text(&mut self) -> String {
        (0..self.below(8)).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }
}

fn template(sql: &str, parameters: &[(&str, ParameterKind)]) -> Template {
    let parameter =
        |(name, kind): &(&str, ParameterKind)| Parameter { name: (*name).into(), kind: *kind, help: String::new() };
    Template::parse(&[sql.to_owned()], &parameters.iter().map(parameter).collect::<Vec<_>>()).unwrap()
}

fn filled(template: &Template, arguments: &[(&str, &str)]) -> String {
    template.fill(arguments).unwrap().remove(0)
}

/// The texts to try: every piece alone and doubled, then random ones.
fn texts() -> Vec<String> {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let pieces = PIECES.iter().flat_map(|piece| [(*piece).to_owned(), piece.repeat(2)]);
    let long = ["\\".repeat(63), "'".repeat(63), "\"".repeat(63), String::new()];
    pieces.chain(long).chain((0..1000).map(|_| numbers.text())).collect()
}

#[test]
fn every_argument_is_read_back_as_it_was_given() {
    let text = template("SELECT :'x', quote_literal(:'x') -- a literal", &[("x", ParameterKind::Text)]);
    // A name comes back as the name of a column.
    let name = template(
        "SELECT k, :'x', quote_ident(:'x') FROM (SELECT 1 AS :\"x\") AS row, jsonb_object_keys(to_jsonb(row)) AS k;",
        &[("x", ParameterKind::Identifier)],
    );
    for major in available() {
        let server = Server::start(major, &Options::default());
        let session = server.session("postgres");
        let mut names = 0;
        for standard in ["on", "off"] {
            session.sql(&format!("SET standard_conforming_strings = {standard}; SET escape_string_warning = off"));
            for given in texts() {
                let sql = filled(&text, &[("x", &given)]);
                let [back, quoted] = &session.sql(&sql)[0][..] else { panic!("two columns") };
                assert_eq!(back.as_deref(), Some(given.as_str()), "{sql} with {standard}");
                let quoted = quoted.as_deref().unwrap();
                assert_eq!(sql, format!("SELECT {quoted}, quote_literal({quoted}) -- a literal"), "with {standard}");
                let Ok(sql) = name.fill(&[("x", &given)]) else {
                    assert!(given.is_empty() || given.len() > 63, "{given:?} is a name");
                    continue;
                };
                names += 1;
                let [column, back, quoted] = &session.sql(&sql[0])[0][..] else { panic!("three columns") };
                assert_eq!(column.as_deref(), Some(given.as_str()), "{} with {standard}", sql[0]);
                assert_eq!(back.as_deref(), Some(given.as_str()), "{} with {standard}", sql[0]);
                let quoted = quoted.clone().unwrap();
                let quoted = if quoted.starts_with('"') { quoted } else { format!("\"{quoted}\"") };
                assert!(sql[0].contains(&format!("AS {quoted})")), "{} has {quoted}", sql[0]);
            }
        }
        assert!(names > 1500, "only {names} names were tried on {major:?}");
    }
}

#[test]
fn qualified_names_numbers_and_durations_mean_what_they_say() {
    use ParameterKind::{Duration, Integer, QualifiedIdentifier};
    let server = Server::start(available().swap_remove(0), &Options::default());
    let session = server.session("postgres");
    let table = template(
        "SELECT (:'t'::regclass)::text, count(*) FROM :\"t\", LATERAL (SELECT tableoid) AS o GROUP BY 1",
        &[("t", QualifiedIdentifier)],
    );
    session.sql("CREATE SCHEMA \"a.b\"; CREATE TABLE \"a.b\".\"c\"\"\\d'\" (); INSERT INTO \"a.b\".\"c\"\"\\d'\" DEFAULT VALUES");
    for standard in ["on", "off"] {
        session.sql(&format!("SET standard_conforming_strings = {standard}"));
        // As the server itself writes it, which is where a plugin has it from.
        let given = session.sql("SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'a.b'");
        let given = given[0][0].clone().unwrap();
        let rows = session.sql(&filled(&table, &[("t", &given)]));
        assert_eq!(rows[0][0].as_deref(), Some(given.as_str()));
        assert_eq!(rows[0][1].as_deref(), Some("1"));
    }
    let number = template("SELECT :'n', 1 - :'n' LIMIT 1", &[("n", Integer)]);
    for (given, less) in [("5", "-4"), ("-5", "6"), ("0", "1"), ("-9223372036854775806", "9223372036854775807")] {
        let rows = session.sql(&filled(&number, &[("n", given)]));
        assert_eq!((rows[0][0].as_deref(), rows[0][1].as_deref()), (Some(given), Some(less)));
    }
    let limit = template("ALTER ROLE postgres CONNECTION LIMIT :'n'", &[("n", Integer)]);
    session.sql(&filled(&limit, &[("n", "-1")]));
    let wait = template("SET lock_timeout = :'d'", &[("d", Duration)]);
    let interval = template("SELECT extract(epoch FROM :'d'::interval) * 1000", &[("d", Duration)]);
    for (given, milliseconds) in
        [("30s", 30_000), ("2h", 7_200_000), ("1500ms", 1500), ("1h 30m", 5_400_000), ("7d", 604_800_000)]
    {
        session.sql(&filled(&wait, &[("d", given)]));
        let set = session.sql("SELECT setting FROM pg_settings WHERE name = 'lock_timeout'");
        assert_eq!(set[0][0], Some(milliseconds.to_string()), "{given}");
        let rows = session.sql(&filled(&interval, &[("d", given)]));
        assert_eq!(rows[0][0].as_deref().unwrap().parse::<f64>().unwrap(), f64::from(milliseconds), "{given}");
    }
}
