//! What is a template, what is refused and why, and what an argument can never do.

use super::*;

const ALL: [(&str, ParameterKind); 6] = [
    ("text", ParameterKind::Text),
    ("n", ParameterKind::Integer),
    ("name", ParameterKind::Identifier),
    ("table", ParameterKind::QualifiedIdentifier),
    ("file", ParameterKind::Path),
    ("wait", ParameterKind::Duration),
];

/// A template with those of the parameters that it uses.
fn parse(sql: &str) -> Result<Template, String> {
    let used =
        ALL.iter().filter(|(name, _)| sql.contains(&format!(":'{name}'")) || sql.contains(&format!(":\"{name}\"")));
    let parameters: Vec<Parameter> =
        used.map(|(name, kind)| Parameter { name: (*name).into(), kind: *kind, help: String::new() }).collect();
    Template::parse(&[sql.to_owned()], &parameters)
}

fn fill(sql: &str, arguments: &[(&str, &str)]) -> Result<String, String> {
    let template = parse(sql).unwrap_or_else(|why| panic!("{sql}: {why}"));
    template.fill(arguments).map(|mut statements| statements.remove(0))
}

#[test]
fn placeholders_are_filled_and_nothing_else_is() {
    for (sql, arguments, expected) in [
        ("SELECT :'text'", &[("text", "it's")][..], "SELECT 'it''s'"),
        ("SELECT :'text';", &[("text", r"a\b'c")], r"SELECT E'a\\b''c';"),
        ("SELECT :'text'", &[("text", "")], "SELECT ''"),
        ("SELECT f(:'text',:'name')", &[("text", "$1 :'n' %s"), ("name", "a\"b")], "SELECT f('$1 :''n'' %s','a\"b')"),
        (
            "VACUUM :\"table\" ; -- done",
            &[("table", "public.\"Odd.\"\"Name\"")],
            "VACUUM \"public\".\"Odd.\"\"Name\" ; -- done",
        ),
        ("SELECT :'table'::regclass", &[("table", "a.b")], "SELECT '\"a\".\"b\"'::regclass"),
        ("ALTER ROLE :\"name\" LOGIN", &[("name", "a\"; DROP")], "ALTER ROLE \"a\"\"; DROP\" LOGIN"),
        ("SELECT * FROM s.:\"name\".x", &[("name", "T")], "SELECT * FROM s.\"T\".x"),
        ("SELECT 1 - :'n'", &[("n", "-5")], "SELECT 1 -  -5"),
        ("SELECT :'n'::smallint, :'n' :: text", &[("n", "-32768")], "SELECT ( -32768)::smallint, ( -32768) :: text"),
        ("SELECT 1 LIMIT :'n'", &[("n", "5")], "SELECT 1 LIMIT 5"),
        ("SET lock_timeout = :'wait'", &[("wait", "1m 30s")], "SET lock_timeout = '90000ms'"),
        ("SELECT pg_read_file(:'file')", &[("file", "log/a b")], "SELECT pg_read_file('log/a b')"),
        (
            "SELECT a::\"text\", b[1:2], :c, x := 'it''s', E'\\':', U&'\\0041', U&\"\\0041\", \"q\"\"\", $a$ ' $$ ; $a$, /* ' /* ; */ */ \
             1.5e-3, N'n', b'1', x'f', :'text'",
            &[("text", "!")],
            "SELECT a::\"text\", b[1:2], :c, x := 'it''s', E'\\':', U&'\\0041', U&\"\\0041\", \"q\"\"\", $a$ ' $$ ; $a$, /* ' /* ; */ */ \
             1.5e-3, N'n', b'1', x'f', '!'",
        ),
    ] {
        assert_eq!(fill(sql, arguments).as_deref(), Ok(expected), "{sql}");
    }
}

