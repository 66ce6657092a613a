//! Each `sslmode` against a server with TLS, one without, and certificates that are right, of another authority, or for
//! another name.

use std::{path::Path, process::Command, time::Duration};

use super::{
    super::{Limits, Session, Target, Value},
    fixture::{Server, await_that, line, own},
};

fn openssl(directory: &Path, arguments: &str) {
    let out = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(out.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&out.stderr));
}

/// ca.crt, other.crt (another authority), server.crt for `localhost`, client.crt for `observer`, self.crt (its own
/// authority).
fn certificates(directory: &Path) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for (name, subject) in [("ca", "/CN=ca"), ("other", "/CN=other"), ("self", "/CN=localhost")] {
        openssl(
            directory,
            &format!(
                "req -x509 {KEY} -days 2 -keyout {name}.key -out {name}.crt \
                 -subj {subject} -addext subjectAltName=DNS:localhost"
            ),
        );
    }
    for (name, subject) in [("server", "/CN=localhost"), ("client", "/CN=observer")] {
        openssl(directory, &format!("req -new {KEY} -keyout {name}.key -out {name}.csr -subj {subject}"));
        std::fs::write(directory.join("san"), "subjectAltName=DNS:localhost\n").unwrap();
        openssl(
            directory,
            &format!(
                "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out {name}.crt -extfile san"
            ),
        );
    }
    for name in ["server.key", "self.key"] {
        own(&directory.join(name), 0o600);
    }
}

fn with_tls(certificate: &str, hba: &str) -> Server {
    let conf = format!(
        "listen_addresses='127.0.0.1'\nssl=on\n\
         ssl_cert_file='../{certificate}.crt'\n\
         ssl_key_file='../{certificate}.key'\nssl_ca_file='../ca.crt'"
    );
    Server::start_with(&conf, hba, certificates)
}

