//! Numbers over time, drawn with the dots of Braille characters: a column of dots for each step from its least value to its greatest, and nothing
//! where nothing was measured.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How many steps of time fit: columns of dots, two of them in a character.
pub(super) const STEPS: u32 = 144;
/// Rows of dots, four of them in a line.
const ROWS: u32 = 40;
/// Characters in a line of the drawing.
const WIDTH: usize = STEPS as usize / 2;

/// What was measured in one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) at: Timestamp,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// The steps since a time, each so long, with their scale in the unit at the right and the time below.
pub(super) fn plot(steps: &[Step], since: Timestamp, step: SignedDuration, unit: &str, zone: &TimeZone) -> String {
    let least = steps.iter().map(|step| step.least).fold(f64::INFINITY, f64::min);
    let most = steps.iter().map(|step| step.most).fold(f64::NEG_INFINITY, f64::max);
    // Near 0 the scale begins there; a series that never moves is drawn in the middle.
    let bottom = if least >= 0.0 && least <= most / 2.0 { 0.0 } else { least };
    let (bottom, top) = if bottom < most { (bottom, most) } else { (bottom - 1.0, most + 1.0) };
    let height = |value: f64| ((value - bottom) / (top - bottom) * f64::from(ROWS - 1)).round() as u32;
    let mut dots = BTreeSet::new();
    for one in steps {
        let column = one.at.duration_since(since).div_duration_f64(step).round() as u32;
        dots.extend(
            (height(one.least)..=height(one.most)).map(|row| (ROWS - 1 - row.min(ROWS - 1), column.min(STEPS - 1))),
        );
    }
    let mut lines: Vec<String> = (0..ROWS / 4).map(|line| format!("│ {}", drawn(&dots, line))).collect();
    if let Some(first) = lines.first_mut() {
        first.push_str(&format!(" {}", amount(top, unit)));
    }
    if let Some(last) = lines.last_mut() {
        last.push_str(&format!(" {}", amount(bottom, unit)));
    }
    let end = since + step * i32::try_from(STEPS).unwrap_or(i32::MAX);
    let [from, until] = [since, end].map(|at| at.to_zoned(zone.clone()).strftime("%F %T").to_string());
    lines.push(format!("  {from}{until:>width$}", width = WIDTH.saturating_sub(from.len())));
    lines.join("\n")
}

/// One line: a character for two columns and four rows of dots, which are counted from the top left.
fn drawn(dots: &BTreeSet<(u32, u32)>, line: u32) -> String {
    let character = |at: u32| {
        let lit = |row: u32, column: u32| dots.contains(&(4 * line + row, 2 * at + column));
        let bits = BITS.iter().filter(|(row, column, _)| lit(*row, *column)).map(|(_, _, bit)| bit).sum::<u32>();
        if bits == 0 { ' ' } else { char::from_u32(BLANK + bits).unwrap_or(' ') }
    };
    (0..STEPS / 2).map(character).collect()
}

/// The Braille pattern without dots, from which Unicode counts the others on.
const BLANK: u32 = 0x2800;
/// Row, column and bit of each dot.
const BITS: [(u32, u32, u32); 8] =
    [(0, 0, 0x01), (1, 0, 0x02), (2, 0, 0x04), (0, 1, 0x08), (1, 1, 0x10), (2, 1, 0x20), (3, 0, 0x40), (3, 1, 0x80)];

/// A value in its unit, for people.
pub(super) fn amount(value: f64, unit: &str) -> String {
    match unit {
        "bytes" | "bytes_per_second" => {
            let sign = if value < 0.0 { "-" } else { "" };
            let rate = if unit == "bytes" { "" } else { "/s" };
            format!("{sign}{}{rate}", bytesize::ByteSize::b(value.abs() as u64))
        }
        "ratio" => format!("{:.1} %", value * 100.0),
        "seconds" => format!("{} s", rounded(value)),
        "count" => rounded(value),
        other => format!("{} {other}", rounded(value)),
    }
}

/// Whole numbers whole, others with three decimals.
fn rounded(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[(i64, f64, f64)]) -> String {
        let at = |second| Timestamp::from_second(second).unwrap();
        let steps: Vec<Step> =
            values.iter().map(|(second, least, most)| Step { at: at(*second), least: *least, most: *most }).collect();
        plot(&steps, at(0), SignedDuration::from_secs(60), "bytes", &TimeZone::UTC)
    }

    /// Whether a character has dots: the empty pattern and the space have none.
    fn dotted(character: char) -> bool {
        ('\u{2801}'..='\u{28ff}').contains(&character)
    }

    #[test]
    fn a_peak_is_drawn_from_its_least_to_its_most_and_gaps_stay_empty() {
        let picture = drawn(&[(0, 0.0, 1024.0), (143 * 60, 0.0, 0.0)]);
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines.len(), 11, "{picture}");
        assert!(lines[..10].iter().all(|line| line.chars().nth(2).is_some_and(dotted)), "the whole height\n{picture}");
        assert!(lines.iter().all(|line| !line.chars().skip(3).take(70).any(dotted)), "nothing in between\n{picture}");
        assert!(lines[9].chars().nth(73).is_some_and(dotted), "the last one, at the bottom\n{picture}");
        assert!(lines[0].ends_with(" 1.0 KiB") && lines[9].ends_with(" 0 B"), "{picture}");
        assert_eq!(lines[10], format!("  1970-01-01 00:00:00{}1970-01-01 02:24:00", " ".repeat(34)));
    }

    #[test]
    fn what_never_moves_and_what_is_negative_are_drawn_too() {
        for (least, most) in [(5.0, 5.0), (0.0, 0.0), (-7.0, -3.0), (1e300, 2e300), (-1e300, 1e300)] {
            let picture = drawn(&[(60, least, most)]);
            assert!(picture.chars().any(dotted), "{least} to {most}\n{picture}");
        }
    }

    #[test]
    fn values_are_said_in_their_unit() {
        let told =
            [(1536.0, "bytes"), (-1536.0, "bytes_per_second"), (0.9512, "ratio"), (2.0, "seconds"), (3.25, "count")];
        let told = told.map(|(value, unit)| amount(value, unit));
        assert_eq!(told, ["1.5 KiB", "-1.5 KiB/s", "95.1 %", "2 s", "3.250"]);
    }
}
