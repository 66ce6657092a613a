//! Who may log in, with which password from where, and what a failure says.

use std::time::Duration;

use crate::grants::secret::Secret;

use super::{
    super::{DsnError, Limits, PasswordSource, Session, Target},
    fixture::{Server, line, own},
};

async fn login(target: &Target) -> String {
    match Session::connect(target, &Limits::default(), "pgreeve/test").await {
        Ok(session) => {
            session.close().await;
            "in".to_owned()
        }
        Err(error) => line(&error),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_superuser_is_refused_unless_it_is_allowed() {
    let server = Server::start();
    assert_eq!(login(&server.target("observer")).await, "in");
    let refused = login(&server.target("boss")).await;
    assert!(
        refused.starts_with("Denied: the login role boss is a superuser") && refused.contains("allow_superuser = true"),
        "{refused}"
    );
    let refused = login(&server.target("deputy")).await;
    assert!(refused.starts_with("Denied: the login role deputy is a member of superuser boss"), "{refused}");
    for role in ["boss", "deputy"] {
        assert_eq!(login(&server.target(role).with_superuser_allowed(true)).await, "in");
    }
    let actor = login(&server.target("boss").for_actions()).await;
    assert!(actor.starts_with("Denied: ") && actor.contains("set act_allow_superuser = true"), "{actor}");
    // A login may come with a role and a search path set for it.
    server.psql(
        "create schema trap; create function trap.pg_has_role(name, oid, text) \
         returns bool language sql as 'select false'; \
         grant usage on schema trap to boss; create role meek; grant meek to boss; \
         alter role boss set role = meek; alter role boss set search_path = trap, pg_catalog",
    );
    assert!(login(&server.target("boss")).await.starts_with("Denied: "), "who logged in counts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_comes_from_every_source_and_appears_in_no_message() {
    let server = Server::start_with("", "local all all scram-sha-256", |_| {});
    let target = server.target("observer");
    let write = |name: &str, text: &str, mode: u32| {
        let path = server.path(name);
        std::fs::write(&path, text).unwrap();
        std::os::unix::fs::chown(&path, Some(rustix::process::geteuid().as_raw()), None).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        path
    };
    let socket = server.directory.path().display().to_string();
    // Setting an environment variable is unsafe with threads: take ones that are set already.
    let (set, unset) = ("PATH".to_owned(), "PGREEVE_NO_SUCH_VARIABLE".to_owned());
    for (source, expected) in [
        (file(write("good", "right\n", 0o600)), "in"),
        (file(write("raw", "right", 0o400)), "in"),
        (file(write("open", "right\n", 0o644)), "can be read by others (mode 0644): chmod 0600"),
        (file(write("empty", "\n", 0o600)), "is empty"),
        (file(server.path("absent")), "cannot read secret file"),
        (file(write("bad", "wrong-secret\n", 0o600)), "(28P01); the password came from secret file"),
        (env(set), "(28P01); the password came from environment variable PATH"),
        (env(unset), "environment variable PGREEVE_NO_SUCH_VARIABLE is not set"),
        (credential("pw".into()), "needs $CREDENTIALS_DIRECTORY"),
        (PasswordSource::PassFile(write("pgpass", &format!("{socket}:*:app:observer:right\n"), 0o600)), "in"),
        (
            PasswordSource::PassFile(write("others", "other:*:*:*:right\n", 0o600)),
            "the server asks for a password, and passfile",
        ),
        (PasswordSource::PassFile(write("wide", "*:*:*:*:right\n", 0o640)), "can be read by others (mode 0640)"),
    ] {
        let outcome = login(&target.clone().with_password(source.clone())).await;
        assert!(outcome.contains(expected), "{source}: {outcome}");
        assert!(!outcome.contains("right") && !outcome.contains("wrong-secret"), "{outcome}");
        assert_eq!(expected == "in", outcome == "in", "{source}: {outcome}");
    }
    assert_eq!(
        login(&Target::parse(&format!("{} passfile={socket}/pgpass", server.dsn("observer")), "x").unwrap()).await,
        "in"
    );
    let outcome = login(&target).await;
    assert!(outcome.contains("the server asks for a password, and password_file, "), "{outcome}");
}

#[test]
fn credentials_and_variables_are_read_in_a_process_that_has_them() {
    // The same test binary again, with an environment of its own.
    const INNER: &str = "PGREEVE_TEST_INNER_PASSWORD";
    use super::super::{
        address::{Address, Host},
        password::PasswordSource,
    };
    let host = Host { address: Address::Unix("/tmp".into()), port: 5432 };
    let read = |source: PasswordSource| source.read(&host, "app", "me").map_err(|error| error.to_string());
    if std::env::var_os(INNER).is_some() {
        assert_eq!(read(env(INNER.into())), Ok(Some(b"from env".to_vec())));
        assert_eq!(read(credential("pw".into())), Ok(Some(b"from systemd".to_vec())));
        assert_eq!(read(PasswordSource::HomePassFile), Ok(Some(b"from home".to_vec())));
        for bad in ["../pw", "..", "", "none"] {
            assert!(read(credential(bad.into())).is_err(), "{bad}");
        }
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("pw"), "from systemd\n").unwrap();
    std::fs::write(directory.path().join(".pgpass"), "*:*:*:*:from home\n").unwrap();
    std::fs::set_permissions(directory.path().join(".pgpass"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    let name = std::thread::current().name().unwrap().to_owned();
    let inner = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name])
        .env(INNER, "from env")
        .env("CREDENTIALS_DIRECTORY", directory.path())
        .env("HOME", directory.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&inner.stdout);
    assert!(inner.status.success() && out.contains("1 passed"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_says_what_was_tried_and_what_to_do() {
    let mut server =
        Server::start_with("", "local app observer peer\nlocal all boss reject\nlocal all all trust", |_| {});
    own(server.directory.path(), 0o755);
    let socket = server.directory.path().display().to_string();
    for (user, dbname, expected) in [
        ("observer", "app", "run as operating system user observer"),
        ("boss", "app", "pg_hba.conf needs a line for boss on app"),
        ("nobody", "app", "(28000)"),
        ("observer", "nope", "database \"nope\" does not exist (3D000); check dbname"),
    ] {
        let target = Target::parse(&format!("host={socket} dbname={dbname} user={user}"), "x").unwrap();
        let outcome = login(&target).await;
        assert!(outcome.starts_with("Remote: cannot connect (user=") && outcome.contains(expected), "{outcome}");
        assert!(outcome.contains(&format!("user={user} dbname={dbname} host={socket}:5432")), "{outcome}");
    }
    // Two hosts: the second answers.
    let both = Target::parse(&format!("host=/nonexistent,{socket} dbname=postgres user=deputy"), "x").unwrap();
    assert_eq!(login(&both.with_superuser_allowed(true)).await, "in");

    server.stop();
    // What a killed server leaves behind: a socket that nobody listens on.
    drop(std::os::unix::net::UnixListener::bind(server.path(".s.PGSQL.5432")).unwrap());
    let outcome = login(&server.target("observer")).await;
    assert!(
        outcome.starts_with("Unreachable: cannot connect (user=observer") && outcome.contains("Connection refused"),
        "{outcome}"
    );
    let outcome = login(&Target::parse("host=/nonexistent,nosuch.invalid hostaddr=,", "me").unwrap()).await;
    assert!(
        outcome.contains("/nonexistent:5432: No such file")
            && outcome.contains("nosuch.invalid:5432: the name does not resolve"),
        "{outcome}"
    );
    // A server that accepts and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dsn = format!("host=127.0.0.1 port={} user=me", silent.local_addr().unwrap().port());
    let limits = Limits { connect_timeout: Duration::from_millis(200), ..Limits::default() };
    let error = Session::connect(&Target::parse(&dsn, "me").unwrap(), &limits, "x").await.err().unwrap();
    assert!(line(&error).contains("no connection within 200ms"), "{error}");
}

#[test]
fn a_connection_string_is_refused_where_it_asks_for_what_is_not_there() {
    for (dsn, expected) in [
        ("host=h password=hunter2", "a password does not belong here"),
        ("postgres://h/db?password=hunter2", "a password does not belong here"),
        ("hots=h", "hots: no such setting"),
        ("service=x", "service: service files are not read"),
        ("application_name=x", "application_name: pgreeve sets it"),
        ("target_session_attrs=read-write", "target_session_attrs: "),
        ("port=0", "port must be a number from 1 to 65535"),
        ("port=hunter2", "port must be"),
        ("host=a,b port=1,2,3", "as many as there are hosts"),
        ("host=a,b hostaddr=127.0.0.1", "hostaddr must be a list as long as host"),
        ("hostaddr=localhost", "hostaddr must be an IPv4 or IPv6 address"),
        ("sslmode=on", "sslmode must be disable, allow,"),
        ("sslmode=verify-full", "sslrootcert must be given"),
        ("sslmode=require sslrootcert=system", "verify-full with sslrootcert=system"),
        ("sslcert=/a", "sslkey must be given together with sslcert"),
        ("connect_timeout=soon", "connect_timeout must be"),
        ("channel_binding=maybe", "channel_binding must be"),
    ] {
        let error = Target::parse(dsn, "me").unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{dsn}: {error}");
    }
    assert_eq!(Target::parse("password=x", "me"), Err(DsnError::Password));
}

#[test]
fn defaults_are_libpqs() {
    for (dsn, expected) in [
        ("", "user=me dbname=me host=/var/run/postgresql:5432"),
        ("user=you host=''", "user=you dbname=you host=/var/run/postgresql:5432"),
        ("host=a,b port=5433", "user=me dbname=me host=a:5433,b:5433"),
        (
            "host=a,,/run port=1,,3 dbname=d target_session_attrs=any",
            "user=me dbname=d host=a:1,/var/run/postgresql:5432,/run:3",
        ),
        ("host=a hostaddr=::1", "user=me dbname=me host=a(::1):5432"),
    ] {
        assert_eq!(Target::parse(dsn, "me").unwrap().to_string(), expected, "{dsn}");
    }
    use super::super::SslMode;
    for (dsn, expected) in [
        ("", SslMode::Prefer),
        ("sslmode=require", SslMode::Require),
        ("sslmode=require sslrootcert=/ca", SslMode::VerifyCa),
        ("sslrootcert=system", SslMode::VerifyFull),
        ("sslrootcert=/ca", SslMode::Prefer),
    ] {
        assert_eq!(Target::parse(dsn, "me").unwrap().sslmode, expected, "{dsn}");
    }
}

fn file(path: std::path::PathBuf) -> PasswordSource {
    PasswordSource::Secret(Secret::File(path))
}

fn env(name: String) -> PasswordSource {
    PasswordSource::Secret(Secret::Env(name))
}

fn credential(name: String) -> PasswordSource {
    PasswordSource::Secret(Secret::Credential(name))
}