#[test]
fn a_template_that_its_author_cannot_have_meant_is_refused() {
    for (sql, why) in [
        ("", "holds no statement"),
        (" -- nothing\n;", "holds no statement"),
        ("SELECT 1; SELECT 2", "goes on with \"SELECT\""),
        ("SELECT 1;;", "goes on with \";\""),
        ("SELECT :'nobody'", ":'nobody', which is no parameter"),
        ("SELECT :'no body'", "opens no placeholder"),
        ("SELECT :'", "opens no placeholder"),
        ("SELECT :\"text\"", "kind text is no name"),
        ("SELECT :\"n\"", "kind integer is no name"),
        ("SELECT 1 -- :'text'", "within a comment"),
        ("SELECT 1 /* /* :\"name\" */ */", "within a comment"),
        ("SELECT $$ :'text' $$", "within a literal"),
        ("SELECT 'a :\"name\"'", "within a literal"),
        ("SELECT \":'text'\"", "within a quoted identifier"),
        ("SELECT E:'text'", "joined to what stands beside it"),
        ("SELECT U&:'text'", "joined to"),
        ("SELECT U&:\"name\"", "joined to"),
        ("SELECT ''':'text'", "does not end"),
        ("SELECT 'a':'text'", "joined to"),
        ("SELECT :'text''b'", "joined to"),
        ("SELECT :'text':'n'", "joined to"),
        ("SELECT -:'n'", "joined to"),
        ("SELECT 1.:'n'", "joined to"),
        ("SELECT a:\"name\"", "joined to"),
        ("SELECT $1:'text'", "opens no dollar quote"),
        ("SELECT 'a'\n:'text'", "beside another literal"),
        ("SELECT E'a' -- b\n :'text'", "beside another literal"),
        ("SELECT :'text'\n'b'", "beside another literal"),
        ("SELECT :'text'\n:'n'", "beside another literal"),
        ("SELECT 'a\\'", "depends on standard_conforming_strings"),
        ("SELECT N'a\\b'", "depends on standard_conforming_strings"),
        ("SELECT 'a", "does not end"),
        ("SELECT E'a\\'", "does not end"),
        ("SELECT \"a", "does not end"),
        ("SELECT $a$ $b$", "does not end"),
        ("SELECT /* /* */", "does not end"),
        ("SELECT $1", "opens no dollar quote"),
        ("SELECT a$ $", "opens no dollar quote"),
        ("SELECT 1e$$a$$", "joined to a word"),
        ("SELECT 1_000", "joined to a word"),
        ("SELECT \\gexec", "backslash outside of literals"),
        ("SELECT 1\0", "control character"),
        ("SELECT\u{b}1", "control character"),
    ] {
        let refused = parse(sql).expect_err(sql);
        assert!(refused.contains(why), "{sql}: {refused}");
    }
}

#[test]
fn parameters_and_statements_fit_together() {
    let parameter = |name: &str| Parameter { name: name.into(), kind: ParameterKind::Text, help: String::new() };
    let parse = |statements: &[&str], names: &[&str]| {
        let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
        Template::parse(&statements, &names.iter().map(|name| parameter(name)).collect::<Vec<_>>())
    };
    assert!(parse(&["SELECT :'a'", "SELECT :'b', :'a'"], &["a", "b"]).is_ok());
    assert!(parse(&["SELECT :'a'", "SELECT 1"], &["a"]).is_ok());
    for (statements, names, why) in [
        (&[][..], &[][..], "no statement"),
        (&["SELECT 1", "SELECT 2;3"], &[], "statement 2 goes on with \"3\""),
        (&["SELECT 1"], &["a"], "parameter \"a\" is used in no statement"),
        (&["SELECT :'a'"], &["a", "a"], "parameter \"a\" is declared twice"),
        (&["SELECT 1"], &["a-b"], "parameter \"a-b\" is not a letter"),
        (&["SELECT 1"], &[""], "parameter \"\" is not a letter"),
    ] {
        let refused = parse(statements, names).unwrap_err();
        assert!(refused.contains(why), "{statements:?}: {refused}");
    }
}

