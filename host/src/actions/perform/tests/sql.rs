//! Statements of actions on a real server.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use super::{Ended, What, act, acting};
use crate::actions::perform::perform;
use crate::grants::postgres::tests::fixture::{Server, await_that};
use crate::grants::postgres::{Actor, Fault, Keeps, Scope, Target};

const PATIENT: Duration = Duration::from_secs(30);

/// A server where `actor` may log in and owns `public.t (n int primary key)` with the rows 1 to 3.
fn server_with(conf: &str) -> Server {
    let server = Server::start_with(conf, "local all all trust", |_| {});
    server.psql(
        "create role actor login; grant connect on database app to actor; create table public.t (n int primary key); \
         insert into public.t select generate_series(1, 3); create table public.seen (what text); \
         alter table public.t owner to actor; alter table public.seen owner to actor; grant create on schema public to actor",
    );
    server
}

pub(super) fn server() -> Server {
    server_with("")
}

pub(super) fn scope(server: &Server, actor: &str) -> Scope {
    Scope { act: Some(server.target(actor)), ..Scope::new("main", server.target("observer")) }
}

fn sql(scope: &Scope, statements: &[&str], timeout: Duration, transactional: bool) -> What {
    let statements = statements.iter().map(|sql| (*sql).to_owned()).collect();
    What::Sql { scope: Arc::new(scope.clone()), statements, timeout, transactional }
}

/// What the actor is doing on the server, while it waits there.
fn waiting(server: &Server, event: &str) -> String {
    let ask = format!(
        "select pid from pg_stat_activity where application_name = 'pgreeve/act watch/fix' and wait_event = '{event}'"
    );
    let mut pid = String::new();
    await_that(event, || {
        pid = server.psql(&ask);
        !pid.is_empty()
    });
    pid
}

