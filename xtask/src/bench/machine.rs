//! On what, and when.

use std::time::{SystemTime, UNIX_EPOCH};

/// Processor, cores, memory and system in a line.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut parts = vec![format!("{cores} cores")];
    if let Some(kilobytes) = number_after("/proc/meminfo", "MemTotal:") {
        parts.push(format!("{:.0} GB", kilobytes as f64 / 1e6));
    }
    let vectors = [("avx512f", "AVX-512"), ("avx2", "AVX2")];
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let has = |flag: &str| flags.split_whitespace().any(|word| word == flag);
    parts.extend(vectors.iter().find(|(flag, _)| has(flag)).map(|(_, name)| (*name).to_string()));
    format!("{} ({}), {} {}", processor(), parts.join(", "), std::env::consts::OS, std::env::consts::ARCH)
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_string())
    };
    match (field("model name"), field("cpu family"), field("model\t")) {
        (Some(name), Some(family), Some(model)) => format!("{name}, family {family} model {model}"),
        (Some(name), ..) => name,
        _ => "an unknown processor".into(),
    }
}

/// The first number on the line of `file` that begins with `name`.
pub(crate) fn number_after(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Today in UTC as year-month-day.
pub(crate) fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// The date so many days after 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    for (month, length) in (1..).zip([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
        if days < length {
            return (year, month, days + 1);
        }
        days -= length;
    }
    (year + 1, 1, 1)
}

/// The version of the compiler.
pub(crate) fn rustc() -> String {
    let version = std::process::Command::new("rustc").arg("--version").output();
    version.map_or_else(
        |_| "an unknown rustc".into(),
        |out| String::from_utf8_lossy(&out.stdout).trim().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(59), (1970, 3, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(20_088), (2024, 12, 31));
    }
}
