//! Guests with resource types of their own: their handles take memory of the host, and their destructors are code of the guest.

use crate::component::{FOR_EVER, Guest};
use crate::faults;

const IMPORTS: &str = r#"
    (import "[export]hoard" "[resource-new]thing" (func $new (param i32) (result i32)))
    (import "[export]hoard" "[resource-rep]thing" (func $rep (param i32) (result i32)))
    (import "[export]hoard" "[resource-drop]thing" (func $drop-thing (param i32)))"#;

/// A guest that exports a resource type with this destructor and does this in its run.
fn owning(destructor: &str, body: &str) -> Vec<u8> {
    let items = format!(
        r#"(func (export "hoard#[constructor]thing") (result i32) (call $new (i32.const 7)))
        (func (export "hoard#[dtor]thing") (param i32) {destructor})"#
    );
    let world = "export hoard: interface { resource thing { constructor(); } }";
    Guest {
        imports: IMPORTS.into(),
        items,
        world: world.into(),
        run: format!("{body} (global.get $report)"),
        ..Guest::default()
    }
    .component()
}

#[test]
fn resources_of_the_guests_own_type_are_limited_and_not_forged() {
    let new = "(call $new (i32.const 7))";
    let twice = format!("(local $h i32) (local.set $h {new}) (call $drop-thing (local.get $h))");
    for (what, destructor, body, said) in [
        ("makes handles and never drops them", "", format!("(loop $l (drop {new}) (br $l))"), "limit of handles"),
        (
            "makes handles and drops every other",
            "",
            format!("(loop $l (drop {new}) (call $drop-thing {new}) (br $l))"),
            "limit of handles",
        ),
        ("makes and drops for ever", "", format!("(loop $l (call $drop-thing {new}) (br $l))"), "limit of cpu"),
        ("drops twice", "", format!("{twice} (call $drop-thing (local.get $h))"), "unknown handle index"),
        (
            "looks into one that is dropped",
            "",
            format!("{twice} (drop (call $rep (local.get $h)))"),
            "unknown handle index",
        ),
        (
            "looks into one that was never made",
            "",
            "(drop (call $rep (i32.const 12345)))".to_owned(),
            "unknown handle index",
        ),
        ("drops a giant number", "", "(call $drop-thing (i32.const -1))".to_owned(), "unknown handle index"),
        ("never ends a drop", FOR_EVER, format!("(call $drop-thing {new})"), "limit of cpu"),
        (
            "drops within a drop",
            "(call $drop-thing (call $new (i32.const 7)))",
            format!("(call $drop-thing {new})"),
            "call stack exhausted",
        ),
    ] {
        faults(what, &owning(destructor, &body), "cpu = \"300ms\"", said);
    }
}
