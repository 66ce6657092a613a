//! Logging in: passwords, ACL users, databases, TLS, and servers that let nobody in.

use std::{path::Path, process::Command};

use super::super::Server;
use super::fixture::{Redis, line, part, patient, send};
use crate::grants::{secret::Secret, tls::Tls};

fn secret(redis: &Redis, name: &str, text: &str) -> Option<Secret> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = redis.directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    Some(Secret::File(path))
}

async fn once(server: &Server, command: &str) -> String {
    line(&send(&mut part(), server, &command.split(' ').collect::<Vec<_>>()).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_asked_for_and_checked() {
    let redis = Redis::start_with("requirepass hunter2", |_| {});
    for server in [redis.unix(), redis.tcp()] {
        let answer = once(&server, "PING").await;
        assert!(
            answer.starts_with("NOAUTH") && answer.contains("password_file") && answer.contains("[redis.cache]"),
            "{answer}"
        );
        let right = Server { password: secret(&redis, "right", "hunter2\n"), ..server.clone() };
        assert_eq!(once(&right, "PING").await, "+PONG");
        let wrong = Server { password: secret(&redis, "wrong", "hunter3"), ..server.clone() };
        let answer = once(&wrong, "PING").await;
        assert!(answer.starts_with("WRONGPASS") && answer.contains("wrong") && !answer.contains("hunter"), "{answer}");
        let absent = Server { password: Some(Secret::File("/absent/file".into())), ..server };
        let answer = once(&absent, "PING").await;
        assert!(answer.starts_with("Denied") && answer.contains("/absent/file"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_the_server_does_not_want_is_an_error() {
    let redis = Redis::start();
    let server = Server { password: secret(&redis, "p", "hunter2"), ..redis.unix() };
    let answer = once(&server, "PING").await;
    assert!(
        answer.starts_with("ERR: AUTH <password> called without any password")
            && answer.contains("remove the password"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_does_not_come_back_in_a_servers_words() {
    let redis = Redis::start_with("rename-command AUTH \"\"", |_| {});
    for password in ["hunter2", &"hunter2".repeat(40)] {
        let server = Server { user: Some("app".into()), password: secret(&redis, "p", password), ..redis.unix() };
        let answer = once(&server, "PING").await;
        assert!(answer.starts_with("ERR: unknown command") && !answer.contains("hunter"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acl_user_reads_what_it_may_and_is_told_the_rule_it_lacks() {
    let mut redis = Redis::start();
    redis.admin("ACL SETUSER watch on >secret +info +ping +get +command|info ~app:*");
    redis.admin("ACL SETUSER blind on >secret +ping");
    redis.admin("ACL SETUSER off off >secret +@all");
    let password = secret(&redis, "p", "secret");
    let user = |name: &str| Server { user: Some(name.to_owned()), password: password.clone(), ..redis.unix() };
    for (name, command, expected, hint) in [
        ("watch", "INFO server", "# Server", ""),
        ("watch", "GET app:1", "nil", ""),
        ("watch", "GET other", "NOPERM", "ACL SETUSER watch %R~PATTERN"),
        ("watch", "DBSIZE", "NOPERM", "ACL SETUSER watch +dbsize"),
        ("watch", "SLOWLOG GET", "NOPERM", "ACL SETUSER watch +slowlog|get"),
        ("watch", "TTL app:1", "NOPERM", "ACL SETUSER watch +ttl"),
        ("watch", "SET app:1 x", "Denied", ""),
        ("blind", "PING", "+PONG", ""),
        ("blind", "GET app:1", "NOPERM", "ACL SETUSER blind +command|info"),
        ("off", "PING", "WRONGPASS", "a user can also be off"),
        ("nobody", "PING", "WRONGPASS", "\"nobody\""),
    ] {
        let answer = once(&user(name), command).await;
        assert!(answer.starts_with(expected) && answer.contains(hint), "{name} {command}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_selected() {
    let mut redis = Redis::start();
    redis.admin("SELECT 3");
    redis.admin("SET three 3");
    for (database, expected) in
        [(None, "0"), (Some(0), "0"), (Some(3), "1"), (Some(99), "ERR: DB index is out of range")]
    {
        let answer = once(&Server { database, ..redis.unix() }, "DBSIZE").await;
        assert!(answer.starts_with(expected), "{database:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_full_says_so() {
    let mut redis = Redis::start_with("maxclients 1", |_| {});
    redis.admin("PING");
    let answer = once(&redis.unix(), "PING").await;
    assert!(answer.starts_with("ERR: max number of clients reached") && answer.contains("maxclients"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_without_its_primary_is_an_answer() {
    let redis = Redis::start_with("replicaof 127.0.0.1 1\nreplica-serve-stale-data no", |_| {});
    let answer = once(&redis.unix(), "GET a").await;
    assert!(answer.starts_with("MASTERDOWN") && answer.contains("replica-serve-stale-data"), "{answer}");
    let answer = once(&redis.unix(), "INFO replication").await;
    assert!(answer.contains("master_link_status:down"), "{answer}");
}

fn openssl(directory: &Path, arguments: &str) {
    let out = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(out.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&out.stderr));
}

/// ca.crt, other.crt (another authority), server.crt for `localhost`, client.crt.
fn certificates(directory: &Path) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["ca", "other"] {
        openssl(directory, &format!("req -x509 {KEY} -days 2 -keyout {name}.key -out {name}.crt -subj /CN={name}"));
    }
    std::fs::write(directory.join("san"), "subjectAltName=DNS:localhost\n").unwrap();
    for name in ["server", "client"] {
        openssl(directory, &format!("req -new {KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        let sign = "-CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san";
        openssl(directory, &format!("x509 -req -in {name}.csr -out {name}.crt {sign}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_verified_and_a_client_certificate_shown() {
    let conf = "tls-port PORT\ntls-cert-file DIR/server.crt\ntls-key-file DIR/server.key\ntls-ca-cert-file DIR/ca.crt";
    let redis = Redis::start_with(conf, certificates);
    let file = |name: &str| redis.directory.path().join(name);
    let tls = |roots: &str, identity: bool| Tls {
        roots: Some(file(roots)),
        identity: identity.then(|| (file("client.crt"), file("client.key"))),
    };
    for (host, tls, expected) in [
        ("localhost", Some(tls("ca.crt", true)), "+PONG"),
        // The server wants a client certificate, which TLS 1.3 tells only after the handshake.
        ("localhost", Some(tls("ca.crt", false)), "Unreachable"),
        ("localhost", Some(tls("other.crt", true)), "UnknownIssuer"),
        ("localhost", Some(Tls::default()), "UnknownIssuer"),
        ("127.0.0.1", Some(tls("ca.crt", true)), "not valid for name"),
        ("localhost", Some(tls("absent.crt", true)), "absent.crt"),
        ("localhost", None, "Unreachable"),
    ] {
        let server = Server { tls: tls.clone(), ..patient(&format!("redis://{host}:{}", redis.port)) };
        let answer = once(&server, "PING").await;
        assert!(answer.contains(expected), "{host} {tls:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_is_unreachable_with_the_address_and_the_reason() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (url, expected) in [
        (format!("redis://127.0.0.1:{free}"), "refused"),
        ("unix:///absent/redis.sock".to_owned(), "/absent/redis.sock"),
        ("redis://no-such-host.invalid".to_owned(), "does not resolve"),
    ] {
        let answer = once(&patient(&url), "PING").await;
        assert!(
            answer.starts_with("Unreachable: Redis server \"cache\" at ") && answer.contains(expected),
            "{url}: {answer}"
        );
    }
}
