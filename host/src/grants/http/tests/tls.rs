//! TLS against a real server: certificates that are right, expired, of another authority or for another name, and the
//! client's own.

use std::path::Path;
use std::process::Command;

use super::super::{Endpoint, Line};
use super::server::Python;
use super::{answer, ask, endpoint, get};
use crate::grants::error::Error;
use crate::grants::tls::Tls;

fn openssl(directory: &Path, arguments: &str) {
    let out = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(out.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&out.stderr));
}

/// ca and other (authorities), server and expired for `localhost` and 127.0.0.1, wrong for another name, client.
pub(super) fn certificates(directory: &Path) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["ca", "other"] {
        openssl(directory, &format!("req -x509 {KEY} -days 2 -keyout {name}.key -out {name}.crt -subj /CN={name}"));
    }
    let here = "DNS:localhost,IP:127.0.0.1";
    for (name, names, days) in
        [("server", here, 2), ("expired", here, -1), ("wrong", "DNS:app.example", 2), ("client", "DNS:client", 2)]
    {
        openssl(directory, &format!("req -new {KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        std::fs::write(directory.join("names"), format!("subjectAltName={names}\n")).unwrap();
        let sign = "-CA ca.crt -CAkey ca.key -CAcreateserial -extfile names";
        openssl(directory, &format!("x509 -req -in {name}.csr {sign} -days {days} -out {name}.crt"));
    }
}

/// A server with this certificate, and an endpoint that trusts `ca`.
struct Site {
    directory: tempfile::TempDir,
    server: Python,
}

impl Site {
    fn new(certificate: &str, clients: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        certificates(directory.path());
        std::fs::write(directory.path().join("health"), "all is well\n").unwrap();
        let tls = [&format!("{certificate}.crt"), &format!("{certificate}.key"), clients];
        let server = Python::start(directory.path(), tls);
        Self { directory, server }
    }

    fn endpoint(&self, host: &str) -> Endpoint {
        let mut endpoint = endpoint(&format!("https://{host}:{}", self.server.port), &["GET /health"]);
        endpoint.tls = Tls { roots: Some(self.directory.path().join("ca.crt")), identity: None };
        endpoint
    }

    fn known(&self, host: &str, name: &str) -> Endpoint {
        let mut endpoint = self.endpoint(host);
        let file = |ending| self.directory.path().join(format!("{name}.{ending}"));
        endpoint.tls.identity = Some((file("crt"), file("key")));
        endpoint
    }
}

async fn unreachable(endpoint: &Endpoint) -> String {
    match ask(endpoint, get("/health")).await {
        Err(Error::Unreachable(words)) => words,
        other => panic!("{other:?}"),
    }
}

/// What is missing on this side.
async fn denied(endpoint: &Endpoint) -> String {
    match ask(endpoint, get("/health")).await {
        Err(Error::Denied(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_of_the_operators_authority_is_trusted_by_name_and_by_address() {
    let site = Site::new("server", "");
    for host in ["localhost", "127.0.0.1"] {
        assert_eq!(answer(&site.endpoint(host), "/health").await, (200, "all is well\n".to_owned()));
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_refused() {
    let reasons = [("expired", "expired"), ("wrong", "not valid for name"), ("other", "causedasendentity")];
    for (certificate, why) in reasons {
        let words = unreachable(&Site::new(certificate, "").endpoint("localhost")).await;
        assert!(words.contains("TLS failed") && words.to_lowercase().contains(why), "{certificate}: {words}");
    }
    let site = Site::new("server", "");
    let mut endpoint = site.endpoint("localhost");
    endpoint.tls.roots = Some(site.directory.path().join("other.crt"));
    assert!(unreachable(&endpoint).await.contains("TLS failed"));
    endpoint.tls.roots = Some(site.directory.path().join("none.crt"));
    assert!(denied(&endpoint).await.contains("none.crt"));
}

#[tokio::test]
async fn the_systems_roots_do_not_vouch_for_the_tests_authority() {
    let site = Site::new("server", "");
    let mut endpoint = site.endpoint("localhost");
    endpoint.tls.roots = None;
    unreachable(&endpoint).await;
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_one_is_asked_for() {
    let site = Site::new("server", "ca.crt");
    assert_eq!(answer(&site.known("localhost", "client"), "/health").await.0, 200);
    let words = unreachable(&site.endpoint("localhost")).await;
    assert!(words.contains("CertificateRequired") || words.contains("closed before"), "{words}");
    let words = unreachable(&site.known("localhost", "other")).await;
    assert!(words.contains("UnknownCA") || words.contains("closed before"), "{words}");
}

#[tokio::test]
async fn a_body_without_length_that_is_cut_short_is_an_error_over_tls() {
    let site = Site::new("server", "");
    let mut endpoint = site.endpoint("localhost");
    endpoint.allow.push(Line::parse("GET /cut").unwrap());
    let Err(Error::Unreachable(words)) = ask(&endpoint, get("/cut")).await else { panic!() };
    assert!(words.contains("close_notify"), "{words}");
}

#[tokio::test]
async fn a_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new("server", "ca.crt");
    std::fs::set_permissions(site.directory.path().join("client.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let words = denied(&site.known("localhost", "client")).await;
    assert!(words.contains("client.key can be read by others"), "{words}");
}

#[tokio::test]
async fn plain_http_on_a_tls_port_and_tls_on_a_plain_one_are_errors() {
    let site = Site::new("server", "");
    let plain = endpoint(&format!("http://127.0.0.1:{}", site.server.port), &["GET /health"]);
    unreachable(&plain).await;
    let server = Python::serve(site.directory.path());
    let mut secure = site.endpoint("localhost");
    secure.origin.port = server.port;
    assert!(unreachable(&secure).await.contains("TLS failed"));
}
