//! A callback and two metrics of one's own.
//!
//! ```text
//! cargo run --release --example custom_callback
//! ```
//!
//! The callback watches the size of the gradient and skips a step when it jumps; what it has seen is part of its
//! saved state. One metric is computed over all validation rows at once, the other is a mean over batches.

use highmark::{
    Callback, CallbackState, DataConfig, Direction, Event, EventSet, Flow, Learner, LearnerConfig, NamedData,
    OneCycle, Predictions, ProgressBar, Result, RunsOn, Span, Split, Stage, TabularData, Targets, Trainer,
    batch_mean, metric_fn, on,
};

/// Skips steps whose gradient is more than `limit` times as long as usual.
struct SkipJumps {
    limit: f64,
    usual: f64,
    skipped: usize,
}

impl Callback for SkipJumps {
    fn name(&self) -> &'static str {
        "skip_jumps"
    }

    fn stage(&self) -> Stage {
        Stage::Gradient
    }

    fn runs_on(&self) -> RunsOn {
        RunsOn::FitTrain
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::Before(Span::Step), Event::After(Span::Fit)])
    }

    fn before_step(&mut self, t: &mut Trainer) -> Flow {
        let squares = t.model.params().grads.iter().map(|g| f64::from(*g) * f64::from(*g));
        let norm = squares.sum::<f64>().sqrt();
        if self.usual > 0.0 && norm > self.limit * self.usual {
            self.skipped += 1;
            return t.cancel(
                Span::Step,
                format!("the gradient is {:.1} times as long as usual", norm / self.usual),
            );
        }
        self.usual = if self.usual == 0.0 { norm } else { 0.98 * self.usual + 0.02 * norm };
        Ok(())
    }

    fn after_fit(&mut self, t: &mut Trainer) -> Flow {
        let line = format!("{} of {} steps skipped", self.skipped, t.progress().train_iter);
        t.say(&line);
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        CallbackState::of(&(self.usual, self.skipped))
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        (self.usual, self.skipped) = state.read()?;
        Ok(())
    }
}

/// The mean probability that the model gave to the right class.
fn confidence(predictions: &Predictions<'_>, targets: &Targets) -> f64 {
    let Targets::Classes(classes) = targets else { return f64::NAN };
    let mut probabilities = Vec::new();
    predictions.probabilities(&mut probabilities);
    let right = classes
        .iter()
        .enumerate()
        .map(|(row, class)| probabilities[row * predictions.outputs + *class as usize]);
    right.map(f64::from).sum::<f64>() / classes.len() as f64
}

/// The share of the positive class that is found among the tenth of the rows with the highest scores.
fn top_decile_recall(predictions: &Predictions<'_>, targets: &Targets) -> f64 {
    let Targets::Classes(classes) = targets else { return f64::NAN };
    let mut rows: Vec<usize> = (0..classes.len()).collect();
    rows.sort_by(|a, b| predictions.positive_score(*b).total_cmp(&predictions.positive_score(*a)));
    let found = rows[..rows.len() / 10].iter().filter(|row| classes[**row] == 1).count();
    found as f64 / classes.iter().filter(|class| **class == 1).count() as f64
}

fn main() -> Result<()> {
    let table = NamedData::Adult.table()?;
    let config = DataConfig {
        targets: vec!["salary".into()],
        valid: Split::Rows(1024..1260),
        ..DataConfig::default()
    };
    let data = TabularData::new(&table, &config)?;
    let mut learn = Learner::tabular(
        &data,
        LearnerConfig {
            metrics: vec![
                Box::new(batch_mean("confidence", Direction::Higher, confidence)),
                Box::new(metric_fn("top_decile_recall", Direction::Higher, top_decile_recall)),
            ],
            callbacks: vec![
                Box::new(ProgressBar),
                Box::new(SkipJumps { limit: 4.0, usual: 0.0, skipped: 0 }),
                on("halfway", Event::After(Span::Epoch), |t| {
                    if t.progress().epoch + 1 == t.progress().n_epoch / 2 {
                        t.say("half of it is done");
                    }
                    Ok(())
                }),
            ],
            ..LearnerConfig::default()
        },
    )?;
    let text = learn.describe_loop();
    learn.trainer_mut().say(&text);
    learn.fit_one_cycle(4, &OneCycle::default())?;
    Ok(())
}
