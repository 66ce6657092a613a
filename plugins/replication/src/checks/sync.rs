//! `sync`: synchronous standbys that are configured and not there. Commits then hang, and no error tells anybody why.

use pgreeve_sdk::{Finding, Status};

use crate::rows::Sync;
use crate::view::{View, level, seconds, worse};

const ID: &str = "sync";

/// What synchronous_standby_names asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Wanted {
    /// So many have to confirm a commit.
    pub(crate) number: usize,
    /// Of these; `*` is everybody.
    pub(crate) names: Vec<String>,
}

/// Judges it.
pub(crate) fn check(view: &View<'_>) -> Vec<Finding> {
    if view.seen.looks.is_some() {
        return vec![view.not_applicable(ID, "", "a standby commits nothing")];
    }
    let rows = match &view.seen.sync {
        Ok(rows) => rows,
        Err(error) => return vec![view.unanswered(ID, "", error)],
    };
    let Some(settings) = rows.first() else { return vec![view.no_data(ID, "", "the settings were not shown")] };
    let Some(wanted) = parse(&settings.names) else {
        return vec![view.not_applicable(ID, "", "synchronous_standby_names is empty")];
    };
    if rows.iter().any(|row| row.application_name.is_some() && row.state.is_none()) {
        return vec![view.hidden(ID, "", "which standbys are synchronous")];
    }
    let there = rows
        .iter()
        .filter(|row| {
            matches!(row.sync_state.as_deref(), Some("sync" | "quorum")) && row.state.as_deref() == Some("streaming")
        })
        .count();
    let finding = judge(view, &wanted, there, rows);
    vec![
        finding
            .fact("synchronous_standby_names", &settings.names)
            .fact("synchronous_commit", &settings.level)
            .fact("there", there),
    ]
}

fn judge(view: &View<'_>, wanted: &Wanted, there: usize, rows: &[Sync]) -> Finding {
    let level_set = rows.first().map_or("on", |row| row.level.as_str());
    let waiters = view.seen.waiters.as_deref().unwrap_or_default();
    // A statement may have run for long before it came to wait: certain is only what runs have seen it wait.
    let since = view.memory.waits.values().min();
    let longest = since.map_or(0.0, |since| (view.memory.at - since) as f64 / 1e6);
    let most = waiters.iter().filter_map(|waiter| waiter.age).fold(longest, f64::max);
    let number = wanted.number;
    let hanging = match waiters.len() {
        0 => String::new(),
        1 => format!("; 1 commit waits, for {}", between(longest, most)),
        many => format!("; {many} commits wait, the longest for {}", between(longest, most)),
    };
    let absent: Vec<&str> = wanted.names.iter().map(String::as_str).filter(|name| !connected(name, rows)).collect();
    let who = if absent.is_empty() { String::new() } else { format!("; not connected: {}", absent.join(", ")) };
    let advice = "bring the standby back (its log, SELECT status FROM pg_stat_wal_receiver; there). If commits must \
        go on without it: \
                  ALTER SYSTEM SET synchronous_standby_names = '…'; SELECT pg_reload_conf(); which gives up the \
                  second copy of each commit";
    if there < number {
        let waits = matches!(level_set, "on" | "remote_write" | "remote_apply");
        let status = if waits || !waiters.is_empty() { Status::Critical } else { Status::Warning };
        let what = if waits { "commits hang" } else { "commits do not wait (synchronous_commit)" };
        return view
            .finding(
                ID,
                "",
                status,
                format!("{there} of {number} synchronous standbys are there: {what}{hanging}{who}"),
            )
            .advise(advice);
    }
    let (warning, critical) = (view.settings.lag_warning.0, view.settings.lag_critical.0);
    let possible = if most >= warning { Status::Warning } else { Status::Ok };
    let status = worse(level(longest, warning, critical), possible);
    if status != Status::Ok {
        return view
            .finding(
                ID,
                "",
                status,
                format!(
                    "{there} of {number} synchronous standbys are there, and do not \
                confirm{hanging}"
                ),
            )
            .advise(
                "on the standby look whether it hangs, its disk is full, or (remote_apply) its replay is paused \
                or blocked",
            );
    }
    if let Err(error) = &view.seen.waiters {
        return view.unanswered(ID, "", error);
    }
    if absent.is_empty() {
        return view.ok(ID, "", format!("{there} synchronous standbys are there, {number} needed"));
    }
    view.finding(
        ID,
        "",
        Status::Warning,
        format!("{there} synchronous standbys are there, {number} needed, none to spare{who}"),
    )
    .advise(advice)
}

fn between(least: f64, most: f64) -> String {
    if most - least < 1.0 {
        seconds(most).to_string()
    } else {
        format!("between {} and {}", seconds(least), seconds(most))
    }
}

fn connected(name: &str, rows: &[Sync]) -> bool {
    name == "*"
        || rows.iter().any(|row| {
            row.state.as_deref() == Some("streaming")
                && row.application_name.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(name))
        })
}

/// Reads synchronous_standby_names; none where it is empty. Its forms: `s1, s2`, `2 (s1, s2)`, `FIRST 2 (…)`, `ANY 2
/// (…)`; names may be quoted.
pub(crate) fn parse(setting: &str) -> Option<Wanted> {
    let setting = setting.trim();
    if setting.is_empty() {
        return None;
    }
    let (number, list) = match setting.strip_suffix(')').and_then(|open| open.split_once('(')) {
        Some((head, list)) if !head.contains('"') => {
            let number = head.split_whitespace().last().and_then(|number| number.parse().ok());
            (number.unwrap_or(1), list)
        }
        _ => (1, setting),
    };
    let mut names = vec![String::new()];
    let mut quoted = false;
    let mut before = ' ';
    for letter in list.chars() {
        match letter {
            '"' if !quoted && before == '"' => {
                // A doubled quote inside a quoted name is one quote.
                names.last_mut()?.push('"');
                quoted = true;
            }
            '"' => quoted = !quoted,
            ',' if !quoted => names.push(String::new()),
            letter if quoted || !letter.is_whitespace() => names.last_mut()?.push(letter),
            _ => {}
        }
        before = if letter == '"' && quoted { ' ' } else { letter };
    }
    Some(Wanted { number, names: names.into_iter().filter(|name| !name.is_empty()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_synchronous_standby_names_is_read() {
        for (setting, number, names) in [
            ("s1", 1, vec!["s1"]),
            ("s1, s2", 1, vec!["s1", "s2"]),
            ("2 (s1, s2, s3)", 2, vec!["s1", "s2", "s3"]),
            ("FIRST 1 (s1,s2)", 1, vec!["s1", "s2"]),
            ("any 2(*)", 2, vec!["*"]),
            (r#"ANY 1 ("my standby", "a,b", "say ""hi""")"#, 1, vec!["my standby", "a,b", "say \"hi\""]),
            (r#""odd (name)""#, 1, vec!["odd (name)"]),
        ] {
            let wanted = Wanted { number, names: names.into_iter().map(str::to_owned).collect() };
            assert_eq!(parse(setting), Some(wanted), "{setting}");
        }
        assert_eq!(parse("  "), None);
    }
}
