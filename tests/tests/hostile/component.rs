//! Makes components that no compiler would: the core module is written by hand as text, so it can lie in every place where the component
//! model lets a guest answer. What is not replaced behaves: a valid manifest, settings without problems, a report with one finding.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the constant data begins.
const BASE: u32 = 1024;

/// A guest; every field is WebAssembly text.
pub(crate) struct Guest {
    /// What it says that it is.
    pub(crate) manifest: Told,
    /// The answer of `run`.
    pub(crate) findings: Vec<(String, &'static str)>,
    /// The bodies of the exports; each leaves an address.
    pub(crate) describe: String,
    pub(crate) check_settings: String,
    pub(crate) run: String,
    /// The body of `cabi_realloc`: the host calls it to get room for what it passes.
    pub(crate) realloc: String,
    /// Imports of the core module.
    pub(crate) imports: String,
    /// Further definitions of the core module.
    pub(crate) items: String,
    /// Further imports and exports of the world, and packages that they come from.
    pub(crate) world: String,
    pub(crate) packages: String,
    /// How it encodes strings.
    pub(crate) encoding: StringEncoding,
}

/// A manifest's fields.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) schema: String,
    pub(crate) checks: Vec<String>,
    /// Roles that its observer needs to be a member of.
    pub(crate) needs: Vec<String>,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            name: "hostile".into(),
            version: "0.1.0".into(),
            summary: "Made by hand".into(),
            schema: r#"{"type":"object"}"#.into(),
            checks: vec!["check".into()],
            needs: Vec::new(),
        }
    }
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            manifest: Told::default(),
            findings: vec![("check".into(), "check")],
            describe: "(global.get $manifest)".into(),
            check_settings: "(global.get $none)".into(),
            run: "(global.get $report)".into(),
            realloc: BUMP.into(),
            imports: String::new(),
            items: String::new(),
            world: String::new(),
            packages: String::new(),
            encoding: StringEncoding::UTF8,
        }
    }
}

/// Takes the next bytes, and more memory where there are none.
pub(crate) const BUMP: &str = "(local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
                            (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $len)))
    (loop $more (if (i32.gt_u (global.get $next) (i32.shl (memory.size) (i32.const 16)))
        (then (drop (memory.grow (i32.const 16))) (br $more))))
    (local.get $at)";

/// Never comes back.
pub(crate) const FOR_EVER: &str = "(loop $l (br $l)) (unreachable)";

/// Import of the log; `$log` takes level, address and length.
pub(crate) const LOG: &str = r#"(import "pgreeve:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))"#;
/// Import of `memory.get`; `$get` takes address and length of the key, and where the answer goes.
pub(crate) const GET: &str = r#"(import "pgreeve:plugin/memory@0.1.0" "get" (func $get (param i32 i32 i32)))"#;

