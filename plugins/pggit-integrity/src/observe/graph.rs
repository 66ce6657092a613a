//! Commits, trees and refs of pggit_v0.

use super::Look;

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen;

/// Looks.
pub(crate) fn look(_look: &Look<'_>) -> Seen {
    Seen
}
