//! Answers that break the component model's rules: addresses that are none, texts that are none, cases that do not exist.

use wit_component::StringEncoding;

use crate::component::{FOR_EVER, GET, Guest, LOG};
use crate::{faults, refusal, run};

/// A guest whose `run` writes words into a fresh area and returns its address; `offset`s in words.
fn answering(words: &[(u32, u32)]) -> Guest {
    let stores: String = words
        .iter()
        .map(|(at, word)| format!("(i32.store offset={} (global.get $scratch) (i32.const {}))", at * 4, *word as i32))
        .collect();
    Guest { run: format!("{stores} (global.get $scratch)"), ..Guest::default() }
}

#[test]
fn one_made_by_hand_that_behaves_is_ok() {
    let (checked, _) = run(&Guest::default().component(), "");
    assert_eq!((checked.exit, checked.status()), (0, "ok"));
}

#[test]
fn addresses_and_cases_that_do_not_exist_trap() {
    let address = |address: u32| Guest { run: format!("(i32.const {})", address as i32), ..Guest::default() };
    for (what, guest, said) in [
        ("an answer past the end of memory", address(0xffff_fff0), "out of bounds"),
        ("an answer across the end of memory", address(2 * 65536 - 4), "out of bounds"),
        ("a misaligned answer", address(1025), "not aligned"),
        ("a list past the end of memory", answering(&[(1, 0x7fff_0000), (2, 100)]), "out of bounds"),
        ("a list of 2^32-1 findings", answering(&[(1, 1024), (2, u32::MAX)]), "out of bounds"),
        ("a list whose size overflows", answering(&[(1, 1024), (2, 0x1000_0000)]), "out of bounds"),
        ("a misaligned list", answering(&[(1, 1025), (2, 1)]), "not aligned"),
        ("a result that is neither ok nor err", answering(&[(0, 2)]), "discriminant"),
        ("a failure whose text ends past memory", answering(&[(0, 1), (1, 1024), (2, 0x7fff_ffff)]), "out of bounds"),
        ("a failure whose option is neither none nor some", answering(&[(0, 1), (3, 7)]), "discriminant"),
    ] {
        faults(what, &guest.component(), "", said);
    }
}

#[test]
fn a_finding_with_a_status_that_does_not_exist_traps() {
    // 18 words; the fifth holds status and reason.
    for (what, word) in [("status", 9_u32), ("option", 0x0700), ("reason", 0x2a_0103)] {
        let body = format!(
            "(i32.store offset=4 (global.get $scratch) (i32.const 131072)) (i32.store offset=8 (global.get $scratch) (i32.const 1))
             (drop (memory.grow (i32.const 2))) (i32.store offset=16 (i32.const 131072) (i32.const {word})) (global.get $scratch)"
        );
        faults(what, &Guest { run: body, ..Guest::default() }.component(), "", "discriminant");
    }
}

#[test]
fn text_that_is_not_unicode_traps() {
    let failing = |bytes: &str, len: u32, encoding| Guest {
        items: format!("(data (i32.const 512) \"{bytes}\")"),
        run: format!(
            "(i32.store (global.get $scratch) (i32.const 1)) (i32.store offset=4 (global.get $scratch) (i32.const 512))
             (i32.store offset=8 (global.get $scratch) (i32.const {len})) (global.get $scratch)"
        ),
        encoding,
        ..Guest::default()
    };
    for (what, bytes) in [
        ("a byte that never occurs", "\\ff"),
        ("a text cut within a character", "\\e2\\82"),
        ("an overlong slash", "\\c0\\af"),
        ("a surrogate", "\\ed\\a0\\80"),
        ("above U+10FFFF", "\\f4\\90\\80\\80"),
    ] {
        let len = bytes.len() as u32 / 3;
        faults(what, &failing(bytes, len, StringEncoding::UTF8).component(), "", "utf-8");
    }
}

