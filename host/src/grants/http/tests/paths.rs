//! Which paths are sent at all.

use super::super::Target;

#[test]
fn a_well_formed_path_goes_out_as_it_came_in() {
    for path in [
        "/",
        "/health",
        "/health/",
        "/api/v1/cache/stats",
        "/a.b/..c/c../.well-known/x",
        "/~user/a-b_c",
        "/a:b@c/@scope/pkg",
        "/a,b;c=d/e!$&'()+",
        "/a%20b",
        "/%C3%A4/%e4%b8%ad",
        "/a%3Fb%23c%2A",
        "/q?a=b&c=d/e?f",
        "/q?match%5B%5D=up&x=%25%5c%2e%2f..%2f",
        "/q?/../etc",
    ] {
        assert_eq!(Target::parse(path).map(|target| target.request_target()).as_deref(), Ok(path));
    }
}

#[test]
fn a_path_that_could_mean_something_else_is_refused() {
    for (path, why) in [
        ("", "does not begin with /"),
        ("health", "does not begin with /"),
        ("?a=b", "does not begin with /"),
        ("http://evil.example/", "does not begin with /"),
        ("HTTP://evil.example/", "does not begin with /"),
        ("@evil.example/", "does not begin with /"),
        (":80@evil.example/", "does not begin with /"),
        (".evil.example/", "does not begin with /"),
        ("*", "does not begin with /"),
        (" /health", "does not begin with /"),
        ("\t/health", "does not begin with /"),
        ("\\\\evil.example\\x", "does not begin with /"),
        ("//evil.example/", "holds //"),
        ("///health", "holds //"),
        ("/a//b", "holds //"),
        ("/\\evil.example/", "backslash"),
        ("/a\\..\\b", "backslash"),
        ("/..", "segment of dots"),
        ("/.", "segment of dots"),
        ("/a/../b", "segment of dots"),
        ("/a/./b", "segment of dots"),
        ("/a/.../b", "segment of dots"),
        ("/a/..?x=y", "segment of dots"),
        ("/a/..;/b", "segment of dots"),
        ("/a/..;x=y/b", "segment of dots"),
        ("/a/..%3b/b", "segment of dots"),
        ("/a/..%20/b", "segment of dots"),
        ("/a/.%2e/b", "needs no escape"),
        ("/a/%2e%2e/b", "needs no escape"),
        ("/a/%2E%2E/b", "needs no escape"),
        ("/%61dmin", "needs no escape"),
        ("/a/%2f/b", "escaped /"),
        ("/a/..%2fb", "escaped /"),
        ("/a%2Fb", "escaped /"),
        ("/a%5cb", "escaped /"),
        ("/a%5Cb", "escaped /"),
        ("/%252e%252e/", "decodes twice"),
        ("/%25252e", "decodes twice"),
        ("/a%252fb", "decodes twice"),
        ("/a%00", "control"),
        ("/a%0d%0aX-Evil:%201", "control"),
        ("/a%7f", "control"),
        ("/a%c2%85b", "control"),
        ("/%c0%ae%c0%ae/", "not UTF-8"),
        ("/%c0%af", "not UTF-8"),
        ("/%ff", "not UTF-8"),
        ("/%ed%a0%80", "not UTF-8"),
        ("/%", "two hexadecimal digits"),
        ("/%4", "two hexadecimal digits"),
        ("/%4/", "two hexadecimal digits"),
        ("/%zz", "two hexadecimal digits"),
        ("/%u002e", "two hexadecimal digits"),
        ("/%+2", "two hexadecimal digits"),
        ("/a b", "space"),
        ("/a HTTP/1.1", "space"),
        ("/a\r\nX-Evil: 1", "control"),
        ("/a\n", "control"),
        ("/a\0", "control"),
        ("/a\tb", "control"),
        ("/a\x7f", "control"),
        ("/a#b", "fragment"),
        ("/a?b#c", "fragment"),
        ("/ä", "outside ASCII"),
        ("/\u{ff0e}\u{ff0e}/", "outside ASCII"),
        ("/a\u{2028}", "outside ASCII"),
        ("/a*", "%2A"),
        ("/a?b=*", "%2A"),
        ("/a\"", "must escape"),
        ("/<a>", "must escape"),
        ("/a|b", "must escape"),
        ("/a^`{}", "must escape"),
        ("/[a]", "must escape"),
        ("/a?", "nothing follows"),
        ("/a?b c", "space"),
        ("/a?b\r\nHost: evil", "control"),
        ("/a?b=%0d%0aHost", "control"),
        ("/a?b=%00", "control"),
        ("/a?b=%", "two hexadecimal digits"),
        ("/a?b=\\", "backslash"),
        ("/a?ä", "outside ASCII"),
    ] {
        match Target::parse(path) {
            Ok(target) => panic!("{path:?} passed as {target:?}"),
            Err(words) => assert!(words.contains(why), "{path:?}: {words}"),
        }
    }
}

#[test]
fn a_path_is_at_most_2048_bytes_long_with_its_query() {
    assert!(Target::parse(&format!("/{}", "a".repeat(2047))).is_ok());
    assert!(Target::parse(&format!("/{}", "a".repeat(2048))).is_err());
    assert!(Target::parse(&format!("/a?{}", "a".repeat(2046))).is_err());
    assert!(Target::parse(&"/a".repeat(10_000_000)).is_err());
}
