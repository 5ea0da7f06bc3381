//! Limits of time and money.

use std::time::{Duration, Instant};

use highmark::{Budget, Schedule};

use super::Config;
use crate::failure::{Failure, Result};
use crate::inspect::read_report;
use crate::run_folder::REPORT;

/// What is trained where neither the epochs nor the time is said.
const EPOCHS: usize = 10;

impl Config {
    /// Epochs at most: as many as fit when there is a limit of time.
    pub(crate) fn most_epochs(&self) -> usize {
        self.epochs.unwrap_or(if self.is_planned() { usize::MAX } else { EPOCHS })
    }

    /// Whether the epochs follow from a limit of time, or from the plans of a run that had one.
    fn is_planned(&self) -> bool {
        self.max_time.is_some() || self.max_usd.is_some() || self.replay.is_some()
    }

    /// Fails, as wrong usage, on a limit that makes no sense, or on a schedule that cannot keep one.
    pub(crate) fn check_budget(&self) -> Result<()> {
        self.max_seconds()?;
        if self.is_planned() && matches!(self.schedule()?, Schedule::CosineRestarts { .. }) {
            let message = "schedule: cosine-restarts counts its cycles in epochs, and a limit of time decides how many there are; choose another";
            return Err(Failure::usage(message));
        }
        Ok(())
    }

    /// The limit of time, in seconds: of time and money the one that is reached first.
    pub(crate) fn max_seconds(&self) -> Result<Option<f64>> {
        let time = self.max_time.as_deref().map(|text| {
            seconds(text).ok_or_else(|| {
                let message =
                    format!("max-time: `{text}` is no time above 0; write it as 90s, 45m, 1h 30m or 2.5h");
                Failure::usage(message)
            })
        });
        let money = match (self.max_usd, self.usd_per_hour) {
            (None, _) => None,
            (Some(usd), _) if !(usd.is_finite() && usd > 0.0) => {
                return Err(Failure::usage(format!("max-usd: must be above 0, not {usd}")));
            }
            (Some(_), None | Some(0.0)) => {
                let message = "max-usd: say with --usd-per-hour what an hour of this machine costs";
                return Err(Failure::usage(message));
            }
            (Some(usd), Some(rate)) => Some(usd * 3600.0 / rate),
        };
        Ok(match (time.transpose()?, money) {
            (Some(time), Some(money)) => Some(time.min(money)),
            (time, money) => time.or(money),
        })
    }

    /// The budget of a process that began at `start`, or the plans of another run.
    pub(crate) fn budget(&self, start: Instant) -> Result<Option<Budget>> {
        if let Some(run) = &self.replay {
            let report = read_report(&run.join(REPORT))?.ok_or_else(|| {
                Failure::failed(format!("{} holds no report of a run to replay", run.display()))
            })?;
            let budget = Budget::replay(&report.plans);
            return budget.map(Some).map_err(|error| Failure::failed(format!("{}: {error}", run.display())));
        }
        let Some(seconds) = self.max_seconds()? else { return Ok(None) };
        let total = Duration::try_from_secs_f64(seconds).map_err(Failure::usage)?;
        // The report measures the model that is handed back.
        Ok(Some(Budget::counting(total, start)?.validates_after(true)))
    }

    /// The length of the training, for people.
    pub(crate) fn length(&self) -> String {
        use crate::text_table::count;
        let limits = [
            self.epochs.map(|epochs| count(epochs, "epoch")),
            self.max_time.clone(),
            self.max_usd.map(|usd| format!("{usd} USD")),
            self.replay.as_ref().map(|run| format!("the plans of {}", run.display())),
        ];
        let limits: Vec<_> = limits.into_iter().flatten().collect();
        if limits.is_empty() { count(EPOCHS, "epoch") } else { limits.join(", at most ") }
    }
}

/// `90s`, `45m`, `2h`, `1d`, `1h 30m`, `2.5h`; a bare number is seconds.
fn seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<f64>() {
        return Some(seconds).filter(|seconds| seconds.is_finite() && *seconds > 0.0);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = rest[end..].trim_start();
        let length = unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len());
        let scale = match &unit[..length] {
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += number * scale;
        rest = unit[length..].trim_start();
    }
    Some(total).filter(|seconds| seconds.is_finite() && *seconds > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, wanted) in [
            ("90", 90.0),
            ("90s", 90.0),
            ("45m", 2700.0),
            ("2h", 7200.0),
            ("1h 30m", 5400.0),
            ("1h30m", 5400.0),
            ("2.5 h", 9000.0),
            ("1d 1s", 86_401.0),
            (" 10 min ", 600.0),
        ] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
        for text in ["", "0", "0s", "-3", "h", "3x", "1h 30", "1.2.3h", "nan", "inf", "é", "5é"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn time_and_money() {
        let config = |time: Option<&str>, max_usd, usd_per_hour| Config {
            max_time: time.map(str::to_string),
            max_usd,
            usd_per_hour,
            ..Config::default()
        };
        let limit = |time, usd, rate| config(time, usd, rate).max_seconds();
        assert_eq!(limit(Some("2h"), None, None).unwrap(), Some(7200.0));
        assert_eq!(limit(Some("2h"), Some(1.5), Some(0.5)).unwrap(), Some(7200.0));
        assert_eq!(limit(Some("4h"), Some(1.5), Some(0.5)).unwrap(), Some(10_800.0));
        assert_eq!(limit(None, None, Some(0.45)).unwrap(), None);
        assert!(limit(None, Some(1.5), None).is_err() && limit(None, Some(0.0), Some(1.0)).is_err());
        assert_eq!(config(Some("1h"), None, None).most_epochs(), usize::MAX);
        assert_eq!((Config::default().most_epochs(), Config::default().length()), (10, "10 epochs".into()));
    }
}
