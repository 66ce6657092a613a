//! pgGit's own functions, where they can be believed, and the canary.

use pgreeve_sdk::Report;

use super::Check;
use crate::observe::proof::Seen;
use crate::view::View;

pub(super) const CHECKS: [Check; 0] = [];

pub(super) fn judge(_view: &View<'_>, _seen: &Seen, _report: &mut Report) {}
