//! Notice before the end: signals and deadlines, which end the work between two batches.

use std::time::{Duration, SystemTime};

use chrono::{Days, Local, NaiveDateTime, NaiveTime, TimeZone};
use highmark::StopFlag;

use crate::args::DeadlineArgs;
use crate::failure::{Failure, Result};
use crate::screen;

/// How long before the end of a Slurm job the work is ended: for a last batch, a checkpoint and the end of the process.
const BEFORE_SLURM: Duration = Duration::from_secs(30);

/// Watches for signals and for the deadline from now on; the flag that they raise.
pub(crate) fn watch(args: &DeadlineArgs) -> Result<StopFlag> {
    let stop = StopFlag::default();
    stop.raise_on_signals()?;
    if let Some(text) = &args.deadline {
        stop.raise_at(deadline(text, Local::now().naive_local())?)?;
    }
    if let Some(end) = slurm_end() {
        stop.raise_at(end.checked_sub(BEFORE_SLURM).unwrap_or(end))?;
    }
    Ok(stop)
}

/// When the Slurm job ends that this is part of. What cannot be read is no reason to fail: Slurm has set it, and not the user.
fn slurm_end() -> Option<SystemTime> {
    const VARIABLE: &str = "SLURM_JOB_END_TIME";
    let text = std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty())?;
    let seconds = text.trim().parse::<u64>().ok();
    let end = seconds.and_then(|end| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(end)));
    if end.is_none() {
        screen::note(format!(
            "{VARIABLE} is `{text}`, which is no number of seconds since 1970, and not heeded"
        ));
    }
    // 0 is no time.
    end.filter(|end| *end > SystemTime::UNIX_EPOCH)
}

/// `18:00`, the next time that it is, or `2026-11-23 18:00`; local time, with or without seconds.
fn deadline(text: &str, now: NaiveDateTime) -> Result<SystemTime> {
    let wrong = |why: &str| Failure::usage(format!("deadline: `{text}` {why}"));
    let time = ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok());
    let at = match time {
        Some(time) if time > now.time() => now.date().and_time(time),
        Some(time) => (now.date() + Days::new(1)).and_time(time),
        None => {
            let text = text.replace('T', " ");
            let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
            let at = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok());
            at.ok_or_else(|| wrong("is no time; write it as 18:00 or 2026-11-23T18:00"))?
        }
    };
    if at <= now {
        return Err(wrong("is past"));
    }
    let local = Local.from_local_datetime(&at).earliest();
    local.map(SystemTime::from).ok_or_else(|| wrong("does not exist: the clock jumps over it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_and_dates() {
        let now = NaiveDateTime::parse_from_str("2026-11-23 17:30", "%Y-%m-%d %H:%M").unwrap();
        let minutes = |text: &str| {
            let at = deadline(text, now).unwrap();
            let now = SystemTime::from(Local.from_local_datetime(&now).earliest().unwrap());
            at.duration_since(now).unwrap().as_secs() / 60
        };
        assert_eq!((minutes("18:00"), minutes("17:31:30")), (30, 1));
        assert_eq!((minutes("2026-11-23 18:15"), minutes("2026-11-23T19:30:00")), (45, 120));
        // Tomorrow.
        assert_eq!(minutes("17:30"), 24 * 60);
        let error = |text: &str| deadline(text, now).unwrap_err().message().unwrap().to_string();
        assert!(error("2026-11-23 17:30").contains("is past"));
        for text in ["", "25:00", "6pm", "18", "2026-13-01 10:00"] {
            assert!(error(text).contains("18:00"), "{text}");
        }
    }
}
