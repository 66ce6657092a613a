//! A named command as an action.

use super::{Ended, LINE, Seen, excerpt, said};
use crate::grants::commands::{self, Argument, Command, Fault, Reached};
use crate::grants::log::printable;

/// Runs it to its end.
pub(super) async fn perform(command: &Command, arguments: &[Argument]) -> Seen {
    // What the arguments alone decide: nothing has been started.
    if let Err(refused) = commands::fill(command, arguments) {
        return (Ended::Refused, said(&refused.into()));
    }
    match commands::act(command, arguments).await {
        Ok(done) if done.output.exit_status == 0 => {
            let mut lines = vec!["exit status 0".to_owned()];
            if let Some(file) = &done.file {
                let path = printable(&file.path.display().to_string(), LINE);
                lines.push(format!("wrote {path}, {} bytes, SHA-256 {}", file.bytes, file.sha256));
            }
            add(&mut lines, "stdout", &done.output.stdout);
            (Ended::Done, lines.join("\n"))
        }
        Ok(done) => {
            let mut lines = vec![format!("exit status {}", done.output.exit_status)];
            add_end(&mut lines, &done.output.stderr);
            (Ended::Failed, lines.join("\n"))
        }
        Err(Fault { reached: Reached::Nothing, error }) => (Ended::Refused, said(&error)),
        // It was ended: what it had done by then stays.
        Err(Fault { reached: Reached::Started, error }) => (Ended::Uncertain, said(&error)),
        Err(Fault { reached: Reached::End, error }) => (Ended::Failed, said(&error)),
    }
}

fn add(lines: &mut Vec<String>, what: &str, bytes: &[u8]) {
    let text = excerpt(bytes);
    if !text.is_empty() {
        lines.push(format!("{what}: {text}"));
    }
}

/// The end of stderr, which says why.
fn add_end(lines: &mut Vec<String>, stderr: &str) {
    let mut from = stderr.len().saturating_sub(super::EXCERPT);
    while !stderr.is_char_boundary(from) {
        from += 1;
    }
    add(lines, "stderr", stderr.get(from..).unwrap_or_default().as_bytes());
}
