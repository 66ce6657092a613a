//! Fills the templates of actions that are no SQL: a request's path and body, the arguments of a Redis command, the paths of a file operation.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kind;
use super::other::whole;
use crate::contract::pgreeve::plugin::manifest::Parameter;

/// A request's path, each argument one percent-encoded segment, and its body, each argument one JSON string.
pub fn http(
    path: &str,
    body: Option<&str>,
    parameters: &[Parameter],
    arguments: &[(&str, &str)],
) -> Result<(String, Option<String>), String> {
    let values = plain(parameters, arguments)?;
    let segments = path.split('/').map(|segment| match whole(segment).and_then(|name| values.get(name)) {
        Some(value) if value.is_empty() || value.bytes().all(|byte| byte == b'.') => {
            Err(format!("a segment of the path {path} would be {value:?}"))
        }
        Some(value) => Ok(encoded(value)),
        None => Ok(segment.to_owned()),
    });
    let path = segments.collect::<Result<Vec<_>, _>>()?.join("/");
    let body = body.map(|text| {
        let mut body: Value = serde_json::from_str(text).map_err(|error| format!("the body is not JSON: {error}"))?;
        strings(&mut body, &values);
        Ok::<_, String>(body.to_string())
    });
    Ok((path, body.transpose()?))
}

/// The arguments of a Redis command.
pub fn redis(command: &[String], parameters: &[Parameter], arguments: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let values = plain(parameters, arguments)?;
    let filled = command.iter().map(|part| whole(part).and_then(|name| values.get(name)).unwrap_or(part).clone());
    Ok(filled.collect())
}

/// The arguments by name: each parameter has one that fits its kind, and there are no others.
pub fn plain(parameters: &[Parameter], arguments: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    for (name, value) in arguments {
        let parameter = parameters.iter().find(|parameter| parameter.name == *name);
        let parameter = parameter.ok_or_else(|| format!("there is no parameter {name:?}"))?;
        kind::admit(parameter.kind, value).map_err(|why| format!("argument {name:?} {why}"))?;
        if values.insert((*name).to_owned(), (*value).to_owned()).is_some() {
            return Err(format!("argument {name:?} is given twice"));
        }
    }
    match parameters.iter().find(|parameter| !values.contains_key(&parameter.name)) {
        Some(missing) => Err(format!("argument {:?} is missing", missing.name)),
        None => Ok(values),
    }
}

/// All but RFC 3986's unreserved characters escaped.
fn encoded(value: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value
        .bytes()
        .map(|byte| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn strings(value: &mut Value, values: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(filled) = whole(text).and_then(|name| values.get(name)) {
                *text = filled.clone();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strings(item, values)),
        Value::Object(fields) => fields.values_mut().for_each(|field| strings(field, values)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::pgreeve::plugin::manifest::ParameterKind;

    fn parameters() -> Vec<Parameter> {
        ["a", "b"].map(|name| Parameter { name: name.into(), kind: ParameterKind::Text, help: String::new() }).into()
    }

    #[test]
    fn an_argument_stays_one_segment_and_one_string() {
        let (path, body) =
            http("/x/{a}", Some(r#"{"{a}": ["{b}", "a{b}"]}"#), &parameters(), &[("a", "../é?#/"), ("b", "\"},{\"")])
                .unwrap();
        assert_eq!(path, "/x/..%2F%C3%A9%3F%23%2F");
        assert_eq!(
            serde_json::from_str::<Value>(&body.unwrap()).unwrap(),
            serde_json::json!({"{a}": ["\"},{\"", "a{b}"]})
        );
        for dots in [".", "..", ""] {
            assert!(http("/x/{a}", None, &parameters(), &[("a", dots), ("b", "")]).is_err(), "{dots:?}");
        }
    }

    #[test]
    fn arguments_are_those_of_the_parameters() {
        for arguments in
            [&[("a", "1")][..], &[("a", "1"), ("b", "1"), ("c", "1")], &[("a", "1"), ("a", "1"), ("b", "1")]]
        {
            assert!(plain(&parameters(), arguments).is_err(), "{arguments:?}");
        }
        let command = ["SET", "{a}", "x{b}"].map(str::to_owned);
        assert_eq!(redis(&command, &parameters(), &[("a", "k v"), ("b", "")]).unwrap(), ["SET", "k v", "x{b}"]);
    }
}
