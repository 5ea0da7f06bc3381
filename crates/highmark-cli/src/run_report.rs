//! The report that ends every run.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use highmark::{Best, NonFiniteCounts, Outcome, Plan};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::failure::Result;
use crate::run_folder::{self, RunFolder};
use crate::screen::{self, Screen};
use crate::text_table::count;

/// `report.json`. What is not a number, or was never measured, is null.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunReport {
    /// `completed`, or the name of the callback that ended the run: `early_stopping`, `non_finite`.
    pub(crate) stop_reason: String,
    /// The same in words.
    pub(crate) stop_detail: String,
    pub(crate) epochs_planned: usize,
    /// Epochs at most, if that was said: a limit of time may have planned fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) epochs_asked: Option<usize>,
    pub(crate) epochs_run: usize,
    pub(crate) epochs_saved: usize,
    pub(crate) monitor: String,
    /// What to think of the result, in words, if there is something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
    pub(crate) best_epoch: Option<usize>,
    pub(crate) best_value: Option<f64>,
    pub(crate) last_value: Option<f64>,
    /// Of the model handed back; empty when there is none, because training broke down before one was worth keeping.
    pub(crate) final_metrics: BTreeMap<String, Option<f64>>,
    /// Of the constant answer that fits the training rows best.
    #[serde(default)]
    pub(crate) constant_metrics: BTreeMap<String, Option<f64>>,
    /// Whether that is the best model; otherwise it is the last, or there is none.
    pub(crate) kept_best: bool,
    /// The whole run, from the start of the process.
    pub(crate) seconds: f64,
    pub(crate) seconds_by_phase: SecondsByPhase,
    pub(crate) seconds_saved: f64,
    /// Losses and gradients that were not finite, and what came of them.
    #[serde(default)]
    pub(crate) non_finite: NonFiniteCounts,
    /// The limit of time, and what was used of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) budget_seconds: Option<f64>,
    /// How it was planned; `--replay` repeats the run from this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) plans: Vec<Plan>,
    pub(crate) usd: Option<f64>,
    pub(crate) usd_saved: Option<f64>,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) version: String,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct SecondsByPhase {
    pub(crate) load: f64,
    pub(crate) prepare: f64,
    pub(crate) train: f64,
    pub(crate) validate: f64,
    pub(crate) save: f64,
}

/// What a report is about, beside the settings.
pub(crate) struct Measured<'a> {
    pub(crate) report: &'a highmark::Report,
    pub(crate) history: &'a highmark::History,
    pub(crate) best: Option<Best>,
    pub(crate) final_metrics: Vec<(String, f64)>,
    pub(crate) constant: Vec<(String, f64)>,
    pub(crate) kept_best: bool,
    pub(crate) phases: SecondsByPhase,
    pub(crate) elapsed: Duration,
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

fn by_name(metrics: Vec<(String, f64)>) -> BTreeMap<String, Option<f64>> {
    metrics.into_iter().map(|(name, value)| (name, finite(value))).collect()
}

/// What somebody who knows the trade would say at the sight of the result.
fn notes(config: &Config, measured: &Measured) -> Result<Vec<String>> {
    let Measured { report, constant, best, .. } = measured;
    let (Some(best), monitor) = (best, config.monitor()) else { return Ok(Vec::new()) };
    let mut notes = Vec::new();
    let (diverged, direction) = (diverged(measured), config.direction()?);
    if diverged.is_none()
        && let Some((_, value)) = constant.iter().find(|(name, value)| name == monitor && value.is_finite())
        && !direction.improves(best.value, *value)
    {
        let too = if direction.improves(*value, best.value) { "" } else { ", too" };
        notes.push(format!(
            "it has learnt nothing that shows: always giving the same answer has {monitor} {}{too}{}",
            measure(*value),
            if monitor == "accuracy" {
                "; with rare classes, judge by others: --metrics roc_auc,f1"
            } else {
                ""
            }
        ));
    }
    if let Some((first, last)) = diverged {
        notes.push(format!(
            "train_loss rose from {first:.6} to {last:.6}: the training diverged; try a lower learning rate: --lr {}",
            two_digits(config.lr / 10.0)
        ));
    }
    if report.outcome == Outcome::Completed && diverged.is_none() && best.epoch + 1 == report.epochs_run {
        let more = if report.budget.is_some() {
            "with more time it might get better".into()
        } else {
            format!("with more epochs it might get better: resume it with --epochs {}", 2 * report.epochs_run)
        };
        notes.push(format!("the last epoch was the best; {more}"));
    }
    Ok(notes)
}

/// A loss or metric with six decimals, or with an exponent where those would be nearly all zeros.
pub(crate) fn measure(x: f64) -> String {
    if x == 0.0 || x.abs() >= 1e-4 || x.is_nan() { format!("{x:.6}") } else { format!("{x:.6e}") }
}

/// A number of which two digits say enough.
fn two_digits(x: f64) -> f64 {
    format!("{x:.1e}").parse().unwrap_or(x)
}

