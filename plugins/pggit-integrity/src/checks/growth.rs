//! Sizes, growth and thresholds.

use pgreeve_sdk::Report;

use super::Check;
use crate::observe::growth::Seen;
use crate::view::View;

pub(super) const CHECKS: [Check; 0] = [];

pub(super) fn judge(_view: &View<'_>, _seen: &Seen, _report: &mut Report) {}
