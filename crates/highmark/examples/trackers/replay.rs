//! Runs a case through a real learner with a scripted metric.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use highmark::{
    Activation, Callback, CallbackState, Console, Dataset, Direction, EarlyStopping, Error, Event, EventSet,
    Flow, Learner, LearnerConfig, LrReduction, Metric, Model, Monitor, Mse, OptimizerConfig, OptimizerKind,
    Output, Predictions, ReduceLrOnPlateau, Result, SaveBest, SaveWhen, Span, Stage, TabularConfig,
    TabularModel, Targets, Trainer,
};

use super::case::{Case, Line, Reducing, Saving, Seen, Stopping, System, asked};

/// What highmark does in this case. `folder` must not exist, and does not afterwards.
pub(crate) fn replay(case: &Case, folder: &Path) -> Result<Seen> {
    let (lines, shown) = mpsc::channel();
    let mut learn = learner(case, folder)?;
    learn.trainer_mut().console =
        Console::new(Output::Lines(Box::new(move |line| drop(lines.send(line.to_string())))));
    // Keras rounds its rate to 32 bits; what it starts from is what the record begins with.
    let lr = case.lr.first().copied().unwrap_or(1e-3);
    let fitted = learn.fit(case.epochs, Some(lr));
    let error = fitted.err().map(|error| error.to_string());

    let missing = || Error::data("a callback of the replay is gone");
    let stamp = learn.callbacks().get::<Stamp>().ok_or_else(missing)?;
    let weights = &learn.trainer().model.params().values;
    if weights.iter().any(|weight| *weight != weights[0]) {
        return Err(Error::data(format!("the weights are of several epochs: {weights:?}")));
    }
    let lines: Vec<String> = shown.try_iter().collect();
    let seen = Seen {
        epochs: stamp.rates.len(),
        rates: stamp.rates.clone(),
        weights: weights[0].into(),
        files: match learn.callbacks().get::<Collect>() {
            Some(collect) => collect.names.clone(),
            None => stems(folder)?,
        },
        lines: match case.system {
            System::Fastai => lines.into_iter().map(Line::Text).collect(),
            System::Keras => as_keras(&lines, stamp.rates.len(), case, &learn),
        },
        error,
    };
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|e| Error::io("remove", folder, e))?;
    }
    Ok(seen)
}

fn learner(case: &Case, folder: &Path) -> Result<Learner> {
    let targets = Targets::Values { values: vec![0.0; 4], width: 1 };
    let data = Arc::new(Dataset::new(0, 1, vec![], vec![0.0; 4], Some(targets))?);
    let config = TabularConfig { layers: vec![], bn_cont: false, ..TabularConfig::default() };
    let mut model = TabularModel::new(&config, &[], 1, 1, 0)?;
    model.params_mut().values.fill(-1.0);
    let (name, values) = (case.monitor().to_string(), case.values());
    let metric = Scripted { name, direction: case.direction(), values, begun: 0 };
    let mut callbacks: Vec<Box<dyn Callback>> = vec![Box::new(Stamp::default())];
    if let Some(options) = &case.callbacks.early_stopping {
        callbacks.push(Box::new(early_stopping(case, options)));
    }
    if let Some(options) = &case.callbacks.reduce_lr {
        callbacks.push(Box::new(reduce_lr(case, options)));
    }
    if let Some(options) = &case.callbacks.save_model {
        callbacks.push(Box::new(save_best(case, options)));
        if case.system == System::Keras {
            let names = (0..case.epochs).map(|epoch| options.name(epoch)).collect();
            callbacks.push(Box::new(Collect {
                folder: folder.into(),
                names_by_epoch: names,
                names: Vec::new(),
            }));
        }
    }
    let config = LearnerConfig {
        batch_size: 4,
        optimizer: OptimizerConfig { kind: OptimizerKind::Sgd, ..OptimizerConfig::default() },
        metrics: vec![Box::new(metric)],
        callbacks,
        model_dir: folder.into(),
        ..LearnerConfig::default()
    };
    Learner::new(Box::new(model), Box::new(Mse), Arc::clone(&data), data, config)
}

fn monitor(case: &Case, min_delta: f64, comp: Option<&str>) -> Monitor {
    let keras = case.system == System::Keras;
    let monitor = Monitor::new(case.monitor()).min_delta(min_delta).first_is_best(keras);
    match asked(comp) {
        Some(direction) => monitor.direction(direction),
        None => monitor,
    }
}

fn early_stopping(case: &Case, options: &Stopping) -> EarlyStopping {
    let stopping = EarlyStopping::new(monitor(case, options.min_delta, options.comp.as_deref()))
        .patience(options.patience)
        .start_from_epoch(options.start_from_epoch)
        .restore_best(options.restore_best_weights);
    match options.baseline {
        Some(baseline) => stopping.baseline(baseline),
        None => stopping,
    }
}

