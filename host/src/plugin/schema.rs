//! The settings' JSON Schema, bounded before it is used: checking settings is the host's own work, which no limit of the guest ends, so a
//! schema whose references multiply or go in circles, or whose patterns backtrack, would keep the agent busy for ever.

use std::collections::HashMap;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

/// Subschemas that checking one value may visit, references followed.
const MOST_VISITED: u64 = 10_000;
/// What a pattern counts for: it is compiled to a state machine of its own, so a schema has at most a hundred.
const PATTERN: u64 = 100;
/// The largest compiled pattern, in bytes.
const MOST_PATTERN: usize = 256 << 10;
/// References that may lead to one another.
const MOST_DEEP: usize = 32;
/// Keywords that change what a reference means; with them nothing could be counted here.
const ELSEWHERE: [&str; 6] = ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor"];

/// The schema and what checks settings against it.
pub(super) fn read(text: &str) -> Result<(Value, Validator), String> {
    let schema: Value =
        serde_json::from_str(text).map_err(|error| format!("the settings' schema is not JSON: {error}"))?;
    let mut count = Count { root: &schema, known: HashMap::new(), path: Vec::new() };
    count.of(&schema).map_err(|problem| format!("the settings' schema {problem}"))?;
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        // Time linear in the text, whatever the pattern; look-around and back-references are not to be had at that price.
        .with_pattern_options(PatternOptions::regex().size_limit(MOST_PATTERN))
        .build(&schema)
        .map_err(|error| format!("the settings' schema is not a JSON Schema: {error}"))?;
    Ok((schema, validator))
}

/// Counts what checking one value may visit.
struct Count<'a> {
    root: &'a Value,
    /// What is known of references already.
    known: HashMap<&'a str, u64>,
    /// References that led here.
    path: Vec<&'a str>,
}

impl<'a> Count<'a> {
    fn of(&mut self, value: &'a Value) -> Result<u64, String> {
        let mut visited: u64 = 1;
        match value {
            Value::Array(items) => {
                for item in items {
                    visited = visited.saturating_add(self.of(item)?);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    visited = visited.saturating_add(match (name.as_str(), member) {
                        ("$ref", Value::String(reference)) => self.reference(reference)?,
                        ("pattern", Value::String(_)) => PATTERN,
                        ("patternProperties", Value::Object(patterns)) => {
                            self.of(member)?.saturating_add(PATTERN.saturating_mul(patterns.len() as u64))
                        }
                        (name, Value::String(_)) if ELSEWHERE.contains(&name) => {
                            return Err(format!("uses {name}: references are `#` and a JSON pointer"));
                        }
                        _ => self.of(member)?,
                    });
                }
            }
            _ => {}
        }
        if visited > MOST_VISITED {
            return Err(format!("has more than {MOST_VISITED} parts, references followed"));
        }
        Ok(visited)
    }

    fn reference(&mut self, reference: &'a str) -> Result<u64, String> {
        if let Some(known) = self.known.get(reference) {
            return Ok(*known);
        }
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let target = target.ok_or_else(|| format!("refers to {reference:?}, which is no part of it"))?;
        if self.path.contains(&reference) || self.path.len() >= MOST_DEEP {
            return Err(format!("refers to {reference:?} in a circle, or over more than {MOST_DEEP} steps"));
        }
        self.path.push(reference);
        let visited = self.of(target)?;
        self.path.pop();
        self.known.insert(reference, visited);
        Ok(visited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_would_keep_the_host_busy_is_refused() {
        let doubling: Vec<String> = (0..30)
            .map(|n| format!(r##""d{n}":{{"allOf":[{{"$ref":"#/$defs/d{0}"}},{{"$ref":"#/$defs/d{0}"}}]}}"##, n + 1))
            .collect();
        let doubling =
            format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d30":{{"type":"object"}}}}}}"##, doubling.join(","));
        let chain: Vec<String> = (0..100).map(|n| format!(r##""d{n}":{{"$ref":"#/$defs/d{}"}}"##, n + 1)).collect();
        let chain = format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d100":{{}}}}}}"##, chain.join(","));
        let patterns = vec![r#"{"pattern":"a"}"#; 200].join(",");
        for (schema, said) in [
            (doubling.as_str(), "more than 10000 parts"),
            (chain.as_str(), "over more than 32 steps"),
            (&format!(r#"{{"allOf":[{patterns}]}}"#), "more than 10000 parts"),
            (r##"{"$ref":"#"}"##, "in a circle"),
            (
                r##"{"properties":{"a":{"$ref":"#/properties/b"},"b":{"items":{"$ref":"#/properties/a"}}}}"##,
                "in a circle",
            ),
            (r#"{"$ref":"http://127.0.0.1:1/schema.json"}"#, "no part of it"),
            (r#"{"$ref":"file:///etc/passwd"}"#, "no part of it"),
            (r##"{"$id":"http://a/","$ref":"#/b"}"##, "uses $id"),
            (r#"{"properties":{"a":{"pattern":"(?=a)b"}}}"#, "not a JSON Schema"),
            (r#"{"properties":{"a":{"pattern":"(x{1000}){1000}"}}}"#, "not a JSON Schema"),
            (&format!("{}{}", r#"{"not":"#.repeat(200), "}".repeat(200)), "not JSON"),
            (r#"{"type":"objekt"}"#, "not a JSON Schema"),
        ] {
            let refused = read(schema).err().unwrap_or_default();
            assert!(refused.contains(said), "{schema:.200}: {refused}");
        }
    }

    #[test]
    fn references_of_the_ordinary_kind_and_patterns_work() {
        let schema = r##"{"properties":{"$ref":{"$ref":"#/$defs/lag"},"b":{"$ref":"#/$defs/lag"}},
                          "$defs":{"lag":{"type":"string","pattern":"^(a+)+$"}}}"##;
        let (_, validator) = read(schema).unwrap();
        assert!(validator.is_valid(&serde_json::json!({"$ref": "aaa"})));
        // A pattern that backtracks would take 2^60 steps here.
        assert!(!validator.is_valid(&serde_json::json!({"b": format!("{}!", "a".repeat(60))})));
    }
}
