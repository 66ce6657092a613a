//! The words that all kinds of caches share: a rate's verdict as a finding, percent, an error of a server that is no
//! database.

pub(crate) use pgreeve_sdk::level;
use pgreeve_sdk::{Error, Finding, Reason, RemoteError, Seconds, Status, finding};

use crate::window::{Rate, Verdict};

/// A share, 0 to 1, in percent: rounded down, so that what is under a threshold never reads as the threshold.
pub(crate) fn percent(ratio: f64) -> String {
    let tenths = (ratio * 1000.0 + 1e-9).floor() / 10.0;
    format!("{tenths} %")
}

/// Seconds for people.
pub(crate) fn seconds(value: f64) -> Seconds {
    Seconds(value)
}

/// `1 key`, `2 keys`.
pub(crate) fn count(number: u64, one: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {one}{end}")
}

/// What a verdict comes to: a rate to be judged, or the finding that says why there is none. `what` is counted, such as
/// `lookup`.
pub(crate) fn rate_or_answer(
    check: &str,
    subject: &str,
    verdict: &Verdict,
    what: &str,
) -> Result<(Rate, bool), Box<Finding>> {
    let none = match verdict {
        Verdict::Told(rate) => return Ok((*rate, false)),
        Verdict::Held(rate) => return Ok((*rate, true)),
        Verdict::NoBaseline(why) => Finding::unknown(check, subject, Reason::NoData, format!("no hit rate yet: {why}"))
            .advise(if why.contains("went back") {
                "nothing to do, the next run can tell. If it says so at every run, several processes answer in turn, each with counters of \
                 its own: let the application tell their sum"
            } else {
                "nothing to do: a rate takes two runs, the next one can tell"
            }),
        Verdict::Idle { seconds: idle } => {
            Finding::not_applicable(check, subject, format!("idle: no {what} in {}", seconds(*idle)))
        }
        Verdict::Few { lookups, seconds: length, quiet } => {
            let words = format!("too few to judge: {} in {}", count(*lookups, what), seconds(*length));
            if *quiet {
                Finding::not_applicable(check, subject, words)
            } else {
                Finding::unknown(check, subject, Reason::NoData, words).advise(
                    "nothing to do: the next runs count on; a cache that stays as quiet is said to be so after 15 min",
                )
            }
        }
    };
    Err(Box::new(none))
}

/// `in 5 min`, or, for a rate of an earlier run that stands, until when.
pub(crate) fn during(rate: &Rate, held: bool, now: i64) -> String {
    let length = seconds(rate.seconds());
    if held {
        let ago = seconds((now - rate.to) as f64 / 1e6);
        format!("in {length} up to {ago} ago; too few since to judge anew")
    } else {
        format!("in {length}")
    }
}

/// A question to a server that is no database, unanswered.
pub(crate) fn unanswered(check: &str, subject: &str, error: &Error) -> Finding {
    let Error::Remote(RemoteError { code, message, hint, .. }) = error else {
        return Finding::unanswered(check, subject, error);
    };
    let reason = match code.as_str() {
        "NOPERM" | "NOAUTH" | "WRONGPASS" | "DENIED" => Reason::NoPrivilege,
        "ERR" if message.starts_with("unknown command") || message.starts_with("unknown subcommand") => {
            Reason::Unsupported
        }
        _ => Reason::Failed,
    };
    let advice = match (hint, reason) {
        (Some(hint), _) => hint.clone(),
        (None, Reason::Unsupported) => {
            "the server does not have this command, or has it under another name (rename-command); an ACL that allows \
             reading alone does more"
                .to_owned()
        }
        (None, _) => "read the end of the server's log".to_owned(),
    };
    Finding {
        reason: Some(reason),
        ..finding(check, subject, Status::Unknown, format!("could not look: {code} {message}"))
    }
    .advise(advice)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn percent_is_rounded_down() {
        for (ratio, text) in
            [(0.0, "0 %"), (0.69999, "69.9 %"), (0.7, "70 %"), (0.57, "57 %"), (0.9496, "94.9 %"), (1.0, "100 %")]
        {
            assert_eq!(percent(ratio), text);
        }
    }
}