fn save_best(case: &Case, options: &Saving) -> SaveBest {
    let mut monitor = monitor(case, options.min_delta, options.comp.as_deref());
    let mut reset = options.reset_on_fit;
    if let Some(best) = options.initial_value_threshold {
        // Without this the value to beat would be forgotten when the fit begins.
        (monitor, reset) = (monitor.starting_from(best), false);
    }
    let when = match options.every() {
        Some(epochs) => SaveWhen::EveryEpoch(epochs),
        None if options.at_end => SaveWhen::AtEnd,
        None => SaveWhen::Best,
    };
    SaveBest::new(monitor).when(when).reset_on_fit(reset).hand_back(case.system == System::Fastai)
}

fn reduce_lr(case: &Case, options: &Reducing) -> ReduceLrOnPlateau {
    ReduceLrOnPlateau::new(monitor(case, options.min_delta, options.comp.as_deref()))
        .patience(options.patience)
        .cooldown(options.cooldown)
        .min_lr(options.min_lr)
        .by(match case.system {
            System::Fastai => LrReduction::DivideBy(options.factor),
            System::Keras => LrReduction::MultiplyBy(options.factor),
        })
}

/// The names in a folder without their extension, sorted; none if there is no folder.
fn stems(folder: &Path) -> Result<Vec<String>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io("read", folder, e))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut stems: Vec<String> =
        paths.filter_map(|p| p.file_stem().map(|s| s.to_string_lossy().into_owned())).collect();
    stems.sort();
    Ok(stems)
}

/// Our lines as what Keras would have said of the same decisions; it says nothing of files.
fn as_keras(lines: &[String], epochs: usize, case: &Case, learn: &Learner) -> Vec<Line> {
    let decision = |line: &String| {
        if line.starts_with("Better model found") {
            return None;
        }
        if line.starts_with("No improvement since epoch ") {
            return Some(Line::Stopped { epoch: epochs });
        }
        let reduced = || {
            let (epoch, lr) = line.strip_prefix("Epoch ")?.split_once(": reducing lr to ")?;
            Some(Line::Reduced { epoch: epoch.parse::<usize>().ok()? + 1, lr: lr.parse().ok()? })
        };
        Some(reduced().unwrap_or_else(|| Line::Text(line.clone())))
    };
    let best = learn.callbacks().get::<EarlyStopping>().and_then(EarlyStopping::best_epoch);
    let restores = case.callbacks.early_stopping.as_ref().is_some_and(|options| options.restore_best_weights);
    let restored = best.filter(|_| restores).map(|epoch| Line::Restored { epoch: epoch + 1 });
    lines.iter().filter_map(decision).chain(restored).collect()
}

/// A metric that is what the script says, epoch by epoch.
struct Scripted {
    name: String,
    direction: Direction,
    values: Vec<f64>,
    /// Validations begun.
    begun: usize,
}

impl Metric for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn reset(&mut self) {
        self.begun += 1;
    }

    fn update(&mut self, _: &Predictions<'_>, _: &Targets) -> Result<()> {
        Ok(())
    }

    fn value(&self) -> f64 {
        self.begun.checked_sub(1).and_then(|epoch| self.values.get(epoch)).copied().unwrap_or(f64::NAN)
    }

    fn check(&self, _: usize, _: Activation, _: &Targets) -> Result<()> {
        Ok(())
    }

    fn save_state(&self) -> Result<Vec<f64>> {
        Ok(vec![self.begun as f64])
    }

    fn load_state(&mut self, state: &[f64]) -> Result<()> {
        let [begun] = state else { return Err(Error::data("not the state of a script")) };
        self.begun = *begun as usize;
        Ok(())
    }
}

/// Writes the epoch's number into the weights, so that it shows later whose weights a model holds; and notes the rate
/// with which each epoch begins.
#[derive(Default)]
struct Stamp {
    rates: Vec<f64>,
}

impl Callback for Stamp {
    fn name(&self) -> &'static str {
        "stamp"
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::Before(Span::Epoch), Event::After(Span::Train)])
    }

    fn before_epoch(&mut self, t: &mut Trainer) -> Flow {
        self.rates.push(t.optimizer.lr());
        Ok(())
    }

    fn after_train(&mut self, t: &mut Trainer) -> Flow {
        let epoch = t.progress().epoch as f32;
        t.model.params_mut().values.fill(epoch);
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        CallbackState::of(&self.rates)
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        self.rates = state.read()?;
        Ok(())
    }
}

/// Runs after the model is saved: takes the file away if there is one, and notes the name that Keras would have given it.
/// So a file that is written again counts again.
struct Collect {
    folder: PathBuf,
    names_by_epoch: Vec<String>,
    names: Vec<String>,
}

impl Callback for Collect {
    fn name(&self) -> &'static str {
        "collect"
    }

    fn stage(&self) -> Stage {
        Stage::Adjust
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::After(Span::Epoch)])
    }

    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        for stem in stems(&self.folder)? {
            let file = self.folder.join(stem + ".safetensors");
            std::fs::remove_file(&file).map_err(|e| Error::io("remove", &file, e))?;
            self.names.extend(self.names_by_epoch.get(t.progress().epoch).cloned());
        }
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        CallbackState::of(&self.names)
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        self.names = state.read()?;
        Ok(())
    }
}
