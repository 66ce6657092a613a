//! What allowed lines cover, and which lines are none.

use super::super::{Line, Method, Target, policy};
use super::endpoint;
use crate::grants::error::Error;

#[test]
fn a_line_covers_what_it_says_and_nothing_else() {
    for (line, covered, not_covered) in [
        ("GET /health", &["/health"][..], &["/health/", "/Health", "/healthz", "/health?a=b", "/", "/x/health"][..]),
        ("GET /", &["/"], &["/a", "/?a"]),
        ("GET /health?full=1", &["/health?full=1"], &["/health", "/health?full=2", "/health?full=1&x=1"]),
        ("GET /stats?*", &["/stats", "/stats?a=b", "/stats?a=b&c=/d?"], &["/stats/", "/stats/a?b"]),
        (
            "GET /items/*",
            &["/items/7", "/items/a%20b"],
            &["/items", "/items/", "/items/7/", "/items/7/8", "/items/7?a"],
        ),
        ("GET /items/**", &["/items/7", "/items/7/", "/items/7/8/9"], &["/items", "/items/", "/itemsx", "/items/7?a"]),
        ("GET /**?*", &["/a", "/a/b?c"], &["/", "/?a"]),
        ("GET /a%20b", &["/a%20b"], &["/a+b"]),
        ("GET /x%2A", &["/x%2A"], &["/x%2a", "/x1"]),
    ] {
        let parsed = Line::parse(line).unwrap();
        assert_eq!(parsed.to_string(), line);
        for path in covered {
            assert!(parsed.covers(Method::Get, &Target::parse(path).unwrap()), "{line} and {path}");
            assert!(!parsed.covers(Method::Head, &Target::parse(path).unwrap()), "{line} is not for HEAD");
        }
        for path in not_covered {
            assert!(!parsed.covers(Method::Get, &Target::parse(path).unwrap()), "{line} and {path}");
        }
    }
}

#[test]
fn a_line_of_another_method_does_not_let_an_observer_read() {
    let endpoint = endpoint("http://127.0.0.1:8000", &["POST /warm", "PUT /warm", "PATCH /warm", "DELETE /warm"]);
    for method in [Method::Get, Method::Head] {
        assert!(matches!(policy::admit(&endpoint, method, "/warm"), Err(Error::Denied(_))));
    }
}

#[test]
fn a_denial_names_the_line_that_would_allow_it() {
    let mut endpoint = endpoint("http://127.0.0.1:8000", &["GET /health"]);
    let Err(Error::Denied(text)) = policy::admit(&endpoint, Method::Head, "/stats?a=b") else { panic!() };
    assert_eq!(
        text,
        "http endpoint \"app\" does not allow HEAD /stats?a=b: if it should, add \"HEAD /stats?a=b\" to \
         `allow` under [http.app] in agent.toml"
    );
    endpoint.allow.push(Line::parse("HEAD /stats?a=b").unwrap());
    assert!(policy::admit(&endpoint, Method::Head, "/stats?a=b").is_ok());
}

#[test]
fn a_malformed_path_is_invalid_even_where_everything_is_allowed() {
    let endpoint = endpoint("http://127.0.0.1:8000", &["GET /", "GET /**?*"]);
    let Err(Error::Invalid(text)) = policy::admit(&endpoint, Method::Get, "/a\r\nX-Evil: 1") else { panic!() };
    assert_eq!(text, r#"http endpoint "app": "/a\r\nX-Evil: 1" is no path that is sent: it holds a control character"#);
    let Err(Error::Invalid(text)) = policy::admit(&endpoint, Method::Get, &"/../".repeat(100_000)) else { panic!() };
    assert!(text.len() < 300, "{} bytes", text.len());
}

#[test]
fn a_wrong_line_is_a_configuration_error() {
    for (line, why) in [
        ("", "a method, one space and a path"),
        ("/health", "a method, one space and a path"),
        ("GET", "a method, one space and a path"),
        ("get /health", "none of GET"),
        ("CONNECT /health", "none of GET"),
        ("* /health", "none of GET"),
        (" GET /health", "none of GET"),
        ("GET  /health", "does not begin with /"),
        ("GET health", "does not begin with /"),
        ("GET http://127.0.0.1/health", "does not begin with /"),
        ("GET /health ", "space"),
        ("GET /a/*/b", "last segment only"),
        ("GET /a*", "last segment only"),
        ("GET /a/***", "last segment only"),
        ("GET /a/*b", "last segment only"),
        ("GET /**/*", "%2A"),
        ("GET *", "last segment only"),
        ("GET **", "last segment only"),
        ("GET //*", "holds //"),
        ("GET /../**", "segment of dots"),
        ("GET /%2e/", "needs no escape"),
        ("GET /a?", "nothing follows"),
        ("GET /a?b=*", "%2A"),
        ("GET /a?**", "%2A"),
        ("GET /a#b", "fragment"),
    ] {
        match Line::parse(line) {
            Ok(parsed) => panic!("{line:?} is read as {parsed:?}"),
            Err(words) => assert!(words.contains(why) && words.contains(&format!("{line:?}")), "{line:?}: {words}"),
        }
    }
}
