//! The pattern of a keep rule: a glob in which `{name}` stands for an argument as it is, so that one action keeps the newest of each of many series.

use std::collections::{BTreeMap, BTreeSet};

use super::is_name;

/// The names of its placeholders.
pub(super) fn places(pattern: &str) -> Result<BTreeSet<String>, String> {
    let mut places = BTreeSet::new();
    walk(pattern, |name| {
        places.insert(name.to_owned());
        Ok(String::new())
    })?;
    Ok(places)
}

/// The pattern with the arguments in it. One that would be a pattern itself, or that is empty, is refused: the rule would be another one.
pub fn keep(pattern: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
    walk(pattern, |name| {
        let value = values.get(name).ok_or_else(|| format!("argument {name:?} is missing"))?;
        if value.is_empty() || value.contains(['*', '?', '/']) || value.contains(char::is_control) {
            return Err(format!("argument {name:?} is {value:?}, which no part of a file's name can be in a pattern"));
        }
        Ok(value.clone())
    })
}

fn walk(pattern: &str, mut value: impl FnMut(&str) -> Result<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let place = after.split_once('}').filter(|(name, _)| is_name(name));
        let (name, after) =
            place.ok_or_else(|| format!("the pattern {pattern:?} has a {{ that begins no placeholder"))?;
        filled.push_str(before);
        filled.push_str(&value(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(pattern: &str, value: &str) -> Result<String, String> {
        keep(pattern, &BTreeMap::from([("label".to_owned(), value.to_owned())]))
    }

    #[test]
    fn an_argument_stands_for_itself_and_for_nothing_more() {
        assert_eq!(filled("full-{label}-????T.json", "a-b=2E").unwrap(), "full-a-b=2E-????T.json");
        assert_eq!(filled("*.log", "a").unwrap(), "*.log");
        for value in ["", "*", "a?", "../a", "a\n"] {
            assert!(filled("full-{label}-*", value).is_err(), "{value:?}");
        }
        assert!(filled("full-{other}-*", "a").is_err());
    }

    #[test]
    fn a_brace_that_begins_no_placeholder_is_a_mistake() {
        assert_eq!(places("a-{b}-{c}.json").unwrap(), BTreeSet::from(["b".to_owned(), "c".to_owned()]));
        for pattern in ["{", "{}", "a{b-c}", "{a"] {
            assert!(places(pattern).is_err(), "{pattern}");
        }
    }
}
