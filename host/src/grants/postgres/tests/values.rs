//! Every type comes out, and goes back in as it came.

use super::{
    super::{Interval, Value},
    fixture::Server,
};

fn other(type_name: &str, text: &str) -> Value {
    Value::Other { type_name: type_name.to_owned(), text: text.to_owned() }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn texts(elements: &[Option<&str>]) -> Value {
    Value::TextArray(elements.iter().map(|element| element.map(str::to_owned)).collect())
}

#[tokio::test]
async fn every_type_comes_out_and_goes_back_in() {
    let server = Server::start();
    server.psql(
        "create domain public.positive as int check (value > 0); create type public.mood as enum ('fine', 'so so'); \
         create type public.pair as (a int, b text); create type public.span as range (subtype = int)",
    );
    let mut session = server.session().await;
    let interval = |months, days, microseconds| Value::Interval(Interval { months, days, microseconds });
    let cases = [
        ("true", Value::Bool(true)),
        ("false", Value::Bool(false)),
        ("null::inet", Value::Null),
        ("32767::int2", Value::Int(32_767)),
        ("(-2147483648)::int4", Value::Int(i64::from(i32::MIN))),
        ("9223372036854775807::int8", Value::Int(i64::MAX)),
        ("4294967295::oid", Value::Int(4_294_967_295)),
        ("'7'::xid", Value::Int(7)),
        ("'7'::xid8", Value::Int(7)),
        ("'18446744073709551615'::xid8", other("xid8", "18446744073709551615")),
        ("0.1::float4", Value::Float(0.1)),
        ("0.1::float8 + 0.2::float8", Value::Float(0.1 + 0.2)),
        ("1e300::float8", Value::Float(1e300)),
        ("'-infinity'::float8", Value::Float(f64::NEG_INFINITY)),
        ("1234567890.12345678901234567890::numeric", Value::Numeric("1234567890.12345678901234567890".into())),
        ("'NaN'::numeric", Value::Numeric("NaN".into())),
        ("'Infinity'::numeric", Value::Numeric("Infinity".into())),
        ("''::text", text("")),
        ("'ä\n\"\\'::varchar(9)", text("ä\n\"\\")),
        ("'ab'::char(3)", text("ab ")),
        ("'pg_class'::name", text("pg_class")),
        ("'x'::\"char\"", text("x")),
        ("'\\x00ff7f'::bytea", Value::Bytes(vec![0, 255, 127])),
        ("''::bytea", Value::Bytes(vec![])),
        ("'2026-11-20 12:40:59.25+01'::timestamptz", Value::Timestamptz(1_795_174_859_250_000)),
        ("'infinity'::timestamptz", other("timestamptz", "infinity")),
        ("'2026-11-20 12:40:59'::timestamp", other("timestamp", "2026-11-20 12:40:59")),
        ("'0044-03-15 BC'::date", other("date", "0044-03-15 BC")),
        ("'12:00:01.5'::time", other("time", "12:00:01.5")),
        ("'1 year 2 mons -3 days 04:05:06.789'::interval", interval(14, -3, 14_706_789_000)),
        ("'-00:00:00.000001'::interval", interval(0, 0, -1)),
        ("'178956970 years 7 mons'::interval", interval(i32::MAX, 0, 0)),
        ("'{\"a\": 1}'::json", Value::Json("{\"a\": 1}".into())),
        ("'{\"a\":1}'::jsonb", Value::Json("{\"a\": 1}".into())),
        ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", Value::Uuid("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".into())),
        ("'16/B374D848'::pg_lsn", Value::Lsn(0x16_B374_D848)),
        ("'FFFFFFFF/FFFFFFFF'::pg_lsn", Value::Lsn(u64::MAX)),
        ("'{}'::text[]", texts(&[])),
        (
            r#"array['a,b', null, 'NULL', '', 'q"b\', '{x}']"#,
            texts(&[Some("a,b"), None, Some("NULL"), Some(""), Some(r#"q"b\"#), Some("{x}")]),
        ),
        ("'{a,NULL}'::name[]", texts(&[Some("a"), None])),
        ("'{1,NULL,-3}'::int4[]", Value::IntArray(vec![Some(1), None, Some(-3)])),
        ("'{9223372036854775807}'::int8[]", Value::IntArray(vec![Some(i64::MAX)])),
        ("'{{1,2},{3,4}}'::int4[]", other("_int4", "{{1,2},{3,4}}")),
        ("'[0:1]={1,2}'::int4[]", other("_int4", "[0:1]={1,2}")),
        ("'{{a},{b}}'::text[]", other("_text", "{{a},{b}}")),
        ("'{1.5,NaN}'::numeric[]", other("_numeric", "{1.5,NaN}")),
        ("5::public.positive", Value::Int(5)),
        ("'so so'::public.mood", other("public.mood", "so so")),
        ("'{fine,\"so so\"}'::public.mood[]", other("public._mood", "{fine,\"so so\"}")),
        ("'(1,\"a b\")'::public.pair", other("public.pair", "(1,\"a b\")")),
        ("'[1,5)'::public.span", other("public.span", "[1,5)")),
        ("'[1,5)'::int4range", other("int4range", "[1,5)")),
        ("'{[1,5),[7,9)}'::int4multirange", other("int4multirange", "{[1,5),[7,9)}")),
        ("'10.0.0.0/8'::inet", other("inet", "10.0.0.0/8")),
        ("'08:00:2b:01:02:03'::macaddr", other("macaddr", "08:00:2b:01:02:03")),
        ("'(1,2)'::point", other("point", "(1,2)")),
        ("B'101'::bit(3)", other("bit", "101")),
        ("'<a>ä</a>'::xml", other("xml", "<a>ä</a>")),
        ("'fat & rat'::tsquery", other("tsquery", "'fat' & 'rat'")),
        ("'1 2'::int2vector", other("int2vector", "1 2")),
        ("'pg_class'::regclass", other("regclass", "pg_class")),
        ("'observer=r/postgres'::aclitem", other("aclitem", "observer=r/postgres")),
        ("'{observer=r/postgres}'::aclitem[]", other("_aclitem", "{observer=r/postgres}")),
        ("'10:20:10,14'::pg_snapshot", other("pg_snapshot", "10:20:10,14")),
    ];
    for (expression, expected) in cases {
        let mut rows =
            session.query(&format!("select {expression}"), &[]).await.unwrap_or_else(|e| panic!("{expression}: {e}"));
        let type_name = rows.columns()[0].type_name.clone();
        let got = session.next(&mut rows, 1).await.unwrap().unwrap().remove(0).remove(0);
        assert_eq!(got, expected, "{expression}");
        // The server itself says that the parameter is the same value, compared as text for types without equality.
        let type_name = if type_name == "bit" { "varbit".to_owned() } else { type_name };
        let same = format!("select ({expression})::text is not distinct from ($1::{type_name})::text");
        let mut rows = session.query(&same, std::slice::from_ref(&got)).await.unwrap_or_else(|e| panic!("{same}: {e}"));
        let same_value = session.next(&mut rows, 1).await.unwrap().unwrap().remove(0).remove(0);
        assert!(same_value == Value::Bool(true) || type_name == "bpchar", "{expression} came as {got:?}");
        // Without a cast the named type decides.
        if let Value::Other { .. } = got {
            let mut rows =
                session.query("select pg_typeof($1)::text, $1::text", std::slice::from_ref(&got)).await.unwrap();
            let row = session.next(&mut rows, 1).await.unwrap().unwrap().remove(0);
            assert!(row[0] != text("text") && row[0] != text("unknown"), "{expression}: {row:?}");
        }
    }
}

#[tokio::test]
async fn timestamps_agree_with_the_servers_arithmetic() {
    let server = Server::start();
    let mut session = server.session().await;
    for literal in [
        "0044-03-15 12:00+00 BC",
        "0001-01-01+00",
        "0001-12-31 23:59:59.999999+00 BC",
        "4713-01-01+00 BC",
        "2000-02-29+00",
        "1900-03-01+00",
        "99999-12-31+00",
    ] {
        let sql = format!(
            "select '{literal}'::timestamptz, (extract(epoch from '{literal}'::timestamptz) * 1000000)::int8, \
                           '{literal}'::timestamptz = $1"
        );
        let mut rows = session.query(&format!("select '{literal}'::timestamptz"), &[]).await.unwrap();
        let value = session.next(&mut rows, 1).await.unwrap().unwrap().remove(0).remove(0);
        let mut rows = session.query(&sql, std::slice::from_ref(&value)).await.unwrap();
        let row = session.next(&mut rows, 1).await.unwrap().unwrap().remove(0);
        let (Value::Timestamptz(decoded), Value::Int(expected)) = (&row[0], &row[1]) else { panic!("{row:?}") };
        assert_eq!(decoded, expected, "{literal}");
        assert_eq!(row[2], Value::Bool(true), "{literal} goes back in");
    }
}

#[tokio::test]
async fn what_a_guest_does_to_the_text_forms_stays_its_own_problem() {
    let server = Server::start();
    let mut session = server.session().await;
    // The settings change before the values are written out; nothing may fail, and what does not parse comes as text.
    for (name, setting, expression) in [
        ("datestyle", "German", "now()"),
        ("intervalstyle", "sql_standard", "'1 day'::interval"),
        ("bytea_output", "escape", "'\\x00'::bytea"),
        ("timezone", "Asia/Kathmandu", "'2026-11-20 11:40:59.25+00'::timestamptz"),
    ] {
        let sql = format!("select set_config('{name}', '{setting}', true), {expression}");
        let mut rows = session.query(&sql, &[]).await.unwrap();
        let row = session.next(&mut rows, 1).await.unwrap().unwrap().remove(0);
        match name {
            "timezone" => assert_eq!(row[1], Value::Timestamptz(1_795_174_859_250_000)),
            _ => assert!(matches!(row[1], Value::Other { .. }), "{row:?}"),
        }
    }
    let mut rows = session.query("select set_config('client_encoding', 'LATIN1', true), 'ä'", &[]).await.unwrap();
    assert!(session.next(&mut rows, 1).await.is_err());
    let mut rows = session.query("select 'ä'", &[]).await.unwrap();
    assert_eq!(session.next(&mut rows, 1).await, Ok(Some(vec![vec![text("ä")]])), "and the next query is as before");
    let error = session.query("select $1", &[other("nowhere.nothing", "x")]).await.unwrap_err();
    assert!(error.to_string().contains("nowhere.nothing does not exist"), "{error}");
    let mut rows = session.query("select 1", &[]).await.unwrap();
    assert!(session.next(&mut rows, 1).await.unwrap().is_some());
}