/// The training loss of the first batch and of the end, if it has grown by more than chance: to more than twice of what a
/// constant answer would have, too, which the first batch may be far from where a few rows have most of the loss.
fn diverged(measured: &Measured) -> Option<(f64, f64)> {
    const TIMES: f64 = 2.0;
    let first = f64::from(*measured.history.losses.first()?);
    let last = measured.history.rows.last()?.train_loss?;
    let (_, constant) = measured.constant.iter().find(|(name, _)| name == "valid_loss")?;
    (last > TIMES * first.max(*constant)).then_some((first, last))
}

impl RunReport {
    pub(crate) fn new(config: &Config, measured: Measured) -> Result<Self> {
        let notes = notes(config, &measured)?;
        let Measured { report, history, best, final_metrics, constant, kept_best, phases, elapsed } =
            measured;
        let monitor = config.monitor.clone().unwrap_or_default();
        let stop_reason = match &report.outcome {
            Outcome::Completed => "completed",
            Outcome::Cancelled(cancel) => &cancel.by,
            Outcome::Interrupted => "interrupted",
            Outcome::Failed(_) => "failed",
            Outcome::Running => "running",
        };
        let stop_detail = match &report.outcome {
            Outcome::Cancelled(cancel) if cancel.by == "early_stopping" && config.min_delta != 0.0 => {
                format!("{} by more than {}", cancel.reason, config.min_delta)
            }
            Outcome::Cancelled(cancel) if cancel.by == "non_finite" => match &best {
                Some(best) if kept_best => {
                    format!("{}; the best model, that of epoch {}, is kept", cancel.reason, best.epoch)
                }
                _ => format!("{}; there is no model worth keeping", cancel.reason),
            },
            Outcome::Cancelled(cancel) => cancel.reason.clone(),
            _ => report.stop_reason(),
        };
        let epochs_saved = report.epochs_planned.saturating_sub(report.epochs_run);
        // From 0, since the sum of nothing is -0.
        let epoch_seconds = history.rows.iter().fold(0.0, |sum, row| sum + row.seconds);
        let epoch_seconds = epoch_seconds / history.rows.len().max(1) as f64;
        let (seconds, seconds_saved) = (elapsed.as_secs_f64(), epochs_saved as f64 * epoch_seconds);
        let cost = |seconds: f64| config.usd_per_hour.map(|rate| seconds / 3600.0 * rate);
        Ok(Self {
            stop_reason: stop_reason.into(),
            stop_detail,
            notes,
            epochs_planned: report.epochs_planned,
            epochs_asked: config.epochs,
            epochs_run: report.epochs_run,
            epochs_saved,
            best_epoch: best.as_ref().map(|best| best.epoch),
            best_value: best.and_then(|best| finite(best.value)),
            last_value: history.this_epoch(&monitor).and_then(finite),
            monitor,
            final_metrics: by_name(final_metrics),
            constant_metrics: by_name(constant),
            kept_best,
            seconds,
            seconds_by_phase: phases,
            seconds_saved,
            non_finite: report.non_finite,
            budget_seconds: report.budget.map(|budget| budget.seconds),
            plans: history.plans.clone(),
            usd: cost(seconds),
            usd_saved: cost(seconds_saved),
            seed: config.seed,
            threads: config.threads,
            version: env!("CARGO_PKG_VERSION").into(),
        })
    }

    /// How many epochs the run had at most.
    pub(crate) fn epochs_had(&self) -> usize {
        self.epochs_asked.unwrap_or(self.epochs_planned)
    }

    /// Whether the run has left a model.
    pub(crate) fn has_model(&self) -> bool {
        !self.final_metrics.is_empty()
    }

    /// Shows it, in the way that was asked for.
    pub(crate) fn show(&self, folder: &RunFolder, screen: Screen, json: bool) -> Result<()> {
        self.show_because(&self.stop_detail, folder, screen, json)
    }

    /// The same right after the run, when what was not finite was told as it was found: what is new is what becomes of the
    /// model.
    pub(crate) fn show_news(&self, folder: &RunFolder, screen: Screen, json: bool) -> Result<()> {
        let news = self.stop_detail.rsplit_once("; ").filter(|_| self.stop_reason == "non_finite");
        self.show_because(news.map_or(&self.stop_detail, |(_, news)| news), folder, screen, json)
    }

    fn show_because(&self, why: &str, folder: &RunFolder, screen: Screen, json: bool) -> Result<()> {
        if json {
            return screen::print_json(self);
        }
        let text = self.text_because(why, &folder.file(run_folder::MODEL));
        screen.say(format!("\n{}", text.trim_end()));
        Ok(())
    }

    /// For people. `model` is where the model is.
    pub(crate) fn text(&self, model: &Path) -> String {
        self.text_because(&self.stop_detail, model)
    }

