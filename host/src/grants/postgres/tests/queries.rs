//! What a plugin's SQL can and cannot do, and what it may take.

use std::time::{Duration, Instant};

use super::{
    super::{Column, Error, Limit, Limits, Session, Value},
    fixture::{Server, await_that, line},
};

fn int(number: i64) -> Value {
    Value::Int(number)
}

async fn all(session: &mut Session, sql: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, Error> {
    let mut rows = session.query(sql, parameters).await?;
    let mut out = Vec::new();
    while let Some(batch) = session.next(&mut rows, 1000).await? {
        out.extend(batch);
    }
    Ok(out)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_select_answers_and_nothing_else_gets_through() {
    let server = Server::start();
    server.psql(
        "create table public.t (n int); insert into public.t values (1); \
         grant all on public.t to observer; create role plain; grant plain to observer",
    );
    let mut session = server.session().await;

    for (sql, parameters, expected) in [
        ("select $1::int + 1", vec![int(41)], vec![vec![int(42)]]),
        ("values (1), (2);", vec![], vec![vec![int(1)], vec![int(2)]]),
        ("table public.t", vec![], vec![vec![int(1)]]),
        ("select 1 -- ", vec![], vec![vec![int(1)]]),
        ("select 1; --", vec![], vec![vec![int(1)]]),
        ("select 1 /* ; drop table public.t */", vec![], vec![vec![int(1)]]),
        ("select $$; drop table public.t; $$", vec![], vec![vec![Value::Text("; drop table public.t; ".into())]]),
        (
            "with recursive r(n) as (select 1 union all select n + 1 from r where n < 3) select max(n) from r",
            vec![],
            vec![vec![int(3)]],
        ),
        ("select n from public.t where n = $1", vec![int(1)], vec![vec![int(1)]]),
        ("select $1", vec![Value::Null], vec![vec![Value::Null]]),
        ("select from public.t", vec![], vec![vec![]]),
        ("select 1 where false", vec![], vec![]),
        // SET ROLE is no boundary; the rollback undoes it.
        ("select set_config('role', 'plain', true)", vec![], vec![vec![Value::Text("plain".into())]]),
        ("select current_user::text", vec![], vec![vec![Value::Text("observer".into())]]),
    ] {
        assert_eq!(all(&mut session, sql, &parameters).await, Ok(expected), "{sql}");
    }

    for (sql, expected) in [
        ("", "42601"),
        ("commit", "42601"),
        ("show all", "42601"),
        ("explain select 1", "42601"),
        ("set role plain", "42601"),
        ("do $$begin end$$", "42601"),
        ("copy public.t to stdout", "42601"),
        ("call x()", "42601"),
        ("insert into public.t values (1)", "42601"),
        ("select 1; drop table public.t", "cannot insert multiple commands into a prepared statement"),
        ("select 1; commit; drop table public.t", "cannot insert multiple commands"),
        ("select 1 /*", "unterminated /* comment"),
        ("select 'x", "unterminated quoted string"),
        ("select $a$ $b$", "unterminated dollar-quoted string"),
        ("select \"x", "unterminated quoted identifier"),
        ("select 1 into x", "INTO is not allowed here"),
        ("select n from public.t for update", "42P11 25006"),
        (
            "with d as (delete from public.t returning 1) select * from d",
            "must not contain data-modifying statements in WITH",
        ),
        (
            "select set_config('transaction_read_only', 'off', true)",
            "transaction read-write mode must be set before any query",
        ),
        ("select nextval('public.s')", "25006 42P01"),
        ("select pg_catalog.pg_read_file('/etc/passwd')", "42501"),
        ("select n from t", "42P01"), // the search path holds pg_catalog alone
        ("select 1\0", "Invalid: "),
    ] {
        let error = line(&all(&mut session, sql, &[]).await.unwrap_err());
        assert!(
            error.contains(expected) || expected.split(' ').any(|code| code.len() == 5 && error.contains(code)),
            "{sql}: {error}"
        );
    }
    let error = all(&mut session, "select $1::int + $2::int", &[int(1)]).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
    let error = all(&mut session, "select $1::int", &[Value::Text("a\0b".into())]).await.unwrap_err();
    assert!(line(&error).contains("22021"), "{error}");
    let error = all(&mut session, "select 1", &vec![int(1); 70_000]).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");

    assert_eq!(
        all(&mut session, "select count(*) from public.t", &[]).await,
        Ok(vec![vec![int(1)]]),
        "the session survives them all"
    );
    // Works in a read-only transaction on 15; the rollback undoes it.
    assert!(all(&mut session, "select lo_create(4711)", &[]).await.is_ok());
    assert_eq!(all(&mut session, "select count(*) from pg_largeobject_metadata", &[]).await, Ok(vec![vec![int(0)]]));
    assert_eq!(server.psql("select count(*) from public.t"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_query_sets_ends_with_it() {
    let server = Server::start();
    let mut session = server.session().await;
    let ask = "select current_setting('row_security'), current_setting('jit'), current_setting('search_path')";
    let begin = ["off", "off", "pg_catalog, pg_temp"].map(|text| Value::Text(text.into())).to_vec();
    assert_eq!(all(&mut session, ask, &[]).await, Ok(vec![begin.clone()]));
    for local in ["true", "false"] {
        let set = format!(
            "select set_config('row_security', 'on', {local}), set_config('jit', 'on', {local}), set_config('search_path', 'public', {local})"
        );
        assert!(all(&mut session, &set, &[]).await.is_ok(), "a query may");
        assert_eq!(all(&mut session, ask, &[]).await, Ok(vec![begin.clone()]), "{local}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_are_known_before_the_first_row() {
    let server = Server::start();
    server.psql(
        "create schema \"My\"; create type \"My\".\"Mood\" as enum ('fine'); grant usage on schema \"My\" to observer",
    );
    let mut session = server.session().await;
    let rows = session
        .query("select 1 as a, null::text[] as b, 'x'::\"char\", 'fine'::\"My\".\"Mood\" as m where false", &[])
        .await
        .unwrap();
    let names: Vec<_> =
        rows.columns().iter().map(|Column { name, type_name, .. }| (name.as_str(), type_name.as_str())).collect();
    assert_eq!(names, [("a", "int4"), ("b", "_text"), ("char", "\"char\""), ("m", "\"My\".\"Mood\"")]);
    assert_eq!(rows.columns()[0].type_oid, 23);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_result_comes_in_batches_and_holds_its_transaction_only_until_the_end() {
    let server = Server::start();
    let mut session = server.session().await;
    let idle = || server.psql("select state from pg_stat_activity where usename = 'observer'");

    let mut rows = session.query("select generate_series(1, 1300)", &[]).await.unwrap();
    assert_eq!(idle(), "idle in transaction");
    let mut seen = 0;
    while let Some(batch) = session.next(&mut rows, 400).await.unwrap() {
        assert!(batch.len() <= 400);
        assert_eq!(batch[0], [int(seen + 1)]);
        seen += batch.len() as i64;
    }
    assert_eq!(seen, 1300);
    await_that("the rollback", || idle() == "idle");
    assert_eq!(session.next(&mut rows, 1).await, Ok(None), "after the last row there is none");
    assert!(matches!(session.next(&mut rows, 0).await, Err(Error::Invalid(_))));

    let mut short = session.query("select 1", &[]).await.unwrap();
    await_that("the rollback of a short result", || idle() == "idle");
    let mut long = session.query("select generate_series(1, 1300)", &[]).await.unwrap();
    assert_eq!(session.identify().await.unwrap().database, "app");
    session.next(&mut long, 10_000).await.unwrap();
    assert_eq!(session.next(&mut long, 5).await.unwrap().unwrap()[0], [int(513)], "identify leaves the cursor open");
    let other = session.query("select generate_series(1, 1300)", &[]).await.unwrap();
    assert_eq!(session.next(&mut short, 5).await, Ok(Some(vec![vec![int(1)]])), "a result that was fetched stays");
    assert!(
        matches!(session.next(&mut long, 5).await, Err(Error::Invalid(_))),
        "a later query closes the earlier cursor"
    );
    session.discard(other);
    await_that("the rollback of a discarded result", || idle() == "idle");
    let cost = session.cost();
    assert_eq!((cost.queries, cost.rows), (5, 1300 + 1 + 512 + 5 + 512));
    assert!(cost.bytes > 10_000 && cost.waited > Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_capped_per_query_and_per_run() {
    let server = Server::start();
    let mut session =
        server.session_with(&Limits { rows_per_query: 600, rows_per_run: 1000, ..Limits::default() }).await;
    assert_eq!(all(&mut session, "select generate_series(1, 600)", &[]).await.unwrap().len(), 600);
    assert_eq!(
        all(&mut session, "select generate_series(1, 400)", &[]).await.unwrap().len(),
        400,
        "exactly the rest is fine"
    );
    assert_eq!(all(&mut session, "select 1", &[]).await, Err(Error::LimitExceeded(Limit::Rows)));

    let mut session = server.session_with(&Limits { rows_per_query: 600, ..Limits::default() }).await;
    assert_eq!(
        all(&mut session, "select generate_series(1, 1000000000)", &[]).await,
        Err(Error::LimitExceeded(Limit::Rows))
    );
    assert_eq!(all(&mut session, "select 1", &[]).await, Ok(vec![vec![int(1)]]), "the session goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_one_gigabyte_is_given_up_after_the_byte_cap() {
    let server = Server::start();
    let memory = |field: &str| -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    // A busy machine takes its time to make such a row.
    let patient = Duration::from_secs(120);
    let limits =
        Limits { bytes_per_run: 8 << 20, statement_timeout: patient, call_timeout: patient, ..Limits::default() };
    let mut session = server.session_with(&limits).await;
    let before = memory("VmRSS");
    let answer = all(&mut session, "select repeat(repeat('x', 1000), 1000 * 1000)", &[]).await;
    assert_eq!(answer, Err(Error::LimitExceeded(Limit::Bytes)));
    let grown = memory("VmHWM").saturating_sub(before) >> 10;
    println!("1 GB row: peak memory grew by {grown} MiB, {} bytes received", session.cost().bytes);
    assert!(grown < 64, "{grown} MiB");
    assert!(session.cost().bytes <= (8 << 20) + 1);
    assert_eq!(
        all(&mut session, "select 1", &[]).await,
        Err(Error::LimitExceeded(Limit::Bytes)),
        "and the connection is gone"
    );
    await_that("the backend to end", || {
        server.psql("select count(*) from pg_stat_activity where usename = 'observer'") == "0"
    });
    // Many small rows run into the same cap.
    let limits =
        Limits { bytes_per_run: 1 << 20, rows_per_query: u64::MAX, rows_per_run: u64::MAX, ..Limits::default() };
    let mut session = server.session_with(&limits).await;
    assert_eq!(
        all(&mut session, "select repeat('x', 1000) from generate_series(1, 10000)", &[]).await,
        Err(Error::LimitExceeded(Limit::Bytes))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sleeping_and_blocked_statements_end_on_the_server_too() {
    let server = Server::start();
    server.psql("create table public.t (n int); grant select on public.t to observer");
    let running =
        || server.psql("select count(*) from pg_stat_activity where usename = 'observer' and state = 'active'");
    let short = Duration::from_millis(300);

    // statement_timeout: the session goes on.
    let mut session = server.session_with(&Limits { statement_timeout: short, ..Limits::default() }).await;
    let error = all(&mut session, "select pg_sleep(1000)", &[]).await.unwrap_err();
    assert!(matches!(&error, Error::TimedOut(text) if text.contains("57014")), "{error}");
    assert_eq!(all(&mut session, "select 1", &[]).await, Ok(vec![vec![int(1)]]));

    // lock_timeout
    let mut session = server.session_with(&Limits { lock_timeout: short, ..Limits::default() }).await;
    let locker = server.target("boss").with_superuser_allowed(true);
    let (mut locker, connection) = {
        let mut config = tokio_postgres::Config::new();
        config.host_path(server.directory.path()).user(&locker.user).dbname("app");
        config.connect(tokio_postgres::NoTls).await.unwrap()
    };
    let connection = tokio::spawn(connection);
    let transaction = locker.transaction().await.unwrap();
    transaction.batch_execute("lock table public.t").await.unwrap();
    let error = all(&mut session, "table public.t", &[]).await.unwrap_err();
    assert!(matches!(&error, Error::Remote { code, .. } if code == "55P03"), "{error}");
    transaction.rollback().await.unwrap();
    drop(locker);
    connection.await.unwrap().unwrap();
    session.close().await;

    // The wall clock, where statement_timeout does not help.
    let limits = Limits { call_timeout: short, statement_timeout: Duration::from_secs(1000), ..Limits::default() };
    let mut session = server.session_with(&limits).await;
    let started = Instant::now();
    let error = all(&mut session, "select pg_sleep(1000)", &[]).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(60));
    await_that("the cancelled statement to end", || running() == "0");
    assert!(matches!(session.query("select 1", &[]).await, Err(Error::TimedOut(_))), "the connection was given up");

    // A run that is aborted: its future is dropped midway.
    let mut session =
        server.session_with(&Limits { statement_timeout: Duration::from_secs(1000), ..Limits::default() }).await;
    let run = tokio::spawn(async move { session.query("select pg_sleep(1000)", &[]).await.map(drop) });
    await_that("the statement to run", || running() == "1");
    run.abort();
    let aborted = Instant::now();
    await_that("the statement of the aborted run to end", || running() == "0");
    assert!(aborted.elapsed() < Duration::from_secs(60));
    assert!(server.log().contains("canceling statement due to user request"), "by a cancel request");

    // A held result.
    let mut session = server.session_with(&Limits { idle_timeout: short, ..Limits::default() }).await;
    let mut rows = session.query("select generate_series(1, 1300)", &[]).await.unwrap();
    await_that("the server to lose patience", || server.log().contains("idle-in-transaction timeout"));
    session.next(&mut rows, 1000).await.unwrap();
    let error = session.next(&mut rows, 1000).await.unwrap_err();
    assert!(matches!(&error, Error::TimedOut(text) if text.contains("25P03")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_one_named_connection_and_none_afterwards() {
    let server = Server::start();
    let seen =
        || server.psql("select string_agg(application_name, ',') from pg_stat_activity where usename = 'observer'");
    let mut session = server.session().await;
    assert_eq!(seen(), "pgreeve/test");
    all(&mut session, "select 1", &[]).await.unwrap();
    assert_eq!(seen(), "pgreeve/test");
    session.close().await;
    await_that("the closed session to be gone", || seen().is_empty());
    let mut session = server.session().await;
    let _rows = session.query("select generate_series(1, 1300)", &[]).await.unwrap();
    drop(session);
    await_that("the dropped session to be gone", || seen().is_empty());
    assert!(!server.log().contains("unexpected EOF"), "each said goodbye: {}", server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_midway_is_unreachable() {
    let mut server = Server::start();
    let mut session = server.session().await;
    all(&mut session, "select 1", &[]).await.unwrap();
    server.stop();
    let error = session.query("select 1", &[]).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    let error = session.query("select 1", &[]).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_tells_who_it_is_to_an_ordinary_role() {
    let server = Server::start();
    let mut session = server.session().await;
    let identity = session.identify().await.unwrap();
    assert!((150_000..160_000).contains(&identity.version));
    assert_eq!((identity.database.as_str(), identity.user.as_str()), ("app", "observer"));
    assert_eq!(
        identity.system_identifier.to_string(),
        server.psql("select system_identifier from pg_control_system()")
    );
    assert_eq!(
        identity.extensions.iter().map(|e| (e.name.as_str(), e.schema.as_str())).collect::<Vec<_>>(),
        [("plpgsql", "pg_catalog")]
    );
}
