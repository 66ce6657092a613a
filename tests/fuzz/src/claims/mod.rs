//! What the readers of hostile text claim, one function per target: it takes any bytes and panics where a claim does not hold. The fuzzer
//! calls them, and so does a test of the main workspace (`tests/tests/fuzz.rs`) with every file of the corpora and of the findings.

mod configuration;
mod http_policy;
mod path_policy;
mod record;
mod sql;
mod template;

/// A target's claims.
pub(crate) type Claims = fn(&[u8]);

/// Every target by its name, which is also the name of its folder in `corpora/` and `findings/`.
pub(crate) const TARGETS: [(&str, Claims); 5] = [
    ("configuration", configuration::holds),
    ("http-policy", http_policy::holds),
    ("path-policy", path_policy::holds),
    ("record", record::holds),
    ("template", template::holds),
];

/// Several texts in one input: they are parted by a byte that UTF-8 never has. What is no UTF-8 comes with replacement characters, since the
/// readers get text that was decoded before.
fn texts(input: &[u8]) -> Vec<String> {
    input.split(|byte| *byte == 0xff).map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}
