//! Rehearsals on a real server.

use std::time::Duration;

use super::rehearse;
use super::sql::{scope, server};
use crate::actions::perform::Lock;

const PATIENT: Duration = Duration::from_secs(30);

fn statements(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_shows_rows_and_locks_and_changes_nothing() {
    let server = server();
    let scope = scope(&server, "actor");
    let told = rehearse(
        &scope,
        &statements(&["delete from public.t where n > 1", "alter table public.seen add column more int"]),
        PATIENT,
    )
    .await;
    assert_eq!((told.failed.as_deref(), told.statements.len()), (None, 2), "{told}");
    let [delete, alter] = &told.statements[..] else { panic!("{told}") };
    let lock = |relation: &str, mode: &str| Lock { relation: relation.into(), mode: mode.into() };
    assert_eq!((delete.rows, delete.did.as_str(), alter.did.as_str()), (2, "2 rows", "done"));
    assert!(delete.locks.contains(&lock("public.t", "RowExclusiveLock")), "{told}");
    assert!(alter.locks.contains(&lock("public.seen", "AccessExclusiveLock")), "{told}");
    assert!(!alter.locks.iter().any(|lock| lock.relation == "public.t"), "{told}");
    assert_eq!(server.psql("select count(*) from public.t"), "3");
    assert_eq!(server.psql("select count(*) from pg_attribute where attname = 'more'"), "0");
    let json = serde_json::to_value(&told).unwrap();
    assert_eq!(json["statements"][0]["rows"], 2);
    let shown = told.to_string();
    assert!(shown.contains("1. delete from public.t where n > 1\n     2 rows in "), "{shown}");
    assert!(shown.contains("locks public.seen (AccessExclusiveLock)"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_rehearsal_drops_and_makes_is_there_and_not_there_afterwards() {
    let server = server();
    let oid = server.psql("select 'public.t'::regclass::oid");
    let drop = ["drop table public.t", "create table public.t (n text)", "create index i on public.t (n)"];
    let told = rehearse(&scope(&server, "actor"), &statements(&drop), PATIENT).await;
    assert_eq!(told.failed, None, "{told}");
    let gone = Lock { relation: format!("relation {oid}"), mode: "AccessExclusiveLock".into() };
    assert!(told.statements[0].locks.contains(&gone), "{told}");
    assert!(
        told.statements[2].locks.iter().any(|lock| lock.relation == "public.t" && lock.mode == "ShareLock"),
        "{told}"
    );
    assert_eq!(server.psql("select count(*) from public.t"), "3");
    let standing = server.psql("select count(*) from pg_stat_activity where application_name like 'pgreeve/%'");
    assert_eq!(standing, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_ends_at_the_first_failure_and_before_what_would_last() {
    let server = server();
    let scope = scope(&server, "actor");
    let told = rehearse(&scope, &statements(&["delete from public.t", "select 1/0", "select 2"]), PATIENT).await;
    assert_eq!(told.statements.len(), 1);
    assert!(told.failed.as_deref().is_some_and(|why| why.contains("statement 2: division by zero")), "{told}");
    let slot = ["delete from public.t", "select pg_drop_replication_slot('x')"];
    let told = rehearse(&scope, &statements(&slot), PATIENT).await;
    assert_eq!(told.statements.len(), 0);
    assert!(told.to_string().contains("pg_drop_replication_slot() does lasts beyond a rollback"), "{told}");
    assert_eq!(server.psql("select count(*) from public.t"), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_fail_at_commit_fails_in_a_rehearsal_and_what_lasts_is_named() {
    let server = server();
    let scope = scope(&server, "actor");
    server.psql(
        "create table public.parent (id int primary key);
         create sequence public.numbers; grant usage on public.numbers to actor;
         create table public.child (parent int references public.parent deferrable initially deferred,
                                    id int default nextval('public.numbers'));
         grant insert on public.child to actor;
         create trigger tells before update on public.child for each row execute function suppress_redundant_updates_trigger();
         create trigger quiet before update on public.child for each row execute function suppress_redundant_updates_trigger();
         alter table public.child disable trigger quiet",
    );
    let told = rehearse(&scope, &statements(&["insert into public.child values (null)"]), PATIENT).await;
    assert_eq!(told.failed, None, "{told}");
    let lasting = [
        "public.child has the trigger tells: if its function suppress_redundant_updates_trigger() reached out of the database, that stays",
        "the sequence public.numbers was advanced, and stays so",
    ];
    assert_eq!(told.lasting, lasting);
    let told = rehearse(&scope, &statements(&["insert into public.child values (99)"]), PATIENT).await;
    let why = told.failed.as_deref().unwrap();
    assert!(why.contains("COMMIT would fail") && why.contains("23503"), "{told}");
    let told = rehearse(&scope, &statements(&["delete from public.t"]), PATIENT).await;
    assert!(told.lasting.is_empty(), "{told}");
}