#[test]
fn text_given_to_a_host_call_is_checked_too() {
    for (what, call, said) in [
        (
            "not UTF-8",
            "(i32.store8 (i32.const 512) (i32.const 255)) (call $log (i32.const 1) (i32.const 512) (i32.const 1))",
            "utf-8",
        ),
        ("past memory", "(call $log (i32.const 1) (i32.const -16) (i32.const 64))", "out of bounds"),
        ("a level that does not exist", "(call $log (i32.const 77) (i32.const 0) (i32.const 0))", "discriminant"),
        ("an answer to nowhere", "(call $get (i32.const 0) (i32.const 0) (i32.const -4))", "out of bounds"),
        ("a misaligned place for the answer", "(call $get (i32.const 0) (i32.const 0) (i32.const 513))", "align"),
    ] {
        let guest =
            Guest { imports: format!("{LOG} {GET}"), run: format!("{call} (global.get $report)"), ..Guest::default() };
        faults(what, &guest.component(), "", said);
    }
}

#[test]
fn room_for_the_hosts_answer_is_not_believed() {
    // The host asks the guest for room for the settings, before the guest's own function is called.
    for (what, realloc, said) in [
        ("room past the end of memory", "(i32.const -16)", "beyond end of memory"),
        ("a realloc that traps", "(unreachable)", "unreachable"),
        ("a realloc that never comes back", FOR_EVER, "limit of cpu"),
        (
            "a realloc that calls the host",
            "(call $log (i32.const 1) (i32.const 0) (i32.const 0)) (i32.const 1024)",
            "cannot leave component instance",
        ),
        (
            "a realloc that calls itself for ever",
            "(call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1))",
            "call stack exhausted",
        ),
    ] {
        let guest = Guest { imports: LOG.into(), realloc: realloc.into(), ..Guest::default() };
        let refused = refusal(&guest.component());
        assert!(refused.contains("could not check them") && refused.contains(said), "{what}: {refused}");
    }
}

#[test]
fn what_comes_after_the_answer_is_within_the_limits() {
    for (what, items, said) in [
        (
            "a post-return that loops",
            format!("(func (export \"cabi_post_run\") (param i32) {FOR_EVER})"),
            "limit of cpu",
        ),
        ("a post-return that traps", "(func (export \"cabi_post_run\") (param i32) unreachable)".into(), "unreachable"),
        (
            "a post-return that calls the host",
            "(func (export \"cabi_post_run\") (param i32) (call $log (i32.const 1) (i32.const 0) (i32.const 0)))"
                .into(),
            "cannot leave component instance",
        ),
    ] {
        let guest = Guest { imports: LOG.into(), items, ..Guest::default() };
        faults(what, &guest.component(), "cpu = \"200ms\"", said);
    }
}

/// Imports of a cursor's functions.
const ROWS: &str = r#"(import "pgreeve:plugin/postgres@0.1.0" "[method]rows.next" (func $next-rows (param i32 i32 i32)))
    (import "pgreeve:plugin/postgres@0.1.0" "[resource-drop]rows" (func $drop-rows (param i32)))"#;

#[test]
fn handles_are_not_forged() {
    for (what, call) in [
        ("used without having been given", "(call $next-rows (i32.const 1) (i32.const 1) (global.get $scratch))"),
        ("handle zero", "(call $next-rows (i32.const 0) (i32.const 1) (global.get $scratch))"),
        ("a huge handle", "(call $next-rows (i32.const -1) (i32.const 1) (global.get $scratch))"),
        ("dropped without having been given", "(call $drop-rows (i32.const 3))"),
    ] {
        let guest = Guest { imports: ROWS.into(), run: format!("{call} (global.get $report)"), ..Guest::default() };
        faults(what, &guest.component(), "", "unknown handle index");
    }
}

#[test]
fn a_report_of_a_million_findings_or_of_one_giant_text_is_a_limit() {
    let million = "(drop (memory.grow (i32.const 800))) (i32.store offset=4 (global.get $scratch) (i32.const 262144))
        (i32.store offset=8 (global.get $scratch) (i32.const 700000)) (global.get $scratch)";
    let giant = "(drop (memory.grow (i32.const 800))) (i32.store (global.get $scratch) (i32.const 1))
        (i32.store offset=4 (global.get $scratch) (i32.const 65536)) (i32.store offset=8 (global.get $scratch) (i32.const 50000000))
        (global.get $scratch)";
    for (what, body) in [("700,000 findings", million), ("a text of 50 MB", giant)] {
        let guest = Guest { run: body.into(), ..Guest::default() };
        faults(what, &guest.component(), "", "limit of call_bytes");
    }
    let findings = (0..5000).map(|number| (format!("check/{number}"), "check")).collect();
    faults("5,000 findings", &Guest { findings, ..Guest::default() }.component(), "", "limit of findings");
}