#[test]
fn an_argument_fits_its_kind_or_is_refused() {
    let long = "x".repeat(64);
    let longer = format!("a.{long}");
    let everything = "SELECT :'text', :'n', :\"name\", :\"table\", :'file', :'wait'";
    let good = [("text", "a"), ("n", "1"), ("name", "a"), ("table", "a.b"), ("file", "a"), ("wait", "1s")];
    assert!(fill(everything, &good).is_ok());
    for (name, bad) in [
        ("text", "a\0b"),
        ("n", ""),
        ("n", "1.0"),
        ("n", "+1"),
        ("n", "01"),
        ("n", "-0"),
        ("n", " 1"),
        ("n", "9223372036854775808"),
        ("n", "1; DROP TABLE t"),
        ("name", ""),
        ("name", &long),
        ("name", "a\0"),
        ("table", "a"),
        ("table", "a.b.c"),
        ("table", "A.b"),
        ("table", "a.\"b"),
        ("table", "a.\"b\"c"),
        ("table", ".b"),
        ("table", "a.\"\""),
        ("table", "1a.b"),
        ("table", &longer),
        ("file", ""),
        ("file", "/etc/passwd"),
        ("file", "a/../b"),
        ("wait", "30"),
        ("wait", "-1s"),
        ("wait", "10us"),
    ] {
        let arguments = good.map(|(own, value)| if own == name { (own, bad) } else { (own, value) });
        let refused = fill(everything, &arguments).expect_err(bad);
        assert!(refused.starts_with(&format!("argument {name:?} ")), "{bad:?}: {refused}");
    }
    let missing = fill(everything, &good[1..]).unwrap_err();
    assert_eq!(missing, "argument \"text\" is missing");
    let extra = [&good[..], &[("more", "a")]].concat();
    assert_eq!(fill(everything, &extra).unwrap_err(), "there is no parameter \"more\"");
    let twice = [&good[..], &good[..1]].concat();
    assert_eq!(fill(everything, &twice).unwrap_err(), "argument \"text\" is given twice");
}

/// Numbers that are the same in each test run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % most
    }
}

const PIECES: [&str; 34] = [
    "SELECT ",
    "a",
    "E",
    "U&",
    "N",
    "'",
    "''",
    "\"",
    "\\",
    "\\'",
    "$",
    "$$",
    "$a$",
    "--",
    "/*",
    "*/",
    "\n",
    " ",
    ";",
    ":",
    "::",
    ":'text'",
    ":\"name\"",
    ":'n'",
    "1",
    "-",
    "(",
    ")",
    ",",
    ".",
    "=",
    "ä",
    "\u{a0}",
    "||",
];

#[test]
fn a_filled_statement_has_the_tokens_of_its_template() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut parsed, mut filled) = (0, 0);
    for _ in 0..60_000 {
        let sql: String = (0..numbers.below(9)).map(|_| PIECES[numbers.below(PIECES.len())]).collect();
        let sql = format!("SELECT {sql}");
        let Ok(template) = parse(&sql) else { continue };
        parsed += 1;
        let hostile: String = (0..numbers.below(5)).map(|_| PIECES[numbers.below(PIECES.len())]).collect();
        let arguments: Vec<(&str, &str)> = [("text", hostile.as_str()), ("name", hostile.as_str()), ("n", "-7")]
            .into_iter()
            .filter(|(name, _)| template.parameters.contains_key(*name))
            .collect();
        let Ok(statements) = template.fill(&arguments) else { continue };
        filled += usize::from(!arguments.is_empty());
        // What a literal was filled with is read as one token again; a minus sign is one of its own.
        let kinds = |sql: &str| -> Vec<char> {
            let tokens = lex::tokens(sql).unwrap_or_else(|why| panic!("{sql:?}: {why}"));
            tokens
                .iter()
                .filter_map(|token| match token {
                    Token::Blank(_) | Token::Comment(_) => None,
                    Token::Literal(_) | Token::Placeholder(Form::Literal, _) => Some('l'),
                    Token::Quoted(_) | Token::Placeholder(Form::Identifier, _) => Some('q'),
                    Token::Word(_) => Some('w'),
                    Token::Number(_) => Some('n'),
                    Token::Semicolon => Some(';'),
                    Token::Sign(_) => Some('s'),
                })
                .collect()
        };
        if !template.parameters.contains_key("n") {
            assert_eq!(kinds(&sql), kinds(&statements[0]), "{sql:?} with {hostile:?}: {:?}", statements[0]);
        }
    }
    assert!(parsed > 3000 && filled > 300, "only {parsed} parsed and {filled} were filled: too wild to show anything");
}

