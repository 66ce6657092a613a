//! pggit_audit.

use super::Look;

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen;

/// Looks.
pub(crate) fn look(_look: &Look<'_>) -> Seen {
    Seen
}