impl Guest {
    /// The core module.
    pub(crate) fn module(&self) -> String {
        let mut image = Image::default();
        let manifest = image.manifest(&self.manifest);
        let report = image.report(&self.findings);
        let none = image.words(&[0, 0]);
        let scratch = image.words(&[0; 16]);
        let heap = (BASE + image.len() + 16) & !7;
        let pages = heap / 65536 + 2;
        let Self { imports, items, describe, check_settings, run, realloc, .. } = self;
        let data = image.escaped();
        format!(
            "(module {imports}
            (memory (export \"memory\") {pages})
            (global $manifest i32 (i32.const {manifest})) (global $report i32 (i32.const {report}))
            (global $none i32 (i32.const {none})) (global $scratch i32 (i32.const {scratch}))
            (global $next (mut i32) (i32.const {heap}))
            (func $realloc (export \"cabi_realloc\") (param $old i32) (param $before i32) (param $align i32) (param $len i32) (result i32) {realloc})
            (func (export \"describe\") (result i32) {describe})
            (func (export \"check-settings\") (param i32 i32) (result i32) {check_settings})
            (func (export \"run\") (param i32 i32 i64 i32 i32 i32 i32 i32 i32 i32) (result i32) {run})
            {items}
            (data (i32.const {BASE}) \"{data}\"))"
        )
    }

    /// The component.
    pub(crate) fn component(&self) -> Vec<u8> {
        let world = format!("include pgreeve:plugin/plugin@0.1.0; {}", self.world);
        encode(&self.module(), &self.packages, &world, self.encoding)
    }
}

/// A core module as a component of a world.
pub(crate) fn encode(module: &str, packages: &str, world: &str, encoding: StringEncoding) -> Vec<u8> {
    let mut module = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).unwrap();
    let text = format!("package test:hostile; {packages} world guest {{ {world} }}");
    let package = resolve.push_str("hostile.wit", &text).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, encoding, false).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}

/// The component with another core module in it, instantiated so many times, at most 127.
pub(crate) fn with_instances(component: &[u8], module: &str, count: u8) -> Vec<u8> {
    let mut modules = 0;
    let mut at = 8;
    while at < component.len() {
        let (id, mut size, mut shift) = (component[at], 0_usize, 0);
        at += 1;
        loop {
            size |= usize::from(component[at] & 0x7f) << shift;
            (at, shift) = (at + 1, shift + 7);
            if component[at - 1] < 0x80 {
                break;
            }
        }
        modules += u8::from(id == 1);
        at += size;
    }
    let instances: Vec<u8> = [count].into_iter().chain((0..count).flat_map(|_| [0, modules, 0])).collect();
    let mut bytes = component.to_vec();
    for (id, section) in [(1, wat::parse_str(module).unwrap()), (2, instances)] {
        assert!(section.len() < 1 << 14);
        bytes.extend([id, (section.len() & 0x7f) as u8 | 0x80, (section.len() >> 7) as u8]);
        bytes.extend(section);
    }
    bytes
}

/// Constant data by the component model's layout of records in memory.
#[derive(Default)]
struct Image {
    bytes: Vec<u8>,
}

impl Image {
    fn len(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// Puts bytes at the next multiple of eight; their address.
    fn put(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let address = BASE + self.len();
        self.bytes.extend(bytes);
        address
    }

    fn words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(&bytes)
    }

    fn text(&mut self, text: &str) -> [u32; 2] {
        [self.put(text.as_bytes()), text.len() as u32]
    }

    fn manifest(&mut self, told: &Told) -> u32 {
        let title = self.text("…");
        let checks: Vec<u32> =
            told.checks.iter().flat_map(|id| [self.text(id), title, title].into_iter().flatten()).collect();
        let checks = [self.words(&checks), told.checks.len() as u32];
        let texts = [&told.name, &told.version, &told.summary, &told.schema].map(|text| self.text(text));
        // The case, room for the largest case's payload, since, until, required, the reason.
        let need = |role: &[u32; 2]| [0, role[0], role[1], 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, title[0], title[1]];
        let roles: Vec<[u32; 2]> = told.needs.iter().map(|role| self.text(role)).collect();
        let needs = [self.words(&roles.iter().flat_map(need).collect::<Vec<_>>()), told.needs.len() as u32];
        let nothing = [0, 0];
        let words: Vec<u32> = texts.into_iter().chain([checks, nothing, needs, nothing]).flatten().collect();
        self.words(&words)
    }

    /// `ok(report)` whose findings are all ok.
    fn report(&mut self, findings: &[(String, &str)]) -> u32 {
        let summary = self.text("well");
        let mut words = Vec::new();
        for (key, check) in findings {
            let (key, check) = (self.text(key), self.text(check));
            // Status and reason are bytes: ok, none. Then subject, summary, detail, advice, evidence.
            words.extend([key, check].concat());
            words.extend([0, 0, 0, 0, summary[0], summary[1], 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        let findings = [self.words(&words), findings.len() as u32];
        self.words(&[0, findings[0], findings[1], 0, 0, 0, 0])
    }

    fn escaped(&self) -> String {
        self.bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
    }
}
