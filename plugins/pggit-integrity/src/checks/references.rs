//! Foreign keys of pgGit's tables.

use pgreeve_sdk::Report;

use super::Check;
use crate::observe::references::Seen;
use crate::view::View;

pub(super) const CHECKS: [Check; 0] = [];

pub(super) fn judge(_view: &View<'_>, _seen: &Seen, _report: &mut Report) {}
