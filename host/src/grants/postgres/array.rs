//! PostgreSQL's text form of one-dimensional arrays: `{a,"b, c",NULL,"NULL"}`. Pure.

/// The elements; none if the text is not a one-dimensional array from index 1.
pub(super) fn elements(text: &str) -> Option<Vec<Option<String>>> {
    let mut rest = text.strip_prefix('{')?;
    let mut elements = Vec::new();
    if rest == "}" {
        return Some(elements);
    }
    loop {
        let (element, after) = element(rest)?;
        elements.push(element);
        match after.split_at_checked(1)? {
            (",", next) => rest = next,
            ("}", "") => return Some(elements),
            _ => return None,
        }
    }
}

/// One element and what follows it.
fn element(text: &str) -> Option<(Option<String>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', '}'])?;
        let (plain, rest) = text.split_at_checked(end)?;
        // An inner brace is a second dimension; a quote or backslash never stands unquoted.
        if plain.is_empty() || plain.contains(['{', '"', '\\']) {
            return None;
        }
        return Some(((plain != "NULL").then(|| plain.to_owned()), rest));
    };
    let mut element = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((Some(element), characters.as_str())),
            '\\' => element.push(characters.next()?),
            other => element.push(other),
        }
    }
}

/// The text form of an array; `None` is NULL, every other element is quoted.
pub(super) fn literal<T: ToString>(elements: &[Option<T>]) -> String {
    let mut text = String::from("{");
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        match element {
            None => text.push_str("NULL"),
            Some(element) => {
                text.push('"');
                for character in element.to_string().chars() {
                    if matches!(character, '"' | '\\') {
                        text.push('\\');
                    }
                    text.push(character);
                }
                text.push('"');
            }
        }
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(words: &[&str]) -> Option<Vec<Option<String>>> {
        Some(words.iter().map(|word| (*word != "∅").then(|| (*word).to_owned())).collect())
    }

    #[test]
    fn arrays_keep_nulls_and_quoted_text() {
        for (text, expected) in [
            ("{}", some(&[])),
            ("{a}", some(&["a"])),
            ("{a,NULL,b c}", some(&["a", "∅", "b c"])),
            (r#"{"NULL","","a,b","{x}","q\"b\\"}"#, some(&["NULL", "", "a,b", "{x}", r#"q"b\"#])),
            ("{ä,\"ö,\"}", some(&["ä", "ö,"])),
            ("{{a},{b}}", None),
            ("[0:1]={a,b}", None),
            ("", None),
            ("{", None),
            ("{a", None),
            ("{a,}", None),
            ("{a}x", None),
            ("{\"a", None),
            ("{\"a\"b}", None),
            ("{\"a\\", None),
        ] {
            assert_eq!(elements(text), expected, "{text}");
        }
    }

    #[test]
    fn a_written_array_reads_back() {
        let all = some(&["", "∅", "NULL", "a,b", r#"q"b\"#, "{}", " ", "ä\n"]).unwrap();
        assert_eq!(elements(&literal(&all)), Some(all));
        assert_eq!(literal(&[Some(-1_i64), None]), r#"{"-1",NULL}"#);
    }
}