    fn text_because(&self, why: &str, model: &Path) -> String {
        let number = |x: Option<f64>| x.map_or("not a number".into(), measure);
        let who = match self.stop_reason.as_str() {
            "completed" => String::new(),
            name => format!("{}: ", name.replace('_', " ")),
        };
        let mut text = format!("stopped    {who}{why}\n");
        // Time ran out in the validation of the last epoch.
        let cut = self.plans.last().is_some_and(|plan| plan.validated.is_some());
        let unvalidated = if cut { self.epochs_run.checked_sub(1) } else { None };
        // Writing to a String cannot fail.
        let _ = match self.best_epoch {
            Some(epoch) => {
                writeln!(text, "best       {} {} at epoch {epoch}", self.monitor, number(self.best_value))
            }
            None if unvalidated == Some(0) => writeln!(text, "best       none: no epoch was validated"),
            None => writeln!(text, "best       none: {} was never a number", self.monitor),
        };
        if let (Some(last), None) = (unvalidated, self.last_value) {
            let _ = writeln!(text, "last       epoch {last} was not validated: time ran out");
        } else if let Some(last) = self.epochs_run.checked_sub(1) {
            let _ = writeln!(text, "last       {} {} at epoch {last}", self.monitor, number(self.last_value));
        }
        if self.epochs_run == 0 {
            let _ = writeln!(text, "saved      nothing: no epoch ran to its end");
        } else if self.epochs_saved > 0 {
            let money = self.usd_saved.map(|usd| format!(" and {usd:.6} USD")).unwrap_or_default();
            let (saved, planned) = (self.epochs_saved, count(self.epochs_planned, "epoch"));
            let _ = writeln!(text, "saved      {saved} of {planned}: {:.2} s{money}", self.seconds_saved);
        } else {
            let _ = writeln!(text, "saved      nothing: {} ran", count(self.epochs_run, "epoch"));
        }
        if !self.non_finite.is_empty() {
            let NonFiniteCounts { skipped, rolled_back, validations } = self.non_finite;
            let _ = writeln!(
                text,
                "not finite {} left out, {}, {}",
                count(skipped, "step"),
                count(rolled_back, "rollback"),
                if validations == 1 {
                    "1 validation loss".into()
                } else {
                    format!("{validations} validation losses")
                },
            );
        }
        let SecondsByPhase { load, prepare, train, validate, save } = self.seconds_by_phase;
        let money = self.usd.map(|usd| format!(", {usd:.6} USD")).unwrap_or_default();
        let _ = writeln!(
            text,
            "time       {:.2} s{money}: load {load:.2}, prepare {prepare:.2}, train {train:.2}, validate {validate:.2}, save {save:.2}",
            self.seconds
        );
        if let Some(budget) = self.budget_seconds {
            let share = 100.0 * self.seconds / budget;
            let _ = writeln!(text, "budget     {budget:.2} s, of which {share:.1} % are used");
        }
        if !self.has_model() {
            text += "model      none\n";
            return text;
        }
        let kept = if self.kept_best { "the best" } else { "the last" };
        let metrics = self.final_metrics.iter().map(|(name, value)| format!("{name} {}", number(*value)));
        let metrics = metrics.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "model      {}: {kept}, {metrics}", model.display());
        for note in &self.notes {
            let _ = writeln!(text, "note       {note}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiny_measures_keep_their_digits() {
        let shown = [0.0, 0.868_644, -1.25e-6, 1234.5, f64::NAN].map(measure);
        assert_eq!(shown, ["0.000000", "0.868644", "-1.250000e-6", "1234.500000", "NaN"]);
    }

    #[test]
    fn an_epoch_whose_validation_was_cut_short_is_called_so() {
        let report = |epochs: usize, best: Option<usize>, validated: Option<usize>| -> String {
            let json = serde_json::json!({
                "stop_reason": "completed", "stop_detail": "", "epochs_planned": epochs, "epochs_run": epochs,
                "epochs_saved": 0, "monitor": "accuracy", "best_epoch": best, "best_value": best.map(|_| 0.5),
                "last_value": null, "final_metrics": {}, "kept_best": true, "seconds": 1.0,
                "seconds_by_phase": {"load": 0.0, "prepare": 0.0, "train": 0.0, "validate": 0.0, "save": 0.0},
                "seconds_saved": 0.0, "usd": null, "usd_saved": null, "seed": 1, "threads": 1, "version": "",
                "plans": [Plan { epoch: 0, step: 0, position: 0.0, total: 9, last: 9, validated }],
            });
            serde_json::from_value::<RunReport>(json).unwrap().text(Path::new("model"))
        };
        let text = report(3, Some(1), Some(2));
        assert!(text.contains("\nlast       epoch 2 was not validated: time ran out\n"), "{text}");
        let text = report(1, None, Some(0));
        assert!(
            text.contains("best       none: no epoch was validated\nlast       epoch 0 was not"),
            "{text}"
        );
        let text = report(3, None, None);
        assert!(text.contains("was never a number\nlast       accuracy not a number at epoch 2"), "{text}");
    }

    #[test]
    fn rates_have_two_digits() {
        assert_eq!([0.3 / 10.0, 0.012_345, 3.0, 1e-9].map(two_digits), [0.03, 0.012, 3.0, 1e-9]);
    }
}
