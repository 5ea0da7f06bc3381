//! Where highmark decides otherwise on purpose. `docs/differences.md` says why.
//!
//! A name here is no excuse: its precondition must hold, the record must be what the other system's rule gives, and
//! highmark's run must be what ours gives.

use highmark::Direction;

use super::case::{Case, Line, Reducing, Saving, Seen, Stopping, System};

/// Keras takes NaN for the best value if it is the first.
pub(crate) const NAN: &str = "nan-is-never-better";
/// fastai loads a file at the end that this fit has not written.
pub(crate) const NOTHING_SAVED: &str = "nothing-saved-nothing-loaded";

/// The name of the difference that explains why `ours` is not what was recorded.
pub(crate) fn explain(case: &Case, ours: &Seen) -> Option<&'static str> {
    let recorded = case.recorded();
    match case.system {
        System::Fastai => nothing_saved(case, ours, &recorded).then_some(NOTHING_SAVED),
        System::Keras => {
            let theirs = keras(case, Nan::IsBestIfFirst).differences(&recorded).is_empty();
            let own = ours.differences(&keras(case, Nan::IsNeverBetter)).is_empty();
            (starts_with_nan(case) && theirs && own).then_some(NAN)
        }
    }
}

/// Whether all went alike, but for the error of a file that was never written, since no value was a number.
fn nothing_saved(case: &Case, ours: &Seen, recorded: &Seen) -> bool {
    let keeps_best =
        case.callbacks.save_model.as_ref().is_some_and(|saving| saving.every().is_none() && !saving.at_end);
    let no_numbers = case.values().iter().take(recorded.epochs).all(|value| value.is_nan());
    let failed = recorded.error.as_deref() == Some("FileNotFoundError");
    let without_error = Seen { error: None, ..recorded.clone() };
    keeps_best && no_numbers && failed && ours.differences(&without_error).is_empty()
}

/// Whether one of Keras's callbacks sees NaN before any number, and has nothing to compare it with.
fn starts_with_nan(case: &Case) -> bool {
    let values = case.values();
    let nan_at = |epoch: usize| values.get(epoch).is_some_and(|value| value.is_nan());
    let Trackers { stopping, saving, reducing } = trackers(case);
    stopping.is_some_and(|s| nan_at(s.start_from_epoch))
        || reducing.is_some_and(|_| nan_at(0))
        || saving.is_some_and(|s| s.every().is_none() && s.initial_value_threshold.is_none() && nan_at(0))
}

struct Trackers<'a> {
    stopping: Option<&'a Stopping>,
    saving: Option<&'a Saving>,
    reducing: Option<&'a Reducing>,
}

fn trackers(case: &Case) -> Trackers<'_> {
    let callbacks = &case.callbacks;
    Trackers {
        stopping: callbacks.early_stopping.as_ref(),
        saving: callbacks.save_model.as_ref(),
        reducing: callbacks.reduce_lr.as_ref(),
    }
}

/// What a NaN is to the judge.
#[derive(Clone, Copy, PartialEq)]
enum Nan {
    /// Keras: the first value is the best, whatever it is; nothing compares with NaN, so it stays the best.
    IsBestIfFirst,
    /// highmark and fastai.
    IsNeverBetter,
}

struct Judge {
    direction: Direction,
    min_delta: f64,
    nan: Nan,
    best: Option<f64>,
}

impl Judge {
    fn beats(&self, value: f64, reference: f64) -> bool {
        match self.direction {
            Direction::Lower => value + self.min_delta.abs() < reference,
            Direction::Higher => value - self.min_delta.abs() > reference,
        }
    }

    fn improves(&mut self, value: f64) -> bool {
        let improves = match self.best {
            None => self.nan == Nan::IsBestIfFirst || !value.is_nan(),
            Some(best) => self.beats(value, best),
        };
        if improves {
            self.best = Some(value);
        }
        improves
    }
}

/// Keras's three callbacks, written down from its source, with either rule for NaN. Under ours a first epoch of NaN is
/// one without improvement, so a fit of patience 1 ends there; Keras never stops at its first epoch.
fn keras(case: &Case, nan: Nan) -> Seen {
    let Trackers { stopping, saving, reducing } = trackers(case);
    let judge = |min_delta, best| Judge { direction: case.direction(), min_delta, nan, best };
    let mut stop_judge = judge(stopping.map_or(0.0, |s| s.min_delta), None);
    let mut save_judge = judge(0.0, saving.and_then(|s| s.initial_value_threshold));
    let mut lr_judge = judge(reducing.map_or(0.0, |r| r.min_delta), None);
    let (mut stop_wait, mut lr_wait, mut cooling) = (0, 0, 0);
    let mut best_epoch = None;
    let mut stopped = false;
    let mut lr = case.lr.first().copied().unwrap_or(1e-3);
    let mut seen =
        Seen { epochs: 0, rates: vec![], weights: -1.0, lines: vec![], files: vec![], error: None };
    for (epoch, value) in case.values().into_iter().enumerate() {
        seen.epochs += 1;
        seen.rates.push(lr);
        seen.weights = epoch as f64;
        if let Some(saving) = saving
            && (saving.every().is_some() || save_judge.improves(value))
        {
            seen.files.push(saving.name(epoch));
        }
        if let Some(reducing) = reducing {
            if cooling > 0 {
                (cooling, lr_wait) = (cooling - 1, 0);
            }
            if lr_judge.improves(value) {
                lr_wait = 0;
            } else if cooling == 0 {
                lr_wait += 1;
                if lr_wait >= reducing.patience && lr > reducing.min_lr {
                    lr = (lr * reducing.factor).max(reducing.min_lr);
                    seen.lines.push(Line::Reduced { epoch: epoch + 1, lr });
                    (cooling, lr_wait) = (reducing.cooldown, 0);
                }
            }
        }
        if let Some(stopping) = stopping.filter(|s| epoch >= s.start_from_epoch) {
            if nan == Nan::IsBestIfFirst {
                // The first epoch's weights are kept until better ones come.
                best_epoch.get_or_insert(epoch);
            }
            stop_wait += 1;
            if stop_judge.improves(value) {
                best_epoch = Some(epoch);
                if stopping.baseline.is_none_or(|baseline| stop_judge.beats(value, baseline)) {
                    stop_wait = 0;
                }
            } else if stop_wait >= stopping.patience && (epoch > 0 || nan == Nan::IsNeverBetter) {
                stopped = true;
                break;
            }
        }
    }
    if stopped {
        seen.lines.push(Line::Stopped { epoch: seen.epochs });
    }
    if let Some(best) = best_epoch.filter(|_| stopping.is_some_and(|s| s.restore_best_weights)) {
        seen.lines.push(Line::Restored { epoch: best + 1 });
        seen.weights = best as f64;
    }
    seen
}
