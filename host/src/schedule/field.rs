//! One field of a crontab line: checks what was written and gives it back in plain numbers, as the calendar search wants it.
//! Stricter than croner, which drops empty list items and takes a month's name for an hour: a typo must not become a schedule.

/// What a field may hold.
#[derive(Debug)]
pub(super) struct Field {
    /// As the error message calls it.
    pub(super) name: &'static str,
    min: u8,
    max: u8,
    /// Names in order of value, the first standing for `first_named`.
    names: &'static [&'static str],
    first_named: u8,
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const fn numbers(name: &'static str, min: u8, max: u8) -> Field {
    Field { name, min, max, names: &[], first_named: 0 }
}

pub(super) const SECOND: Field = numbers("second", 0, 59);
pub(super) const MINUTE: Field = numbers("minute", 0, 59);
pub(super) const HOUR: Field = numbers("hour", 0, 23);
pub(super) const DAY: Field = numbers("day of month", 1, 31);
pub(super) const MONTH: Field = Field { name: "month", min: 1, max: 12, names: &MONTHS, first_named: 1 };
/// 0 and 7 are both Sunday.
pub(super) const WEEKDAY: Field = Field { name: "day of week", min: 0, max: 7, names: &WEEKDAYS, first_named: 0 };

impl Field {
    /// `written` with names as numbers, or what is wrong with it and what would be right.
    pub(super) fn in_numbers(&self, written: &str) -> Result<String, String> {
        let items = written.split(',').map(|item| self.item(item)).collect::<Result<Vec<_>, _>>()?;
        // croner reads `L,LW` as `LW` alone.
        if items.iter().any(|item| item == "L") && items.iter().any(|item| item == "LW") {
            return Err("L and LW cannot stand in one list; write two jobs".into());
        }
        Ok(items.join(","))
    }

    fn item(&self, item: &str) -> Result<String, String> {
        if item.is_empty() {
            return Err("an item of the list is empty; remove the extra comma".into());
        }
        if item == "?" {
            return Err(
                "? is Quartz, whose weekdays count from 1 = Sunday; here write * and count from 0 = Sunday".into()
            );
        }
        if let Some(special) = self.special(item) {
            return special;
        }
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (item, None),
        };
        let plain = if range == "*" {
            "*".to_owned()
        } else if let Some((from, to)) = range.split_once('-') {
            self.range(from, to)?
        } else if step.is_some() {
            let (max, step) = (self.max, step.unwrap_or(1));
            return Err(format!("a step counts through a range; write {range}-{max}/{step} or */{step}"));
        } else {
            self.value(range)?.to_string()
        };
        Ok(step.map_or(plain.clone(), |step| format!("{plain}/{step}")))
    }

    /// The items that depend on the month: `L`, `LW` and `15W` of the day of month, `5L` and `5#2` of the day of week.
    fn special(&self, item: &str) -> Option<Result<String, String>> {
        let item = item.to_ascii_uppercase();
        if self.name == DAY.name {
            if item == "L" || item == "LW" {
                return Some(Ok(item));
            }
            let day = item.strip_suffix('W')?;
            return Some(self.value(day).map(|day| format!("{day}W")));
        }
        if self.name == WEEKDAY.name {
            if let Some((day, nth)) = item.split_once('#') {
                return Some(self.value(day).and_then(|day| match nth {
                    "1" | "2" | "3" | "4" | "5" | "L" => Ok(format!("{day}#{nth}")),
                    _ => Err(format!("#{nth} is no week of a month; use #1 to #5, or {day}L for the last")),
                }));
            }
            let day = item.strip_suffix('L')?;
            if day.is_empty() {
                return Some(Err("L needs its weekday here, as in 5L or FRIL for the last Friday".into()));
            }
            return Some(self.value(day).map(|day| format!("{day}#L")));
        }
        None
    }

    fn range(&self, from: &str, to: &str) -> Result<String, String> {
        let first = self.value(from)?;
        let mut last = self.value(to)?;
        // `FRI-SUN` ends on the Sunday that is 7.
        if self.name == WEEKDAY.name && last == 0 && first > 0 {
            last = 7;
        }
        if first > last {
            let (min, max) = (self.min, self.max.min(if self.name == WEEKDAY.name { 6 } else { u8::MAX }));
            return Err(format!("{from}-{to} runs backwards; write {from}-{max},{min}-{to}"));
        }
        Ok(format!("{first}-{last}"))
    }

    fn step(&self, step: &str) -> Result<u8, String> {
        let most = self.max - self.min;
        match digits(step) {
            Some(step) if (1..=most).contains(&step) => Ok(step),
            _ => Err(format!("step \"{step}\" does not fit; a step of the {} is 1 to {most}", self.name)),
        }
    }

    fn value(&self, written: &str) -> Result<u8, String> {
        if let Some(value) = digits(written).filter(|value| (self.min..=self.max).contains(value)) {
            return Ok(value);
        }
        let names = self.names.iter().zip(self.first_named..);
        if let Some((_, value)) = names.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(written)) {
            return Ok(value);
        }
        let named = match (self.names.first(), self.names.last()) {
            (Some(first), Some(last)) => format!(" or {first} to {last}"),
            _ => String::new(),
        };
        Err(format!("\"{written}\" is no {}; use {} to {}{named}", self.name, self.min, self.max))
    }
}

/// A number as crontab writes it: `+5` is none, though `parse` would take it.
fn digits(text: &str) -> Option<u8> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
