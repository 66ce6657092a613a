//! What holds for every text that passes, tried with texts that a generator makes of hostile pieces.

use super::super::{Line, Method, Origin, Target};

const PIECES: [&str; 48] = [
    "/",
    "/",
    "/",
    "//",
    ".",
    "..",
    "...",
    "a",
    "api",
    "health",
    "%",
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "%25",
    "%252e",
    "%00",
    "%0d%0a",
    "%c0%ae",
    "%c3%a4",
    "%20",
    "%3b",
    "%2A",
    "%3f",
    "?",
    "#",
    "@",
    ":",
    ";",
    "\\",
    " ",
    "\r\n",
    "\0",
    "ä",
    "\u{202e}",
    "*",
    "**",
    "http://",
    "evil.example",
    "=",
    "&",
    "+",
    "~",
    "-",
    "\t",
    "\x7f",
    "2e",
];

/// Numbers that are the same in each test run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % most
    }

    fn text(&mut self) -> String {
        // Half of them begin as a path does, so that enough of them pass.
        let start = if self.below(2) == 0 { "/" } else { "" };
        (0..self.below(9)).fold(start.to_owned(), |text, _| text + PIECES[self.below(PIECES.len())])
    }

    fn bytes(&mut self) -> String {
        let bytes: Vec<u8> = (0..self.below(40)).map(|_| u8::try_from(self.below(256)).unwrap()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// One decoding, as a lenient server does it.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = text.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if text[at] == b'%' => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(text[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// What must hold for a path that passed; a fuzz target asks the same.
fn sound(text: &str, target: &Target) {
    let sent = target.request_target();
    assert_eq!(sent, text, "what is sent is what was checked");
    assert!(sent.starts_with('/') && !sent.starts_with("//"), "{sent:?}");
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"#*<>[\\]^`{|}".contains(&byte);
    assert!(sent.bytes().all(allowed), "{sent:?}");
    assert!(!target.path().contains('?'), "{sent:?}");
    let mut path = target.path().as_bytes().to_vec();
    for _ in 0..5 {
        assert!(!path.iter().any(u8::is_ascii_control), "{sent:?}");
        for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
            let name = segment.split(|byte| *byte == b';').next().unwrap().trim_ascii();
            assert!(name != b"." && name != b"..", "{sent:?}");
        }
        let slashes = path.iter().filter(|byte| matches!(byte, b'/' | b'\\')).count();
        assert_eq!(slashes, target.path().matches('/').count(), "{sent:?}: a decoding makes no segment");
        path = decode(&path);
    }
    let line = format!("GET {sent}");
    let covered = Line::parse(&line).is_ok_and(|line| line.covers(Method::Get, target));
    assert!(covered, "the line that a denial names would allow it: {line}");
}

#[test]
fn whatever_passes_means_one_thing() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut passed = 0;
    for _ in 0..300_000 {
        let text = numbers.text();
        if let Ok(target) = Target::parse(&text) {
            passed += 1;
            sound(&text, &target);
        }
    }
    assert!(passed > 10_000, "only {passed} passed: the generator is too wild to show anything");
}

#[test]
fn every_text_has_an_answer() {
    let mut numbers = Numbers(0x0123_4567_89ab_cdef);
    for _ in 0..100_000 {
        let text = if numbers.below(2) == 0 { numbers.bytes() } else { numbers.text() };
        if let Ok(target) = Target::parse(&format!("/{text}")) {
            sound(&format!("/{text}"), &target);
        }
        if let Ok(line) = Line::parse(&format!("GET {text}")) {
            assert_eq!(Line::parse(&line.to_string()), Ok(line));
        }
        for text in [text.clone(), format!("https://{text}")] {
            if let Ok(origin) = Origin::parse(&text) {
                assert_eq!(Origin::parse(&origin.to_string()), Ok(origin));
            }
        }
    }
}