/// "TLS", "plain", or the error.
async fn encryption(server: &Server, host: &str, settings: &str) -> String {
    let dsn = format!("{host} port={} dbname=app user=observer {settings}", server.tcp.unwrap());
    let dsn = dsn.replace("DIR", &server.directory.path().display().to_string());
    let target = Target::parse(&dsn, "x").unwrap();
    match Session::connect(&target, &Limits::default(), "pgreeve/test").await {
        Err(error) => line(&error),
        Ok(mut session) => {
            let mut rows =
                session.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()", &[]).await.unwrap();
            let row = session.next(&mut rows, 1).await.unwrap().unwrap().remove(0);
            session.close().await;
            if row == [Value::Bool(true)] { "TLS".to_owned() } else { "plain".to_owned() }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sslmode_means_what_libpq_means_by_it() {
    let server = with_tls("server", "local all all trust\nhost all all 127.0.0.1/32 trust");
    let named = "host=localhost hostaddr=127.0.0.1";
    let wrong = "host=db.example hostaddr=127.0.0.1";
    for (host, settings, expected) in [
        (named, "", "TLS"),
        (named, "sslmode=disable", "plain"),
        (named, "sslmode=allow", "plain"),
        (named, "sslmode=prefer", "TLS"),
        (named, "sslmode=require", "TLS"),
        (wrong, "sslmode=require", "TLS"),
        ("hostaddr=127.0.0.1", "sslmode=require", "TLS"),
        (named, "sslmode=require sslrootcert=DIR/other.crt", "UnknownIssuer"),
        (named, "sslmode=verify-ca sslrootcert=DIR/ca.crt", "TLS"),
        (wrong, "sslmode=verify-ca sslrootcert=DIR/ca.crt", "TLS"),
        (named, "sslmode=verify-ca sslrootcert=DIR/other.crt", "UnknownIssuer"),
        (named, "sslmode=verify-full sslrootcert=DIR/ca.crt", "TLS"),
        ("host=localhost", "sslmode=verify-full sslrootcert=DIR/ca.crt", "TLS"),
        (wrong, "sslmode=verify-full sslrootcert=DIR/ca.crt", "not valid for name"),
        ("hostaddr=127.0.0.1", "sslmode=verify-full sslrootcert=DIR/ca.crt", "needs host= beside hostaddr="),
        (named, "sslmode=verify-full sslrootcert=DIR/other.crt", "UnknownIssuer"),
        (named, "sslrootcert=system", "UnknownIssuer"),
        (named, "sslmode=verify-ca sslrootcert=DIR/absent.crt", "cannot read sslrootcert"),
        (named, "sslmode=verify-ca sslrootcert=DIR/ca.key", "holds no usable certificate"),
        ("host=DIR", "sslmode=verify-full sslrootcert=DIR/ca.crt", "plain"),
    ] {
        let outcome = encryption(&server, host, settings).await;
        assert!(outcome.contains(expected), "{host} {settings}: {outcome}");
    }

    // A cancel request over TLS.
    let dsn = format!(
        "{named} port={} dbname=app user=observer sslmode=verify-full sslrootcert=DIR/ca.crt",
        server.tcp.unwrap()
    );
    let target = Target::parse(&dsn.replace("DIR", &server.directory.path().display().to_string()), "x").unwrap();
    let limits = Limits {
        call_timeout: Duration::from_millis(500),
        statement_timeout: Duration::from_secs(1000),
        ..Limits::default()
    };
    let mut session = Session::connect(&target, &limits, "pgreeve/test").await.unwrap();
    session.query("select pg_sleep(1000)", &[]).await.unwrap_err();
    await_that("the statement to end", || {
        server.psql("select count(*) from pg_stat_activity where usename = 'observer'") == "0"
    });
    assert!(server.log().contains("canceling statement due to user request"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_wants_only_one_form_gets_it_where_sslmode_allows() {
    let server = with_tls("server", "local all all trust\nhostssl all all 127.0.0.1/32 cert");
    for (settings, expected) in [
        ("sslcert=DIR/client.crt sslkey=DIR/client.key sslmode=verify-full sslrootcert=DIR/ca.crt", "TLS"),
        ("sslcert=DIR/client.crt sslkey=DIR/client.key sslmode=allow", "TLS"),
        ("sslcert=DIR/client.crt sslkey=DIR/client.key sslmode=disable", "(28000)"),
        ("sslcert=DIR/client.crt sslkey=DIR/open.key sslmode=require", "can be read by others (mode 0644)"),
        ("sslcert=DIR/client.crt sslkey=DIR/ca.crt sslmode=require", "sslkey"),
        ("sslmode=require", "(28000)"),
    ] {
        if !server.path("open.key").exists() {
            std::fs::copy(server.path("client.key"), server.path("open.key")).unwrap();
            own(&server.path("open.key"), 0o644);
        }
        let outcome = encryption(&server, "host=localhost hostaddr=127.0.0.1", settings).await;
        assert!(outcome.contains(expected), "{settings}: {outcome}");
    }

    let server = with_tls("server", "local all all trust\nhostnossl all all 127.0.0.1/32 trust");
    for (settings, expected) in [("", "plain"), ("sslmode=require", "(28000)")] {
        let outcome = encryption(&server, "host=localhost hostaddr=127.0.0.1", settings).await;
        assert!(outcome.contains(expected), "{settings}: {outcome}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let server = Server::start_with(
        "listen_addresses='127.0.0.1'",
        "local all all trust\nhost all all 127.0.0.1/32 trust",
        certificates,
    );
    for (settings, expected) in [
        ("", "plain"),
        ("sslmode=allow", "plain"),
        ("sslmode=require", "server does not support TLS"),
        ("sslmode=verify-full sslrootcert=DIR/ca.crt", "server does not support TLS"),
    ] {
        let outcome = encryption(&server, "host=localhost hostaddr=127.0.0.1", settings).await;
        assert!(outcome.contains(expected), "{settings}: {outcome}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_self_signed_certificate_is_trusted_where_it_is_named() {
    let server = with_tls("self", "local all all trust\nhost all all 127.0.0.1/32 trust");
    for (host, settings, expected) in [
        ("localhost", "sslmode=verify-full sslrootcert=DIR/self.crt", "TLS"),
        ("db.example", "sslmode=verify-full sslrootcert=DIR/self.crt", "not valid for name"),
        ("db.example", "sslmode=verify-ca sslrootcert=DIR/self.crt", "TLS"),
        ("localhost", "sslmode=verify-full sslrootcert=DIR/ca.crt", "error performing TLS handshake"),
    ] {
        let outcome = encryption(&server, &format!("host={host} hostaddr=127.0.0.1"), settings).await;
        assert!(outcome.contains(expected), "{host} {settings}: {outcome}");
    }
}
