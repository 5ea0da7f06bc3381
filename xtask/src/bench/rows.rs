//! Kernels and steps, measured by criterion, as GFLOP/s and share of the machine's peak in the same run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use serde_json::Value;

use super::{Result, build};
use crate::say;

/// The group of the rows that measure the machine itself.
const PEAK: &str = "peak";

/// What the name of a row ends in when its throughput counts floating-point operations.
const FLOP: &str = " flop";

/// What criterion found out about one row.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    group: String,
    name: String,
    threads: usize,
    /// Of one iteration: the median.
    seconds: f64,
    /// Operations if the name ends in `flop`, else rows of data.
    elements: f64,
}

impl Row {
    fn read(folder: &Path) -> Option<Self> {
        let json =
            |name: &str| -> Option<Value> { serde_json::from_slice(&fs::read(folder.join(name)).ok()?).ok() };
        let (benchmark, estimates) = (json("benchmark.json")?, json("estimates.json")?);
        let text = |key: &str| Some(benchmark[key].as_str()?.to_string());
        Some(Self {
            group: text("group_id")?,
            name: text("function_id")?,
            threads: text("value_str")?.parse().ok()?,
            seconds: estimates["median"]["point_estimate"].as_f64()? / 1e9,
            elements: benchmark["throughput"]["Elements"].as_f64()?,
        })
    }

    fn line(&self, peaks: &[Row]) -> String {
        let rate = self.elements / self.seconds;
        let name = format!("{}: {}", self.group, self.name.trim_end_matches(FLOP));
        let (rate, share) = if self.name.ends_with(FLOP) {
            let peak = peaks.iter().find(|peak| peak.threads == self.threads);
            let share = peak.map(|peak| format!("{:.0} %", 100.0 * rate * peak.seconds / peak.elements));
            (format!("{:.1} GFLOP/s", rate / 1e9), share.unwrap_or_default())
        } else {
            (format!("{:.2} million/s", rate / 1e6), String::new())
        };
        format!("{name:<66}{:>8}{:>12}{rate:>17}{share:>9}", self.threads, time(self.seconds))
    }
}

/// A time with three digits and its unit.
pub(crate) fn time(seconds: f64) -> String {
    let (number, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s if s >= 1e-6 => (s * 1e6, "µs"),
        s => (s * 1e9, "ns"),
    };
    let digits = if number >= 100.0 {
        0
    } else if number >= 10.0 {
        1
    } else {
        2
    };
    format!("{number:.digits$} {unit}")
}

/// `cargo xtask bench rows`. A filter is a part of a row's name; the peak is always measured.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    let home = build::target()?.join("criterion");
    let begin = SystemTime::now();
    let mut cargo = build::cargo();
    cargo.args(["bench", "--locked", "--quiet", "--package", "highmark-bench", "--bench", "rows", "--"]);
    // Criterion takes one regular expression. Its own report would hide the table, which says the same and more.
    cargo.args(filter.map(|filter| format!("^{PEAK}|{filter}"))).stdout(Stdio::null());
    say("measuring; this takes about a minute");
    build::done(cargo.env("CRITERION_HOME", &home).env("CARGO_TARGET_DIR", build::target()?))?;

    let mut folders = Vec::new();
    results(&home, begin, &mut folders)?;
    folders.sort();
    let rows: Vec<_> = folders.iter().filter_map(|(_, folder)| Row::read(folder)).collect();
    let peaks: Vec<_> = rows.iter().filter(|row| row.group == PEAK).cloned().collect();
    if peaks.is_empty() {
        return Err(format!("criterion has left nothing in {}", home.display()).into());
    }
    say(&format!("{:<66}{:>8}{:>12}{:>17}{:>9}", "medians", "threads", "time", "rate", "of peak"));
    rows.iter().for_each(|row| say(&row.line(&peaks)));
    Ok(())
}

/// The folders called `new` whose results are younger than `begin`, with the times of these.
fn results(folder: &Path, begin: SystemTime, found: &mut Vec<(SystemTime, PathBuf)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == "new") {
            let written = fs::metadata(path.join("estimates.json")).and_then(|meta| meta.modified());
            found.extend(written.ok().filter(|written| *written >= begin).map(|written| (written, path)));
        } else if path.is_dir() {
            results(&path, begin, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_its_share_of_the_peak() {
        let row = |group: &str, name: &str, seconds| Row {
            group: group.into(),
            name: name.into(),
            threads: 2,
            seconds,
            elements: 1e6,
        };
        let peaks = [row(PEAK, "multiply-add flop", 1e-5)];
        let line = row("pass", "forward flop", 4e-5).line(&peaks);
        assert!(
            line.starts_with("pass: forward ") && line.contains("25.0 GFLOP/s") && line.ends_with("25 %"),
            "{line}"
        );
        let line = row("prediction", "rows", 0.5).line(&peaks);
        assert!(line.contains("500 ms") && line.contains("2.00 million/s") && !line.contains('%'), "{line}");
    }

    #[test]
    fn times_have_units() {
        assert_eq!([2.5, 0.0123, 1.5e-4, 3e-9].map(time), ["2.50 s", "12.3 ms", "150 µs", "3.00 ns"]);
    }
}
