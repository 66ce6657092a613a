//! What things are called.

/// Lower-case words joined by hyphens: what jobs, plugins, checks and scopes are called.
pub fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.split('-').all(|word| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        })
}
