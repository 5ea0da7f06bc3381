//! Limits of time and money as people write them.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How much time or money a fit may take.
///
/// ```
/// use highmark::Limit;
/// let limit = Limit { max_time: Some("1h 30m".into()), ..Limit::default() };
/// assert_eq!(limit.seconds()?, Some(5400.0));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limit {
    /// `90s`, `45m`, `2h`, `1d`, `1h 30m`, `2.5h`; a bare number is seconds.
    pub max_time: Option<String>,
    /// Dollars; goes with `usd_per_hour`.
    pub max_usd: Option<f64>,
    /// What an hour of the machine costs.
    pub usd_per_hour: Option<f64>,
}

impl Limit {
    /// The limit in seconds: of time and money the one that is reached first, `None` if there is neither. Messages name the
    /// settings as the command does, `max-time` for one.
    pub fn seconds(&self) -> Result<Option<f64>> {
        // Also without a limit of money: reports tell what a fit has cost.
        if let Some(rate) = self.usd_per_hour.filter(|rate| !(rate.is_finite() && *rate >= 0.0)) {
            return Err(Error::config("usd-per-hour", format!("must be at least 0, not {rate}")));
        }
        let time = self.max_time.as_deref().map(|text| {
            let seconds = seconds(text).ok_or_else(|| {
                let message =
                    format!("`{text}` is no time; write it in d, h, m and s, as 90s, 45m, 1h 30m or 2.5h");
                Error::config("max-time", message)
            })?;
            if seconds > 0.0 {
                Ok(seconds)
            } else {
                Err(Error::config("max-time", format!("must be above 0, not {text}")))
            }
        });
        let money = match (self.max_usd, self.usd_per_hour) {
            (None, _) => None,
            (Some(usd), _) if !(usd.is_finite() && usd > 0.0) => {
                return Err(Error::config("max-usd", format!("must be above 0, not {usd}")));
            }
            (Some(usd), Some(rate)) if rate > 0.0 => Some(usd * 3600.0 / rate),
            (Some(_), _) => {
                let message = "say by usd-per-hour, a number above 0, what an hour of this machine costs";
                return Err(Error::config("max-usd", message));
            }
        };
        let limit = match (time.transpose()?, money) {
            (Some(time), Some(money)) => Some(time.min(money)),
            (time, money) => time.or(money),
        };
        Ok(limit.map(|seconds| seconds.min(LONGEST)))
    }
}

/// No limit is longer, in seconds: some 300 years, which a clock still counts.
const LONGEST: f64 = 1e10;

fn seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    if let Ok(seconds) = rest.parse::<f64>() {
        return Some(seconds).filter(|seconds| seconds.is_finite());
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
    Some(total).filter(|seconds| seconds.is_finite())
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
        for text in ["0", "0s", "-3"] {
            let error =
                Limit { max_time: Some(text.into()), ..Limit::default() }.seconds().unwrap_err().to_string();
            assert_eq!(error, format!("max-time: must be above 0, not {text}"));
        }
        let error =
            Limit { max_time: Some("1ms".into()), ..Limit::default() }.seconds().unwrap_err().to_string();
        assert!(error.contains("`1ms` is no time; write it in d, h, m and s"), "{error}");
        for text in ["", "1ms", "h", "3x", "1h 30", "1.2.3h", "nan", "inf", "é", "5é"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn time_and_money() {
        let limit = |time: Option<&str>, max_usd, usd_per_hour| {
            Limit { max_time: time.map(str::to_string), max_usd, usd_per_hour }.seconds()
        };
        assert_eq!(limit(Some("2h"), None, None).unwrap(), Some(7200.0));
        assert_eq!(limit(Some("2h"), Some(1.5), Some(0.5)).unwrap(), Some(7200.0));
        assert_eq!(limit(Some("4h"), Some(1.5), Some(0.5)).unwrap(), Some(10_800.0));
        assert_eq!(limit(None, None, Some(0.45)).unwrap(), None);
        // As good as none, and none that a clock cannot count.
        assert_eq!(limit(Some("1e300"), None, None).unwrap(), Some(LONGEST));
        assert_eq!(limit(None, Some(1e300), Some(1e-9)).unwrap(), Some(LONGEST));
        for (usd, rate) in [(1.5, None), (1.5, Some(0.0)), (1.5, Some(f64::NAN)), (0.0, Some(1.0))] {
            assert!(limit(None, Some(usd), rate).is_err(), "{usd} {rate:?}");
        }
        assert_eq!(limit(None, None, Some(0.0)).unwrap(), None);
        for (usd, rate) in [(None, -1.0), (None, f64::INFINITY), (Some(1.0), -1.0)] {
            let error = limit(None, usd, Some(rate)).unwrap_err().to_string();
            assert!(error.contains("usd-per-hour: must be at least 0"), "{error}");
        }
    }
}
