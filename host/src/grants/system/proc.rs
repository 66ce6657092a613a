//! The formats of the kernel's files about memory and load: pure functions from their text.

use super::Usage;

/// `/proc/meminfo`. None if a figure is missing: MemAvailable before Linux 3.14.
pub(super) fn memory(meminfo: &str) -> Option<Usage> {
    let figure = |key: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        // The unit has been kB (1024 bytes) for ever, and is part of the format.
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Usage {
        total: figure("MemTotal")?,
        available: figure("MemAvailable")?,
        swap_total: figure("SwapTotal")?,
        swap_free: figure("SwapFree")?,
    })
}

/// `/proc/loadavg`: over one, five and fifteen minutes.
pub(super) fn load(loadavg: &str) -> Option<[f64; 3]> {
    let mut fields = loadavg.split_ascii_whitespace().map(|field| field.parse().ok().filter(|load| *load >= 0.0));
    Some([fields.next()??, fields.next()??, fields.next()??])
}

/// `/sys/devices/system/cpu/online`: how many are in a list such as `0-3,6`.
pub(super) fn processors(online: &str) -> Option<u32> {
    let mut count = 0_u32;
    for range in online.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count)
}

/// `/proc/pressure/*`: the line `some`, its avg60, which is a percentage, as a share.
pub(super) fn stalled(pressure: &str) -> Option<f64> {
    let some = pressure.lines().find_map(|line| line.strip_prefix("some "))?;
    let percent: f64 = some.split_ascii_whitespace().find_map(|field| field.strip_prefix("avg60="))?.parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}
