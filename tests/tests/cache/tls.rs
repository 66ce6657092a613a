//! Servers that speak TLS, from agent.toml to the finding: an authority of one's own, certificates of clients, and what is wrong with either.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::application::Application;
use crate::bed::{agent, await_that, expect, holds, look, proposals, quiet};
use crate::server::{Redis, free_ports};

const CACHE: &str = "redis = [\"cache\"]";
const PATIENT: &str = "slow_command = \"1h\", latency = \"1h\"";

fn openssl(directory: &Path, arguments: &str) {
    let out = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(out.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&out.stderr));
}

/// ca.crt; server.crt for `localhost` and client.crt, signed by it; alien.crt, signed by itself.
fn certificates(directory: &Path) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["ca", "alien"] {
        openssl(directory, &format!("req -x509 {KEY} -days 2 -keyout {name}.key -out {name}.crt -subj /CN={name}"));
    }
    std::fs::write(directory.join("san"), "subjectAltName=DNS:localhost\n").unwrap();
    for name in ["server", "client"] {
        openssl(directory, &format!("req -new {KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        let sign = "-CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san";
        openssl(directory, &format!("x509 -req -in {name}.csr -out {name}.crt {sign}"));
    }
}

/// A server on a port for TLS alone.
fn secured(more: &str) -> Redis {
    let files = "tls-cert-file DIR/server.crt\ntls-key-file DIR/server.key\ntls-ca-cert-file DIR/ca.crt";
    Redis::start_with(&format!("tls-port\n{files}\n{more}"), certificates)
}

/// The grant's table with this URL, authority and, where it is named, certificate of the agent.
fn table(redis: &Redis, url: &str, roots: &str, identity: &str) -> String {
    let file = |name: &str, end: &str| format!("\"{}/{name}.{end}\"", redis.directory.path().display());
    let mut lines = vec![
        "[redis.cache]".to_owned(),
        format!("url = \"{}\"", url.replace("PORT", &redis.port.to_string())),
        "timeout = \"20s\"\nconnect_timeout = \"20s\"".to_owned(),
    ];
    if !roots.is_empty() {
        lines.push(format!("tls_roots = {}", file(roots, "crt")));
    }
    if !identity.is_empty() {
        lines.push(format!("tls_certificate = {}\ntls_key = {}", file(identity, "crt"), file(identity, "key")));
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_server_that_wants_certificates_is_watched_as_any_other_and_its_loss_is_noticed() {
    let mut redis = secured("maxmemory 64mb\nmaxmemory-policy allkeys-lru");
    let agent = agent(&table(&redis, "rediss://localhost:PORT/0", "ca", "client"), CACHE, PATIENT);
    look(&agent);
    redis.look_up(190, 10);
    let seen = quiet(&agent, "healthy");
    holds(&seen, "redis-hit/cache", "ok", "hit rate 95 %");
    holds(&seen, "redis-memory/cache", "ok", "maxmemory");
    redis.kill();
    expect(&agent, "redis/cache", "critical", "does not serve");
    redis.start_again("");
    expect(&agent, "redis/cache", "warning", "restarted");
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_and_what_to_compare() {
    let redis = secured("");
    for (url, roots, identity, status, words) in [
        // TLS 1.3 tells only after the handshake that a client's certificate was missing.
        ("rediss://localhost:PORT", "ca", "", "unknown", "tls_certificate and tls_key"),
        ("rediss://localhost:PORT", "ca", "alien", "unknown", "tls_certificate and tls_key"),
        ("rediss://localhost:PORT", "alien", "client", "unknown", "compare the certificate with tls_roots"),
        ("rediss://localhost:PORT", "", "client", "unknown", "compare the certificate with tls_roots"),
        ("rediss://127.0.0.1:PORT", "ca", "client", "unknown", "not valid for name"),
        ("rediss://localhost:PORT", "absent", "client", "unknown", "absent.crt"),
        ("rediss://localhost:PORT", "ca", "absent", "unknown", "absent.key"),
        ("redis://localhost:PORT", "", "", "critical", "rediss://"),
    ] {
        let checked =
            expect(&agent(&table(&redis, url, roots, identity), CACHE, PATIENT), "redis/cache", status, words);
        assert_eq!(checked.findings().iter().filter(|finding| finding["subject"] == "cache").count(), 1, "{words}");
    }
    let plain = Redis::start("");
    let table = format!("[redis.cache]\nurl = \"rediss://localhost:{}\"\nconnect_timeout = \"1s\"\n", plain.port);
    expect(&agent(&table, CACHE, PATIENT), "redis/cache", "critical", "a server without TLS");
}

#[test]
fn a_certificate_that_has_expired_is_an_outage_for_whoever_verifies_it() {
    let redis = Redis::start_with(
        "tls-port\ntls-cert-file DIR/server.crt\ntls-key-file DIR/server.key\ntls-ca-cert-file DIR/ca.crt\ntls-auth-clients no",
        |directory| {
            certificates(directory);
            // In the past: `ca` knows no other way to set an end.
            std::fs::write(directory.join("index"), "").unwrap();
            std::fs::write(directory.join("serial"), "77\n").unwrap();
            let text = "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n\
                        [any]\ncommonName=supplied\n";
            std::fs::write(directory.join("ca.conf"), text).unwrap();
            let times = "-startdate 20200101000000Z -enddate 20200201000000Z";
            openssl(
                directory,
                &format!(
                    "ca -batch -config ca.conf -cert ca.crt -keyfile ca.key -in server.csr -out server.crt -extfile san {times}"
                ),
            );
        },
    );
    let agent = agent(&table(&redis, "rediss://localhost:PORT", "ca", ""), CACHE, PATIENT);
    expect(&agent, "redis/cache", "critical", "has expired");
}

#[test]
fn a_server_that_does_not_trust_the_agent_is_no_reason_to_do_without_the_cache() {
    let redis = secured("");
    let app = Application::telling(r#"{"hit_rate": 91, "bypassed": false}"#);
    let tables = format!("{}{}", table(&redis, "rediss://localhost:PORT", "ca", ""), app.table("app", ""));
    let settings = "slow_answer = \"20s\", caches = { app = { bypass = \"/api/v1/cache/bypass\", bypassed = \"/bypassed\", redis = \"cache\" } }";
    let agent = agent(&tables, "redis = [\"cache\"], http = [\"app\"]", settings);
    let seen = expect(&agent, "http-bypass/app", "unknown", "not known whether");
    assert_eq!(proposals(&seen), []);
}

/// A web server of OpenSSL's, which answers everything with a page about the connection; ended with the test.
struct Page(Child, u16);

impl Page {
    fn start(directory: &Path) -> Self {
        // Somebody else may be faster between the look at a port and its use.
        free_ports().take(20).find_map(|port| Self::start_on(directory, port)).expect("twenty ports were taken")
    }

    /// None if another program has the port.
    fn start_on(directory: &Path, port: u16) -> Option<Self> {
        let log = directory.join("page.log");
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-www", "-cert", "server.crt"]);
        command.args(["-key", "server.key", "-CAfile", "ca.crt", "-Verify", "1", "-verify_return_error"]);
        let file = File::create(&log).unwrap();
        command.current_dir(directory).stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let mut page = Self(command.spawn().unwrap(), port);
        let mut ended = false;
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        // That something listens there does not mean that it is this one: it says so itself.
        await_that("the page", || {
            ended = page.0.try_wait().unwrap().is_some();
            ended || said().contains("ACCEPT")
        });
        assert!(!ended || said().to_lowercase().contains("in use"), "openssl s_server ended: {}", said());
        (!ended).then_some(page)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_port_that_somebody_was_faster_to_take_is_left_to_them() {
    let directory = tempfile::tempdir().unwrap();
    certificates(directory.path());
    let page = Page::start(directory.path());
    assert!(Page::start_on(directory.path(), page.1).is_none());
}

#[test]
fn an_application_whose_certificate_is_not_trusted_is_not_said_to_be_down() {
    let directory = tempfile::tempdir().unwrap();
    certificates(directory.path());
    let page = Page::start(directory.path());
    for (roots, identity, words) in [
        ("alien", "client", "compare the certificate with tls_roots"),
        ("ca", "alien", "tls_certificate and tls_key"),
        ("ca", "client", "a page (HTML or XML)"),
    ] {
        let file = |name: &str, end: &str| directory.path().join(format!("{name}.{end}")).display().to_string();
        let table = format!(
            "[http.app]\norigin = \"https://localhost:{}\"\nallow = [\"GET /api/v1/cache/stats\"]\ntimeout = \"20s\"\nconnect_timeout = \"20s\"\n\
             tls_roots = {:?}\ntls_certificate = {:?}\ntls_key = {:?}\n",
            page.1,
            file(roots, "crt"),
            file(identity, "crt"),
            file(identity, "key")
        );
        expect(&agent(&table, "http = [\"app\"]", "slow_answer = \"20s\""), "http/app", "unknown", words);
    }
}
