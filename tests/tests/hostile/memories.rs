//! Guests with several linear memories: in one module, which no plugin needs, and in several modules of one component.

use crate::component::{Guest, with_instances};
use crate::refusal;

#[test]
fn a_module_with_several_memories_is_refused() {
    for count in [1, 7, 99] {
        let refused = refusal(&Guest { items: "(memory 1)".repeat(count), ..Guest::default() }.component());
        assert!(refused.contains("multiple memories"), "{count} more: {refused}");
    }
}

#[test]
fn memories_of_several_modules_are_limited_together() {
    let guest = Guest::default().component();
    // What a module does when it is instantiated, before the first call.
    let starting = |memory: u32, body: &str| format!("(module (memory {memory}) (func $s {body}) (start $s))");
    for (what, module, count, said) in [
        ("eight memories beside the guest's own", "(module (memory 1))".to_owned(), 8, "memories"),
        ("seven of 10 MiB", "(module (memory 160))".to_owned(), 7, "limit of memory"),
        ("seven that grow by 10 MiB", starting(1, "(drop (memory.grow (i32.const 160)))"), 7, "limit of memory"),
        ("one that grows by 4 GiB", starting(1, "(drop (memory.grow (i32.const 65000)))"), 1, "limit of memory"),
        ("page by page", starting(1, "(loop $l (drop (memory.grow (i32.const 1))) (br $l))"), 2, "limit of memory"),
        ("one that reads past its end", starting(1, "(drop (i32.load (i32.const 65536)))"), 1, "out of bounds"),
    ] {
        let refused = refusal(&with_instances(&guest, &module, count));
        assert!(refused.contains(said), "{what}: {refused}");
    }
}

#[test]
fn nothing_is_left_in_the_memory_of_a_module_for_the_next_instance() {
    // Traps unless its memory is zeros, and leaves other bytes: it is instantiated for each question at the load, and for the run.
    let module = "(module (memory 50) (func $s (local $at i32)
        (loop $l (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (unreachable)))
            (local.set $at (i32.add (local.get $at) (i32.const 8))) (br_if $l (i32.lt_u (local.get $at) (i32.const 3276800))))
        (memory.fill (i32.const 0) (i32.const 65) (i32.const 3276800))) (start $s))";
    let (checked, _) = crate::run(&with_instances(&Guest::default().component(), module, 7), "");
    assert_eq!((checked.exit, checked.status()), (0, "ok"), "{:#}", checked.json);
}