fn sessions(server: &Server) -> String {
    server.psql("select count(*) from pg_stat_activity where application_name like 'pgreeve/%'")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_are_committed_by_the_actor_and_never_by_the_observer() {
    let server = server();
    let scope = scope(&server, "actor");
    let statements = [
        "delete from public.t where n > 1",
        "insert into public.seen values (session_user || ' ' || current_setting('application_name'))",
        "create table public.made (n int)",
        "select count(*) from public.t",
    ];
    let (ended, detail) = act(sql(&scope, &statements, PATIENT, true)).await;
    assert_eq!(ended, Ended::Done, "{detail}");
    let lines: Vec<&str> = detail.lines().map(|line| line.split(" in ").next().unwrap()).collect();
    let expected = [
        "committed",
        "statement 1 of 4: 2 rows",
        "statement 2 of 4: 1 row",
        "statement 3 of 4: done",
        "statement 4 of 4: 1 row, the first 1",
    ];
    assert_eq!(lines, expected);
    assert_eq!(server.psql("select what from public.seen"), "actor pgreeve/act watch/fix");
    assert_eq!(server.psql("select n from public.t"), "1");
    assert_eq!(sessions(&server), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_has_its_time_outs_whatever_the_login_is_set_to() {
    let server = server();
    server.psql(
        "alter role actor set statement_timeout = 0; alter role actor set lock_timeout = 0; alter role actor set search_path = public; \
         alter role actor set default_transaction_read_only = on; alter role actor set standard_conforming_strings = off; \
         alter role actor set client_encoding = 'latin1'",
    );
    let note = "insert into public.seen select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name in \
                ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'search_path', 'client_encoding', \
                'standard_conforming_strings')";
    for transactional in [true, false] {
        let (ended, detail) = act(sql(&scope(&server, "actor"), &[note], PATIENT, transactional)).await;
        assert_eq!(ended, Ended::Done, "{detail}");
        let expected = "client_encoding=UTF8 idle_in_transaction_session_timeout=30000 lock_timeout=1000 \
                        search_path=pg_catalog,pg_temp standard_conforming_strings=on statement_timeout=30000";
        assert_eq!(server.psql("select what from public.seen").replace(", ", ","), expected, "{transactional}");
        server.psql("truncate public.seen");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_without_a_login_for_it_or_as_a_superuser() {
    let server = server();
    let delete = ["delete from public.t"];
    for (scope, why) in [
        (
            Scope::new("main", server.target("observer")),
            "add act_dsn, the connection string of a login for actions, under [postgres.main]",
        ),
        (scope(&server, "boss"), "boss is a superuser"),
        (scope(&server, "deputy"), "deputy is a member of superuser boss"),
        (scope(&server, "nobody"), "role \"nobody\" does not exist"),
    ] {
        for transactional in [true, false] {
            let (ended, detail) = act(sql(&scope, &delete, PATIENT, transactional)).await;
            assert_eq!(ended, Ended::Refused, "{detail}");
            assert!(detail.contains(why), "{detail}");
        }
    }
    // What is the observer's to see is not the observer's to change, were it named as the actor.
    let (ended, detail) = act(sql(&scope(&server, "observer"), &delete, PATIENT, true)).await;
    assert_eq!(ended, Ended::Failed);
    assert!(detail.contains("permission denied for table t (42501)"), "{detail}");
    assert_eq!(server.psql("select count(*) from public.t"), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_does_what_a_standby_can() {
    let mut server = server();
    server.restart_in_recovery();
    let scope = scope(&server, "actor");
    for transactional in [true, false] {
        let ask = ["select pg_is_in_recovery()"];
        let (ended, detail) = act(sql(&scope, &ask, PATIENT, transactional)).await;
        assert_eq!(ended, Ended::Done, "{detail}");
        assert!(detail.contains("1 row, the first true"), "{detail}");
        let (ended, detail) = act(sql(&scope, &["delete from public.t"], PATIENT, transactional)).await;
        assert_eq!(ended, Ended::Failed);
        assert!(detail.contains("cannot execute DELETE in a read-only transaction (25006)"), "{detail}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_statement_undoes_its_transaction_and_nothing_else() {
    let server = server();
    let scope = scope(&server, "actor");
    let statements = ["delete from public.t where n = 1", "insert into public.t values (2)", "delete from public.t"];
    let (ended, detail) = act(sql(&scope, &statements, PATIENT, true)).await;
    assert_eq!(ended, Ended::Failed);
    let first = detail.lines().next().unwrap();
    assert!(first.starts_with("statement 2 of 3 failed") && first.contains("23505"), "{detail}");
    assert!(first.ends_with("; rolled back, nothing has changed"), "{detail}");
    assert_eq!(server.psql("select count(*) from public.t"), "3");

    let (ended, detail) = act(sql(&scope, &statements, PATIENT, false)).await;
    assert_eq!(ended, Ended::Failed);
    assert!(detail.contains("what the statements before it did stays; those after it were not sent"), "{detail}");
    assert_eq!(server.psql("select count(*) from public.t"), "2");

    // Refused by COMMIT itself.
    server.psql("alter table public.t add unique (n) deferrable initially deferred; alter table public.t drop constraint t_pkey");
    let (ended, detail) = act(sql(&scope, &["insert into public.t values (2)"], PATIENT, true)).await;
    assert_eq!(ended, Ended::Failed);
    assert!(detail.contains("COMMIT failed: ") && detail.contains("23505"), "{detail}");
    assert_eq!(server.psql("select count(*) from public.t"), "2");

    // A canary that is undone.
    let canary = ["savepoint a", "delete from public.t", "rollback to a", "delete from public.t where n = 2"];
    assert_eq!(act(sql(&scope, &canary, PATIENT, true)).await.0, Ended::Done);
    assert_eq!(server.psql("select n from public.t"), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_statement_stays_one() {
    let server = server();
    let scope = scope(&server, "actor");
    for transactional in [true, false] {
        for two in ["delete from public.t; select 1", "select 1; commit; delete from public.t"] {
            let (ended, detail) = act(sql(&scope, &[two], PATIENT, transactional)).await;
            assert_eq!(ended, Ended::Failed);
            assert!(detail.contains("cannot insert multiple commands into a prepared statement"), "{detail}");
        }
    }
    assert_eq!(server.psql("select count(*) from public.t"), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_gives_up_on_a_lock_and_on_time() {
    let server = server();
    let scope = Scope { lock_timeout: Duration::from_millis(100), ..scope(&server, "actor") };
    let mut other = Actor::connect(&scope, PATIENT, "other", Keeps::Transaction).await.unwrap();
    other.begin().await.unwrap();
    other.run("lock table public.t").await.unwrap();
    for transactional in [true, false] {
        let (ended, detail) = act(sql(&scope, &["delete from public.t"], PATIENT, transactional)).await;
        assert_eq!(ended, Ended::Failed);
        assert!(detail.contains("lock timeout (55P03)"), "{detail}");
        let short = Duration::from_millis(100);
        let (ended, detail) = act(sql(&scope, &["select pg_sleep(600)"], short, transactional)).await;
        assert_eq!(ended, Ended::Failed);
        assert!(detail.contains("statement timeout"), "{detail}");
    }
    other.close().await;
    assert_eq!(server.psql("select count(*) from public.t"), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_in_a_transaction_is_done_and_its_warnings_are_reported() {
    let server = server();
    let scope = scope(&server, "actor");
    let statements = ["create index concurrently i on public.t (n)", "vacuum public.t"];
    let (ended, detail) = act(sql(&scope, &statements, PATIENT, false)).await;
    assert_eq!(ended, Ended::Done, "{detail}");
    assert_eq!(server.psql("select indisvalid from pg_index where indexrelid = 'public.i'::regclass"), "t");
    // VACUUM of what is another's succeeds; only the warning tells.
    let (ended, detail) = act(sql(&scope, &["vacuum pg_catalog.pg_authid"], PATIENT, false)).await;
    assert_eq!(ended, Ended::Done);
    assert!(detail.contains("the server warns: ") && detail.contains("pg_authid"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_at_commit_is_uncertain_and_before_it_is_not() {
    let server = server();
    let scope = scope(&server, "actor");
    let ending = |statement: &'static str, transactional| {
        let what = sql(&scope, &[statement], PATIENT, transactional);
        tokio::spawn(async move { act(what).await })
    };
    // Before COMMIT: the server undoes it.
    let action = ending("with d as (delete from public.t returning 1) select pg_sleep(600) from d", true);
    let pid = waiting(&server, "PgSleep");
    server.psql(&format!("select pg_terminate_backend({pid})"));
    let (ended, detail) = action.await.unwrap();
    assert_eq!(ended, Ended::Failed);
    assert!(detail.contains("before COMMIT, so the server undoes"), "{detail}");
    await_that("the end of the session", || sessions(&server) == "0");
    assert_eq!(server.psql("select count(*) from public.t"), "3");
    // Without a transaction nobody knows.
    let action = ending("select pg_sleep(600)", false);
    let pid = waiting(&server, "PgSleep");
    server.psql(&format!("select pg_terminate_backend({pid})"));
    let (ended, detail) = action.await.unwrap();
    assert_eq!(ended, Ended::Uncertain, "{detail}");

    // COMMIT waits for a standby that is not there.
    server.psql("alter system set synchronous_standby_names = 'nobody'; select pg_reload_conf()");
    await_that("the setting", || server.psql("show synchronous_standby_names") == "nobody");
    let action = ending("delete from public.t where n = 1", true);
    let pid = waiting(&server, "SyncRep");
    server.psql(&format!("set synchronous_commit = local; select pg_terminate_backend({pid})"));
    let (ended, detail) = action.await.unwrap();
    assert_eq!(ended, Ended::Uncertain);
    assert!(detail.contains("COMMIT was sent, and whether the server carried it out is not known"), "{detail}");
    await_that("the end of the session", || sessions(&server) == "0");
    assert_eq!(server.psql("select count(*) from public.t"), "2", "and it had been carried out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_waits_for_too_long_is_cancelled_and_its_answer_believed() {
    let server = server();
    server.psql("alter system set synchronous_standby_names = 'nobody'; select pg_reload_conf()");
    await_that("the setting", || server.psql("show synchronous_standby_names") == "nobody");
    let short = Duration::from_millis(500);
    let (ended, detail) = act(sql(&scope(&server, "actor"), &["delete from public.t"], short, true)).await;
    assert_eq!(ended, Ended::Done, "{detail}");
    assert!(detail.contains("the server warns: canceling wait for synchronous replication"), "{detail}");
    assert_eq!(server.psql("select count(*) from public.t"), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_action_leaves_nothing_running() {
    let server = server();
    let what = sql(&scope(&server, "actor"), &["delete from public.t", "select pg_sleep(600)"], PATIENT, true);
    let action = tokio::spawn(async move { perform(&what, &acting()).await });
    waiting(&server, "PgSleep");
    action.abort();
    await_that("the end of the session", || sessions(&server) == "0");
    assert_eq!(server.psql("select count(*) from public.t"), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_rows_ends_the_connection_and_undoes_the_transaction() {
    let server = server();
    let flood = ["delete from public.t", "select repeat('x', 100000) from generate_series(1, 1000)"];
    let (ended, detail) = act(sql(&scope(&server, "actor"), &flood, PATIENT, true)).await;
    assert_eq!(ended, Ended::Failed);
    assert!(detail.contains("more bytes than this run may receive"), "{detail}");
    await_that("the end of the session", || sessions(&server) == "0");
    assert_eq!(server.psql("select count(*) from public.t"), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_actor_stays_lost() {
    let server = server();
    let mut actor = Actor::connect(&scope(&server, "actor"), PATIENT, "pgreeve/lost", Keeps::Session).await.unwrap();
    server.psql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgreeve/lost'");
    assert!(matches!(actor.run("select 1").await, Err(Fault::Lost(_))));
    assert!(matches!(actor.begin().await, Err(Fault::Lost(_))));
}

/// Passes one connection on to the server, but for the `options` of its start, as a pooler does that is set to ignore them; its port.
fn swallowing(server: &Server) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = server.path(".s.PGSQL.5432");
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut length = [0; 4];
        client.read_exact(&mut length).unwrap();
        let mut start = vec![0; u32::from_be_bytes(length) as usize - 4];
        client.read_exact(&mut start).unwrap();
        let words: Vec<&[u8]> = start[4..].split(|byte| *byte == 0).collect();
        let mut kept = start[..4].to_vec();
        for pair in words.chunks(2).filter(|pair| pair.len() == 2 && pair[0] != b"options" && !pair[0].is_empty()) {
            for word in pair {
                kept.extend([word, &b"\0"[..]].concat());
            }
        }
        kept.push(0);
        let mut upstream = UnixStream::connect(socket).unwrap();
        upstream.write_all(&u32::try_from(kept.len() + 4).unwrap().to_be_bytes()).unwrap();
        upstream.write_all(&kept).unwrap();
        let (mut from, mut to) = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
        let back = std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
        let _ = std::io::copy(&mut client, &mut upstream);
        let _ = upstream.shutdown(std::net::Shutdown::Both);
        back.join().unwrap();
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_time_outs_nothing_is_sent() {
    let server = server();
    for (transactional, expected) in [(false, Ended::Refused), (true, Ended::Done)] {
        let dsn = format!("host=127.0.0.1 port={} user=actor dbname=app sslmode=disable", swallowing(&server));
        let act_ = Some(Target::parse(&dsn, "nobody").unwrap());
        let scope = Scope { act: act_, ..Scope::new("main", server.target("observer")) };
        let (ended, detail) = act(sql(&scope, &["delete from public.t where n = 1"], PATIENT, transactional)).await;
        assert_eq!(ended, expected, "{detail}");
        assert!(transactional || detail.contains("act_dsn has to lead to the server itself"), "{detail}");
        assert_eq!(server.psql("select count(*) from public.t"), if transactional { "2" } else { "3" });
    }
}
