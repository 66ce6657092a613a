//! Hit rates of Redis and of applications against the target, the alert and the outage.

use pgreeve_sdk::Status;

use crate::answer::percent;
use crate::settings::Settings;

/// A hit rate, 0 to 1, against the thresholds: the status, and the rate in words.
pub(crate) fn judge(ratio: f64, settings: &Settings) -> (Status, String) {
    let (value, text) = (ratio * 100.0, percent(ratio));
    let (target, alert) = (settings.hit_target_percent, settings.hit_alert_percent);
    // Fractions such as 0.7 are not exact: a millionth of a percent is no difference.
    let under = |threshold: f64| value < threshold - 1e-6;
    if value <= settings.hit_critical_percent {
        (Status::Critical, format!("hit rate {text}, an outage of the cache,"))
    } else if under(alert) {
        (Status::Warning, format!("hit rate {text}, under {alert} %,"))
    } else if under(target) {
        (Status::Ok, format!("hit rate {text}, below the target of {target} %,"))
    } else {
        (Status::Ok, format!("hit rate {text}"))
    }
}

/// Whether a status is one of a rate that is too low.
pub(crate) fn is_low(status: Status) -> bool {
    matches!(status, Status::Warning | Status::Critical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guides_thresholds() {
        for (percent, status, said) in [
            (0.0, Status::Critical, "outage"),
            (0.1, Status::Warning, "under 70 %"),
            (69.99, Status::Warning, "69.9 %"),
            (70.0, Status::Ok, "below the target of 80 %"),
            (79.9, Status::Ok, "below the target"),
            (80.0, Status::Ok, "hit rate 80 %"),
            (100.0, Status::Ok, "100 %"),
        ] {
            let (judged, words) = judge(percent / 100.0, &Settings::default());
            assert_eq!(judged, status, "{percent}");
            assert!(words.contains(said), "{percent}: {words}");
        }
    }
}
