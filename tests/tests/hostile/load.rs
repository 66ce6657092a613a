//! Components that no compiler for plugins makes: other imports, other exports, types that explode, code that keeps the compiler busy.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pgreeve_tests::agent::pgreeve;
use wit_component::StringEncoding;

use crate::component::{Guest, encode};
use crate::refusal;

fn text(component: &str) -> Vec<u8> {
    wat::parse_str(component).unwrap()
}

#[test]
fn imports_that_are_not_offered_are_refused_by_name() {
    for (what, import, said) in [
        ("what does not exist", r#"(import "pgreeve:plugin/root-shell@0.1.0" (instance))"#, "root-shell"),
        ("another version", r#"(import "pgreeve:plugin/log@9.0.0" (instance (export "x" (func))))"#, "log@9.0.0"),
        ("another package", r#"(import "evil:plugin/log@0.1.0" (instance))"#, "evil:plugin/log"),
        ("a bare function", r#"(import "system" (func (param "command" string)))"#, "system"),
        ("WASI's network requests", r#"(import "wasi:http/outgoing-handler@0.2.0" (instance))"#, "wasi:http"),
        ("WASI 0.3", r#"(import "wasi:cli/environment@0.3.0" (instance))"#, "wasi:cli/environment@0.3.0"),
        ("a core module", r#"(import "module" (core module))"#, "module"),
        ("a name that forges", "(import \"url=<https://a/\\1b[2J\\0aagent.toml: valid>\" (func))", ""),
    ] {
        let refused = refusal(&text(&format!("(component {import})")));
        assert!(
            refused.contains(said) && !refused.lines().any(|line| line.starts_with("agent.toml: valid")),
            "{what}: {refused}"
        );
    }
    let many: String = (0..2_000).map(|number| format!("(import \"{}{number}\" (func))", "a".repeat(1000))).collect();
    refusal(&text(&format!("(component {many})")));
}

#[test]
fn imports_of_another_type_are_refused() {
    for (what, import) in [
        ("a function with other parameters", r#"(instance (export "log" (func (param "line" string))))"#),
        ("a function that is not there", r#"(instance (export "execute" (func (param "sql" string) (result bool))))"#),
        ("a function instead of an interface", "(func)"),
    ] {
        let refused = refusal(&text(&format!(r#"(component (import "pgreeve:plugin/log@0.1.0" {import}))"#)));
        assert!(refused.contains("does not fit the contract"), "{what}: {refused}");
    }
}

#[test]
fn another_world_is_refused() {
    let module = |exports: &str| {
        format!(
            "(module (memory (export \"memory\") 1) {exports} (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable))"
        )
    };
    let describe = "(func (export \"describe\") (result i32) (i32.const 0))";
    let others = "(func (export \"check-settings\")) (func (export \"run\"))";
    for (what, component) in [
        ("nothing", text("(component)")),
        ("one export", encode(&module(describe), "", "export describe: func() -> string;", StringEncoding::UTF8)),
        (
            "exports of other types",
            encode(
                &module(&format!("{describe} {others}")),
                "",
                "export describe: func() -> string; export check-settings: func(); export run: func();",
                StringEncoding::UTF8,
            ),
        ),
        (
            "exports that are no functions",
            text(
                r#"(component (component $c) (instance $i (instantiate $c)) (export "describe" (instance $i)) (export "check-settings" (instance $i)) (export "run" (instance $i)))"#,
            ),
        ),
    ] {
        let refused = refusal(&component);
        assert!(refused.contains("does not fit the contract"), "{what}: {refused}");
    }
}

#[test]
fn strings_in_other_encodings_are_read_and_lone_surrogates_are_not() {
    // One failure whose text is one UTF-16 unit.
    let failing = |unit: &str| {
        Guest {
        // The manifest is read as UTF-16 too: nothing but the number of its characters makes it a manifest or not.
        items: format!("(data (i32.const 512) \"{unit}\")"),
        describe: "(i32.store offset=16 (global.get $manifest) (i32.const 512)) (i32.store offset=20 (global.get $manifest) (i32.const 1)) (global.get $manifest)".into(),
        encoding: StringEncoding::UTF16,
        ..Guest::default()
    }
    };
    let refused = refusal(&failing("\\00\\d8").component());
    assert!(refused.contains("describe), it trapped") && refused.contains("unpaired surrogate"), "{refused}");
}

#[test]
fn types_and_instances_that_explode_are_refused_within_seconds() {
    let tuples: String = (1..40).map(|n| format!("(type $t{n} (tuple $t{0} $t{0} $t{0}))", n - 1)).collect();
    let tuples = format!("(component (type $t0 (tuple u64 u64)) {tuples} (import \"f\" (func (param \"x\" $t39))))");
    let instances: String = (1..40)
        .map(|n| format!("(component $c{n} (alias outer 1 $c{0} (component $inner)) (instance (instantiate $inner)) (instance (instantiate $inner)))", n - 1))
        .collect();
    let instances = format!("(component (component $c0) {instances} (instance (instantiate $c39)))");
    let modules: String = (1..26)
        .map(|n| format!("(component $c{n} (alias outer 1 $c{0} (component $inner)) (instance (instantiate $inner)) (instance (instantiate $inner)))", n - 1))
        .collect();
    let modules = format!(
        "(component (component $c0 (core module $m (func)) (core instance (instantiate $m))) {modules} (instance (instantiate $c25)))"
    );
    for (what, component) in [("types", tuples), ("instances", instances), ("core instances", modules)] {
        let component = text(&component);
        let began = Instant::now();
        let output = compile(&component, 192, 3);
        assert!(!output.status.success(), "{what}");
        println!("{what}: {:?} {:?} {}", began.elapsed(), output.status, String::from_utf8_lossy(&output.stderr));
        assert!(began.elapsed() < Duration::from_secs(15), "{what} took {:?}", began.elapsed());
    }
}

/// The agent's compiling process with so many MiB of memory and so many seconds.
fn compile(component: &[u8], memory: u64, seconds: u64) -> std::process::Output {
    let mut child = Command::new(pgreeve())
        .args(["compile-component", &(memory << 20).to_string(), &seconds.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(component);
    child.wait_with_output().unwrap()
}

#[test]
fn code_that_keeps_the_compiler_busy_costs_one_process_for_a_limited_time() {
    let wide =
        |locals: usize, body: &str| format!("(component (core module (func {} {body})))", "(local i64)".repeat(locals));
    let targets: String = " 0".repeat(60_000);
    let switch = format!(
        "(component (core module (func (param i32) {})))",
        format!("(block (br_table{targets} (local.get 0)))").repeat(40)
    );
    let blocks = 20_000;
    let nested = format!(
        "(component (core module (func (param i32) (result i32) {} (local.get 0) {})))",
        "block (result i32) loop (result i32) ".repeat(blocks),
        "local.get 0 br_if 0 local.get 0 i32.add end end ".repeat(blocks)
    );
    let moves: String = (0..200_000)
        .map(|n| {
            format!(
                "(local.set {} (i64.add (local.get {}) (local.get {})))",
                n % 50_000,
                (n * 7) % 50_000,
                (n * 13) % 50_000
            )
        })
        .collect();
    for (what, component) in [
        ("50,000 locals, all in use", wide(50_000, &format!("(loop $l {moves} (br $l))"))),
        ("3,600,000 targets of jumps", switch),
        ("20,000 nested loops", nested),
    ] {
        let component = text(&component);
        let began = Instant::now();
        let output = compile(&component, 512, 1);
        println!("{what}: {:?} {:?} {}", began.elapsed(), output.status, String::from_utf8_lossy(&output.stderr));
        // A second of each core at the most; how long that takes is the machine's business.
        assert!(began.elapsed() < Duration::from_secs(20), "{what} took {:?}", began.elapsed());
    }
}

#[test]
fn a_few_bytes_do_not_become_gigabytes_of_code() {
    // Two bytes, 15 MiB apart, in each of 100 modules: an image of each memory would make 1.5 GiB.
    let modules = "(core module (memory 300) (data (i32.const 0) \"a\") (data (i32.const 15000000) \"z\"))".repeat(100);
    let output = compile(&text(&format!("(component {modules})")), 2048, 20);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.len() < 16 << 20, "{} bytes", output.stdout.len());
}