#[test]
fn the_transaction_the_time_outs_and_the_login_stay_the_hosts() {
    for (sql, transactional, why) in [
        ("BEGIN", true, "controls the transaction"),
        ("begin", false, "controls the transaction"),
        ("START TRANSACTION", true, "controls the transaction"),
        ("/* x */ Commit;", true, "controls the transaction"),
        ("END", true, "controls the transaction"),
        ("ROLLBACK", true, "controls the transaction"),
        ("ROLLBACK AND CHAIN", true, "controls the transaction"),
        ("ABORT WORK", true, "controls the transaction"),
        ("PREPARE TRANSACTION 'x'", true, "prepares the transaction"),
        ("COMMIT PREPARED 'x'", true, "has to be false"),
        ("ROLLBACK PREPARED 'x'", false, ""),
        ("SAVEPOINT a", true, ""),
        ("ROLLBACK TO a", true, ""),
        ("ROLLBACK WORK TO SAVEPOINT a", true, ""),
        ("RELEASE a", true, ""),
        ("SAVEPOINT a", false, "has to be true"),
        ("ROLLBACK TO SAVEPOINT a", false, "has to be true"),
        ("SET SESSION AUTHORIZATION boss", true, "changes the login"),
        ("RESET SESSION AUTHORIZATION", true, "changes the login"),
        ("SET ROLE boss", true, "changes the role"),
        ("SET LOCAL ROLE boss", true, "changes the role"),
        ("SET \"role\" TO boss", true, "changes the role"),
        ("RESET ROLE", true, "changes the role"),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", true, "changes the transaction"),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", false, "changes how transactions begin"),
        ("SET LOCAL statement_timeout = 0", true, "sets statement_timeout"),
        ("SET LOCK_TIMEOUT TO 0", false, "sets lock_timeout"),
        ("RESET search_path", true, "sets search_path"),
        ("RESET ALL", false, "resets all settings"),
        ("SET LOCAL maintenance_work_mem = '1GB'", true, ""),
        ("SET U&\"\\0073tatement_timeout\" = 0", true, "sets what cannot be told"),
        ("SET LOCAL :\"name\" = 0", true, "sets what cannot be told"),
        ("RESET :\"name\"", false, "sets what cannot be told"),
        ("ALTER ROLE a SET :\"name\" = 0", true, ""),
        ("SELECT set_config('lock_timeout', '0', false)", true, "sets lock_timeout"),
        ("SELECT pg_catalog.\"set_config\" /* */ ('ROLE', 'boss', true)", true, "changes the role"),
        ("SELECT set_config(:'text', '0', false)", true, "no plain literal"),
        ("SELECT set_config('lock_' || 'timeout', '0', false)", true, ""),
        ("SELECT set_config(E'lock\\x5ftimeout', '0', false)", true, "no plain literal"),
        ("SELECT set_config('app.mark', :'text', true)", true, ""),
        ("DISCARD ALL", false, "discards"),
        ("COPY t FROM STDIN", true, "is a COPY"),
        ("COPY t TO PROGRAM 'sh'", false, "is a COPY"),
        ("EXECUTE p", true, "is about the session"),
        ("VACUUM a.b", true, "has to be false"),
        ("VACUUM a.b", false, ""),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON a.b (c)", true, "has to be false"),
        ("REINDEX (VERBOSE) INDEX CONCURRENTLY a.i", true, "has to be false"),
        ("CREATE INDEX i ON a.b (c)", true, ""),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY a.v", true, ""),
        ("ALTER SYSTEM SET a.b = 'c'", true, "has to be false"),
        ("UPDATE a.b SET role = 'x'", true, ""),
        ("SELECT 'BEGIN'", true, ""),
        ("DELETE FROM a.begin", true, ""),
    ] {
        let found = forbidden::mistake(sql, transactional).unwrap_or_default();
        assert!(if why.is_empty() { found.is_empty() } else { found.contains(why) }, "{sql} {transactional}: {found}");
    }
}

#[test]
fn what_no_rollback_undoes_is_not_rehearsed() {
    for (sql, lasts) in [
        ("SELECT pg_drop_replication_slot(:'text')", true),
        ("SELECT pg_catalog.pg_terminate_backend (5)", true),
        ("SELECT PG_SWITCH_WAL ( )", true),
        ("SELECT \"pg_reload_conf\"()", true),
        ("DELETE FROM a.b WHERE pg_cancel_backend(1)", true),
        ("SELECT public.dblink_exec('x')", true),
        ("DO $$ begin end $$", true),
        ("CALL a.b()", true),
        ("DELETE FROM a.b WHERE n = 1", false),
        ("SELECT pg_size_pretty(pg_total_relation_size('a'))", false),
        ("SELECT 'pg_switch_wal()' -- pg_switch_wal()", false),
        ("ALTER TABLE a.b ADD COLUMN pg_x int", false),
    ] {
        assert_eq!(lasting(sql).is_some(), lasts, "{sql}: {:?}", lasting(sql));
    }
}
