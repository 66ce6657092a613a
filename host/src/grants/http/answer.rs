//! What of a server's answer is believed, and what of it a guest sees. Values in, values out.

use hyper::header::{CONTENT_LENGTH, HeaderMap, SET_COOKIE, TRANSFER_ENCODING};

use super::Header;

/// Why the frame of an answer is not believed, if it is not. hyper has refused several lengths that differ, and lengths
/// that are no numbers, by itself.
pub(in crate::grants) fn misframed(status: u16, headers: &HeaderMap) -> Option<&'static str> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => {}
        (Some(_), _) if headers.contains_key(CONTENT_LENGTH) => {
            return Some("it has both Content-Length and Transfer-Encoding, so its end is anybody's guess");
        }
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {}
        _ => return Some("its Transfer-Encoding is not plainly \"chunked\""),
    }
    (!(100..=599).contains(&status)).then_some("its status is not between 100 and 599")
}

/// The headers as the guest sees them.
pub(super) fn visible(headers: &HeaderMap) -> Vec<Header> {
    let shown = headers.iter().filter(|(name, _)| **name != SET_COOKIE);
    shown
        .map(|(name, value)| Header {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        })
        .collect()
}

/// A word of a secret that is shorter is not looked for by itself: it would be found in answers that have nothing to do
/// with it.
const SHORTEST_WORD: usize = 8;

/// Whether an answer repeats a secret, or a word of it, as it is.
pub(super) fn repeats(secret: &[u8], headers: &HeaderMap, body: &[u8]) -> bool {
    let words = secret.split(u8::is_ascii_whitespace).filter(|word| word.len() >= SHORTEST_WORD);
    let mut sought = std::iter::once(secret).chain(words);
    sought.any(|word| {
        let found = |text: &[u8]| contains(text, word);
        found(body) || headers.iter().any(|(name, value)| found(name.as_str().as_bytes()) || found(value.as_bytes()))
    })
}

/// Whether a word, which is not empty, stands in a text.
pub(in crate::grants) fn contains(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && text.windows(word.len()).any(|window| window == word)
}
