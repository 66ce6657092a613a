//! SQL templates: whatever the arguments are, a filled statement is the statement that its author wrote, for a server of any settings, and
//! every argument is read back from it as it was given.

use pgreeve::plugin::manifest::{Parameter, ParameterKind};
use pgreeve::plugin::template::Template;

use super::sql::{Piece, Standard, read};

const KINDS: [(&str, ParameterKind, &str); 6] = [
    ("text", ParameterKind::Text, "x"),
    ("number", ParameterKind::Integer, "7"),
    ("name", ParameterKind::Identifier, "x"),
    ("table", ParameterKind::QualifiedIdentifier, "x.y"),
    ("file", ParameterKind::Path, "x"),
    ("wait", ParameterKind::Duration, "1s"),
];

/// The first text is the template, with parameters called after their kinds; the others are their arguments.
pub(super) fn holds(input: &[u8]) {
    let texts = super::texts(input);
    let Some((text, given)) = texts.split_first() else { return };
    let used = |name: &str| text.contains(&format!(":'{name}'")) || text.contains(&format!(":\"{name}\""));
    let kinds: Vec<_> = KINDS.into_iter().filter(|(name, ..)| used(name)).collect();
    let parameter = |name: &str, kind| Parameter { name: name.to_owned(), kind, help: String::new() };
    let parameters: Vec<Parameter> = kinds.iter().map(|(name, kind, _)| parameter(name, *kind)).collect();
    let Ok(template) = Template::parse(std::slice::from_ref(text), &parameters) else { return };

    let plain: Vec<_> = kinds.iter().map(|(name, _, plain)| (*name, *plain)).collect();
    let plain = one(template.fill(&plain).expect("plain arguments fit"));
    let arguments: Vec<_> =
        kinds.iter().zip(0..).map(|((name, ..), at)| (*name, given.get(at).map_or("", String::as_str))).collect();
    for (argument, value) in &arguments {
        if value.contains('\0') {
            template.fill(&arguments).expect_err("no text has a NUL byte");
            assert!(kinds.iter().any(|(name, ..)| name == argument));
        }
    }
    let Ok(filled) = template.fill(&arguments) else { return };
    let filled = one(filled);
    for standard in [Standard::On, Standard::Off] {
        let (plain, filled_pieces) = (read(&plain, standard), read(&filled, standard));
        let (plain, pieces) = (plain.expect("it can be read"), filled_pieces.expect("it can be read"));
        let ends = |pieces: &[Piece]| pieces.iter().filter(|piece| **piece == Piece::Word(";".to_owned())).count();
        assert!(ends(&pieces) <= 1, "{filled:?} is one statement");
        // A minus sign is a piece of its own, and the number behind it the placeholder's.
        let pieces = signed(&pieces, &plain);
        assert_eq!(plain.len(), pieces.len(), "{plain:?} and {pieces:?}: the argument changes what is done");
        for (before, after) in plain.iter().zip(&pieces) {
            match (before, after) {
                (same, other) if same == other => {}
                (Piece::Literal(_), Piece::Literal(value)) => {
                    assert!(
                        kinds.iter().zip(&arguments).any(|((_, kind, _), (_, given))| meant(*kind, given, value)),
                        "{value:?}"
                    );
                }
                (Piece::Name(_), Piece::Name(value)) => {
                    assert!((1..=63).contains(&value.len()), "{value:?} is a name");
                    let is_part =
                        |(_, given): &(&str, &str)| *given == value || given.contains(&value.replace('"', "\"\""));
                    assert!(arguments.iter().any(is_part), "{value:?} was given");
                }
                (Piece::Word(_), Piece::Word(number)) => {
                    let number: i128 = number.parse().expect("only a number stands in the place of another word");
                    let is_given = |(_, given): &(&str, &str)| given.parse() == Ok(number);
                    assert!(arguments.iter().any(is_given), "{number} was given");
                }
                (before, after) => panic!("{before:?} became {after:?} in {filled:?}"),
            }
        }
    }
}

fn one(mut statements: Vec<String>) -> String {
    assert_eq!(statements.len(), 1);
    statements.remove(0)
}

/// A minus sign and a number as one piece where the plain statement has one number.
fn signed(pieces: &[Piece], plain: &[Piece]) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        let plain_is = |word: &str, at: usize| plain.get(at) == Some(&Piece::Word(word.to_owned()));
        match (joined.last(), piece) {
            (Some(Piece::Word(sign)), Piece::Word(number))
                if sign == "-" && plain_is("7", joined.len() - 1) && !plain_is("-", joined.len() - 1) =>
            {
                let number = format!("-{number}");
                joined.pop();
                joined.push(Piece::Word(number));
            }
            _ => joined.push(piece.clone()),
        }
    }
    joined
}

/// Whether a literal of that value is what this argument has to become.
fn meant(kind: ParameterKind, given: &str, value: &str) -> bool {
    match kind {
        ParameterKind::Text | ParameterKind::Identifier | ParameterKind::Path => given == value,
        ParameterKind::Integer => false,
        ParameterKind::QualifiedIdentifier => {
            let Ok(pieces) = read(value, Standard::On) else { return false };
            let names = matches!(pieces.as_slice(), [Piece::Name(_), Piece::Word(dot), Piece::Name(_)] if dot == ".");
            names && value.replace('"', "") == given.replace('"', "")
        }
        ParameterKind::Duration => {
            value.strip_suffix("ms").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        }
    }
}
