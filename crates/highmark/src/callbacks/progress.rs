//! The table of a fit, and on a terminal a bar below it (fastai's `ProgressCallback`).

use crate::Result;
use crate::learner::{Callback, CallbackState, Event, EventSet, Flow, Phase, Span, Stage, Trainer};

/// Shows a line an epoch, and while an epoch runs a bar if a person looks on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgressBar;

/// Batches between two movements of the bar: often enough to look alive.
const EVERY: usize = 16;

impl Callback for ProgressBar {
    fn name(&self) -> &'static str {
        "progress"
    }

    fn stage(&self) -> Stage {
        Stage::Report
    }

    fn events(&self) -> EventSet {
        let spans = [Span::Train, Span::Validate];
        let events = [Event::After(Span::Batch), Event::After(Span::Epoch), Event::After(Span::Fit)];
        EventSet::of(&events).or(EventSet::of(&spans.map(Event::Before)))
    }

    fn looks_at_model(&self) -> bool {
        false
    }

    fn before_fit(&mut self, t: &mut Trainer) -> Flow {
        let names = ["epoch", "train_loss", "valid_loss"].map(String::from).into_iter();
        let names: Vec<_> = names.chain(t.history.metric_names.clone()).chain(["time".into()]).collect();
        let line = columns(t, &names);
        t.say(&line);
        Ok(())
    }

    fn before_train(&mut self, t: &mut Trainer) -> Flow {
        let at = t.progress();
        t.console.start_bar(format!("epoch {}/{}", at.epoch + 1, at.n_epoch), at.n_iter);
        Ok(())
    }

    fn before_validate(&mut self, t: &mut Trainer) -> Flow {
        let steps = t.progress().n_iter;
        t.console.start_bar("validation".into(), steps);
        Ok(())
    }

    fn after_batch(&mut self, t: &mut Trainer) -> Flow {
        let (at, training) = (t.progress(), t.phase() == Phase::Train);
        if t.console.has_bar() && (at.iter.is_multiple_of(EVERY) || at.iter == at.n_iter) {
            let loss = t.history.smooth_loss();
            t.console.move_bar(at.iter, || if training { format!("{loss:.4}") } else { String::new() });
        }
        Ok(())
    }

    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        t.console.end_bar();
        let Some(row) = t.history.rows.last() else { return Ok(()) };
        let values = [row.train_loss, row.valid_loss].into_iter().chain(row.metrics.iter().copied());
        let values = values.map(|value| value.map(number).unwrap_or_default());
        let cells: Vec<_> =
            [row.epoch.to_string()].into_iter().chain(values).chain([clock(row.seconds)]).collect();
        let line = columns(t, &cells);
        t.say(&line);
        Ok(())
    }

    fn after_fit(&mut self, t: &mut Trainer) -> Flow {
        t.console.end_bar();
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

/// Cells in columns as wide as their names, at least 8, two blanks apart.
fn columns(t: &Trainer, cells: &[String]) -> String {
    let names = ["epoch", "train_loss", "valid_loss"]
        .into_iter()
        .chain(t.history.metric_names.iter().map(String::as_str));
    let widths: Vec<_> = names.map(|name| name.chars().count().max(8)).chain([8]).collect();
    aligned(cells, &widths)
}

/// A cell that is too wide takes of the blanks, and what is left over is made up for as soon as there is room.
fn aligned(cells: &[String], widths: &[usize]) -> String {
    let (mut line, mut used, mut start) = (String::new(), 0, 0);
    for (cell, width) in cells.iter().zip(widths) {
        let blanks = if used == 0 { 0 } else { start.max(used + 1) - used };
        line.extend(std::iter::repeat_n(' ', blanks));
        line += cell;
        used += blanks + cell.chars().count();
        start += width + 2;
    }
    line.trim_end().to_string()
}

/// Six decimals, where those are not all zeros nor behind too many digits for a column.
fn number(x: f64) -> String {
    let usual = x == 0.0 || (1e-4..1e6).contains(&x.abs());
    if usual || !x.is_finite() { format!("{x:.6}") } else { format!("{x:.6e}") }
}

/// 00:04.2 or 1:02:03: a clock to read; tenths below an hour, since epochs here take less than a second.
fn clock(seconds: f64) -> String {
    let whole = seconds as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        return format!("{hours}:{minutes:02}:{rest:02}");
    }
    format!("{minutes:02}:{:05.2}", seconds - (minutes * 60) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_sizes_keep_the_columns() {
        for (x, shown) in [
            (0.0, "0.000000"),
            (0.512_345_67, "0.512346"),
            (-0.25, "-0.250000"),
            (1e-4, "0.000100"),
            (999_999.5, "999999.500000"),
            (1e6, "1.000000e6"),
            (194_898_123_456.0, "1.948981e11"),
            (-2.5e-5, "-2.500000e-5"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(number(x), shown);
        }
        let line = |cells: [&str; 4]| aligned(&cells.map(String::from), &[8, 10, 10, 8]);
        assert_eq!(line(["0", "0.693147", "0.5", "t"]), "0         0.693147    0.5         t");
        assert_eq!(line(["0", "1.948981e11", "0.5", "t"]), "0         1.948981e11 0.5         t");
        assert_eq!(line(["0", "999999.500000", "0.5", "t"]), "0         999999.500000 0.5       t");
        assert_eq!(line(["0", "", "0.5", "t"]), "0                     0.5         t");
    }
}
