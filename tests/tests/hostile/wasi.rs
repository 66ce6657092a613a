//! Guests that import WASI: what they get is inert, and within the limits.

use crate::component::Guest;
use crate::{faults, run};

const PACKAGES: &str = "
    package wasi:io@0.2.0 {
        interface poll { resource pollable { block: func(); } }
        interface error { resource error; }
        interface streams { use error.{error}; variant stream-error { last-operation-failed(error), closed }
            resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; } } }
    package wasi:clocks@0.2.0 { interface monotonic-clock { use wasi:io/poll@0.2.0.{pollable};
        now: func() -> u64; subscribe-duration: func(when: u64) -> pollable; } }
    package wasi:random@0.2.0 { interface random { get-random-bytes: func(len: u64) -> list<u8>; } }
    package wasi:filesystem@0.2.0 { interface types { resource descriptor; }
        interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; } }
    package wasi:cli@0.2.0 {
        interface environment { get-environment: func() -> list<tuple<string, string>>; get-arguments: func() -> list<string>; }
        interface stdout { use wasi:io/streams@0.2.0.{output-stream}; get-stdout: func() -> output-stream; }
        interface exit { exit: func(status: result); } }";

const WORLD: &str = "import wasi:io/poll@0.2.0; import wasi:clocks/monotonic-clock@0.2.0; import wasi:random/random@0.2.0;
    import wasi:filesystem/preopens@0.2.0; import wasi:cli/environment@0.2.0; import wasi:cli/stdout@0.2.0; import wasi:cli/exit@0.2.0;";

const IMPORTS: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
    (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop-pollable (param i32)))
    (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
    (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
    (import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
    (import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
    (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
    (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
    (import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#;

/// A guest that imports some of WASI.
pub(crate) fn with_wasi() -> Guest {
    Guest { imports: IMPORTS.into(), world: WORLD.into(), packages: PACKAGES.into(), ..Guest::default() }
}

fn doing(body: &str) -> Vec<u8> {
    Guest { run: format!("{body} (global.get $report)"), ..with_wasi() }.component()
}

#[test]
fn there_is_nothing_to_be_seen() {
    // Traps unless all three lists are empty.
    let empty = |call: &str| {
        format!(
            "(call {call} (global.get $scratch)) (if (i32.load offset=4 (global.get $scratch)) (then (unreachable)))"
        )
    };
    let body: String = ["$directories", "$environment", "$arguments"].map(empty).concat();
    let (checked, _) = run(&doing(&body), "");
    assert_eq!((checked.exit, checked.status()), (0, "ok"), "{:#}", checked.json);
}

#[test]
fn what_goes_on_for_too_long_or_takes_too_much_is_a_fault() {
    for (what, body, limits, said) in [
        (
            "sleeps for an hour",
            "(call $block (call $subscribe (i64.const 3600000000000)))",
            "wall = \"500ms\"",
            "limit of wall",
        ),
        ("asks for 1 GB of random bytes", "(call $random (i64.const 1000000000) (global.get $scratch))", "", "trapped"),
        ("exits", "(call $exit (i32.const 0))", "", "exit"),
        ("reads the clock for ever", "(loop $l (drop (call $now)) (br $l))", "calls = 1000", "limit of calls"),
        (
            "takes handles for ever",
            "(loop $l (drop (call $subscribe (i64.const 1))) (br $l))",
            "calls = 10000",
            "limit of handles",
        ),
        (
            "drops a handle twice",
            "(local $h i32) (local.set $h (call $subscribe (i64.const 1))) (call $drop-pollable (local.get $h)) (call $drop-pollable (local.get $h))",
            "",
            "unknown handle index",
        ),
        (
            "uses a handle after dropping it",
            "(local $h i32) (local.set $h (call $subscribe (i64.const 1))) (call $drop-pollable (local.get $h)) (call $block (local.get $h))",
            "",
            "unknown handle index",
        ),
        ("uses a handle as one of another type", "(call $block (call $stdout))", "", "wrong type"),
    ] {
        faults(what, &doing(body), limits, said);
    }
}

#[test]
fn a_flood_of_lines_on_stdout_is_cut() {
    // 200 times 4,096 line ends, which take no room as text.
    let body = "(local $turns i32) (local $out i32) (local.set $out (call $stdout)) (memory.fill (i32.const 65536) (i32.const 10) (i32.const 4096))
        (loop $l (call $write (local.get $out) (i32.const 65536) (i32.const 4096) (global.get $scratch))
            (local.set $turns (i32.add (local.get $turns) (i32.const 1))) (br_if $l (i32.lt_u (local.get $turns) (i32.const 200))))";
    let (checked, log) = run(&doing(body), "");
    assert_eq!(checked.exit, 0, "{:#}", checked.json);
    assert!(
        log.lines().count() < 1_100 && log.contains("over the limit were dropped"),
        "{} lines",
        log.lines().count()
    );
}
