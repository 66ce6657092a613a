//! Views and functions against what they were when pgGit last recorded something of them. Belongs to the group `drift`.

use pgreeve_sdk::{Finding, Status};

use super::Check;
use crate::observe::definitions::Seen;
use crate::view::{View, count};

const ID: &str = "definitions";

pub(super) const CHECK: Check = (
    ID,
    "Replaced definitions",
    "Views and functions that were replaced since an earlier run, though pgGit recorded no command of them: it was done while \
        tracking was off. It stays until pgGit records one, they are what they were, or the setting `baseline` gets another name.",
);

pub(super) fn judge(view: &View<'_>, seen: &Seen) -> Finding {
    let left_out = match seen.total - seen.compared.min(seen.total) {
        0 => String::new(),
        more => format!("; {more} more are not compared"),
    };
    let number = count(seen.compared, "view or function", "views and functions");
    if seen.first {
        let summary = format!("first look: {number} noted, to be compared from the next run on{left_out}");
        return view.not_applicable(ID, "", summary);
    }
    if seen.replaced == 0 {
        return view.ok(ID, "", format!("{number} as pgGit recorded, or as at the first look{left_out}"));
    }
    let shown = seen.names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = seen.replaced.saturating_sub(3);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    view.finding(ID, "", Status::Warning, format!("{} replaced, and not recorded: {shown}{rest}{left_out}", seen.replaced))
        .explain(seen.names.join(", "))
        .advise(
            "replaced while tracking was off: look at event-trigger and pause, and whether the change was meant. If it was, let pgGit \
             record it: CREATE OR REPLACE with the definition that is there (\\sf and \\sv in psql show it); else restore the old one \
             from the last dump or migration",
        )
        .fact("replaced", seen.replaced)
}
