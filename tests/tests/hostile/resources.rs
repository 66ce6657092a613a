//! Guests that take: time, memory, tables, instances, stack, the log.

use wit_component::StringEncoding;

use crate::component::{FOR_EVER, GET, Guest, LOG, encode, with_instances};
use crate::{faults, refusal, run};

#[test]
fn what_a_run_takes_over_its_limits_is_a_fault_that_names_the_limit() {
    let forever = |body: &str| format!("(loop $l {body} (br $l)) (unreachable)");
    let quick = "(local $n i32) (loop $l (local.set $n (i32.const 200000))
        (loop $s (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $s (local.get $n)))
        (call $get (i32.const 0) (i32.const 0) (global.get $scratch)) (br $l)) (unreachable)";
    let bulk = "(loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (br $l)) (unreachable)";
    for (what, body, limits, said) in [
        ("computes for ever", FOR_EVER.to_owned(), "cpu = \"200ms\"", "limit of cpu"),
        ("computes for ever, the clock is shorter", FOR_EVER.to_owned(), "wall = \"200ms\"", "limit of wall"),
        ("computes between quick calls", quick.to_owned(), "cpu = \"200ms\"\ncalls = 100000", "limit of cpu"),
        ("fills memory for ever", bulk.to_owned(), "cpu = \"200ms\"", "limit of cpu"),
        (
            "calls for ever",
            forever("(call $get (i32.const 0) (i32.const 0) (global.get $scratch))"),
            "calls = 500",
            "limit of calls",
        ),
        ("takes memory page by page", forever("(drop (memory.grow (i32.const 1)))"), "", "limit of memory"),
        ("takes 4 GiB at once", forever("(drop (memory.grow (i32.const 65000)))"), "", "limit of memory"),
        (
            "takes table elements",
            forever("(drop (table.grow $t (ref.null func) (i32.const 1000)))"),
            "",
            "limit of table_elements",
        ),
        (
            "takes 2^32 table elements",
            forever("(drop (table.grow $t (ref.null func) (i32.const -1)))"),
            "",
            "limit of table_elements",
        ),
        ("calls itself for ever", "(call $deeper)".to_owned(), "", "call stack exhausted"),
        ("jumps to no function", "(call_indirect $t (result i32) (i32.const 0))".to_owned(), "", "trap"),
        ("divides by nothing", "(i32.div_u (i32.const 1) (i32.const 0))".to_owned(), "", "divide by zero"),
    ] {
        let items = "(table $t 1 funcref) (func $deeper (result i32) (i32.add (call $deeper) (i32.const 1)))".into();
        let guest = Guest { imports: GET.into(), run: body, items, ..Guest::default() };
        faults(what, &guest.component(), limits, said);
    }
}

#[test]
fn what_a_guest_takes_before_its_first_call_is_limited_too() {
    let tables = "(table 10 funcref)".repeat(17);
    for (what, items, said) in [
        ("a table of a million elements", "(table 1000000 funcref)".to_owned(), "table"),
        ("17 tables", tables, "table"),
    ] {
        let refused = refusal(&Guest { items, ..Guest::default() }.component());
        assert!(refused.contains(said), "{what}: {refused}");
    }
    let module =
        Guest::default().module().replace("(memory (export \"memory\") 2)", "(memory (export \"memory\") 2000)");
    let refused = refusal(&encode(&module, "", "include pgreeve:plugin/plugin@0.1.0;", StringEncoding::UTF8));
    assert!(refused.contains("memory"), "a memory of 125 MiB: {refused}");
}

#[test]
fn core_instances_are_limited() {
    let refused = refusal(&with_instances(&Guest::default().component(), "(module)", 60));
    assert!(refused.contains("instances"), "{refused}");
}

#[test]
fn a_log_flood_is_cut_also_when_its_lines_are_empty() {
    for len in [0, 1, 1000] {
        let body = format!(
            "(local $n i32) (loop $l (call $log (i32.const 1) (i32.const 65536) (i32.const {len}))
             (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if $l (i32.lt_u (local.get $n) (i32.const 9000)))) (global.get $report)"
        );
        let (checked, log) = run(&Guest { imports: LOG.into(), run: body, ..Guest::default() }.component(), "");
        assert_eq!(checked.exit, 0);
        assert!(
            log.lines().count() < 1_100 && log.contains("over the limit were dropped"),
            "{len}: {} lines",
            log.lines().count()
        );
    }
}

#[test]
fn a_line_of_the_log_is_one_line_whatever_it_holds() {
    let texts = [
        "\n2026-01-01T00:00:00Z ERROR forged",
        "\u{1b}[2J\u{9b}31m",
        "\u{2028}\u{2029}\u{85}",
        "\u{202e}\u{2066}\u{61c}\u{200f}",
        "\r\0\u{7}\u{8}\u{feff}\u{200b}",
    ];
    let (mut items, mut body, mut at) = (String::new(), String::new(), 66_000);
    for text in texts {
        let data: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        items += &format!("(data (i32.const {at}) \"{data}\")");
        body += &format!("(call $log (i32.const 3) (i32.const {at}) (i32.const {}))", text.len());
        at += 256;
    }
    let guest = Guest { imports: LOG.into(), items, run: format!("{body} (global.get $report)"), ..Guest::default() };
    // `run` looks at every character of the log.
    let (checked, log) = run(&guest.component(), "");
    assert_eq!(checked.exit, 0);
    assert_eq!(log.lines().count(), texts.len(), "{log}");
}

#[test]
fn keys_over_the_quota_are_refused_and_those_before_are_kept() {
    // Keys AAA to PPP are 4,096; a job may have 1,000. Traps unless 3,096 are refused.
    let body = "(local $n i32) (local $refused i32)
        (loop $l
            (i32.store8 (i32.const 65536) (i32.add (i32.const 65) (i32.and (local.get $n) (i32.const 15))))
            (i32.store8 (i32.const 65537) (i32.add (i32.const 65) (i32.and (i32.shr_u (local.get $n) (i32.const 4)) (i32.const 15))))
            (i32.store8 (i32.const 65538) (i32.add (i32.const 65) (i32.shr_u (local.get $n) (i32.const 8))))
            (call $set (i32.const 65536) (i32.const 3) (i32.const 0) (i32.const 0) (global.get $scratch))
            (local.set $refused (i32.add (local.get $refused) (i32.load8_u (global.get $scratch))))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $n) (i32.const 4096))))
        (if (i32.ne (local.get $refused) (i32.const 3096)) (then (unreachable)))
        (global.get $report)";
    let imports = r#"(import "pgreeve:plugin/memory@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))"#;
    let (checked, _) = run(&Guest { imports: imports.into(), run: body.into(), ..Guest::default() }.component(), "");
    assert_eq!((checked.exit, checked.status()), (0, "ok"), "{:#}", checked.json);
}
