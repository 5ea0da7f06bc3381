//! Keeps the high-water mark (fastai's `SaveModelCallback`, Keras's `ModelCheckpoint`).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Monitor;
use crate::engine::Snapshot;
use crate::learner::{
    Callback, CallbackState, Event, EventSet, Flow, Saving, Span, Stage, Trainer, is_in_place, json_float,
};
use crate::optim::{Hypers, OptimizerState};
use crate::repr::repr;
use crate::{Error, Result};

/// When a file is written.
///
/// ```
/// use highmark::{Monitor, SaveBest, SaveWhen};
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// # let folder = std::env::temp_dir().join(format!("highmark-doc-save-when-{}", std::process::id()));
/// let every = SaveBest::new(Monitor::new("valid_loss")).when(SaveWhen::EveryEpoch(2));
/// learn.callbacks_mut().add(Box::new(every.path(folder.join("adult.safetensors"))))?;
/// learn.fit(4, None)?;
/// assert!(["adult_0.safetensors", "adult_2.safetensors"].iter().all(|name| folder.join(name).exists()));
/// let best = learn.callbacks().get::<SaveBest>();
/// assert_eq!(best.map(|best| best.saved().len()), Some(2));
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaveWhen {
    /// When the monitored column improves; the best model is handed back at the end of the fit.
    Best,
    /// As `Best`, but the file is overwritten with the last model at the end, and that is what is handed back.
    AtEnd,
    /// After epochs 0, n, 2n…, each in a file of its own, `NAME_EPOCH`. Nothing is handed back.
    EveryEpoch(usize),
}

/// Saves the best model while a fit runs, and gives it back at the end whatever ended the fit: from memory, so
/// that a file of an earlier run is never taken for it.
///
/// What is handed back is also in checkpoints. So training does not wait for its file, which follows the best model by a
/// moment and holds it when the fit has ended. Any other file is written before training goes on.
///
/// ```
/// use highmark::{Monitor, SaveBest, SaveWhen};
/// let best = SaveBest::new(Monitor::new("accuracy")).file("adult");
/// let all = SaveBest::new(Monitor::new("valid_loss")).when(SaveWhen::EveryEpoch(1)).file("epoch");
/// # let _ = (best, all);
/// ```
pub struct SaveBest {
    monitor: Monitor,
    when: SaveWhen,
    target: Target,
    with_optimizer: bool,
    hand_back: bool,
    reset_on_fit: bool,
    ties_by_loss: bool,
    best_epoch: Option<usize>,
    best_step: u64,
    /// The validation loss of the best epoch.
    best_loss: Option<f64>,
    best: Option<(Snapshot, Option<OptimizerState>)>,
    files: Vec<PathBuf>,
    /// Whether the best model is not known to be in its file.
    unwritten: bool,
    /// Whether nobody has begun to write it.
    waiting: bool,
    /// The best model, or the one before, on its way to the file.
    saving: Option<Saving>,
}

/// Without the best model, whose numbers nobody reads.
impl fmt::Debug for SaveBest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaveBest")
            .field("monitor", &self.monitor)
            .field("when", &self.when)
            .field("target", &self.target)
            .field("best_epoch", &self.best_epoch)
            .finish_non_exhaustive()
    }
}

/// Where the model goes.
#[derive(Debug)]
enum Target {
    Name(String),
    Path(PathBuf),
    Memory,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    monitor: Monitor,
    best_epoch: Option<usize>,
    best_step: u64,
    #[serde(with = "json_float::option")]
    best_loss: Option<f64>,
    files: Vec<PathBuf>,
    /// Steps and hypers of the best optimizer; its numbers are tensors.
    optimizer: Option<(u64, Vec<Hypers>)>,
}

/// Names of the best optimizer's tensors begin with this.
const OPTIMIZER: &str = "optim.";

impl SaveBest {
    /// The best model, in `model.safetensors` in the learner's model folder, without the optimizer.
    pub fn new(monitor: Monitor) -> Self {
        Self {
            monitor,
            when: SaveWhen::Best,
            target: Target::Name("model".into()),
            with_optimizer: false,
            hand_back: true,
            reset_on_fit: true,
            ties_by_loss: false,
            best_epoch: None,
            best_step: 0,
            best_loss: None,
            best: None,
            files: Vec::new(),
            unwritten: false,
            waiting: false,
            saving: None,
        }
    }

    /// When to save.
    #[must_use]
    pub fn when(mut self, when: SaveWhen) -> Self {
        self.when = when;
        self
    }

    /// The file's name in the learner's model folder, without its extension.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>) -> Self {
        self.target = Target::Name(name.into());
        self
    }

    /// Saves to this path and no other.
    #[must_use]
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.target = Target::Path(path.into());
        self
    }

    /// Keeps the best model in memory and writes no file.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.target = Target::Memory;
        self
    }

    /// Saves the optimizer's state too, and hands it back with the best model. Default no.
    #[must_use]
    pub fn with_optimizer(mut self, with: bool) -> Self {
        self.with_optimizer = with;
        self
    }

    /// Whether the learner holds the best model after the fit. Default yes, as in fastai; without, it keeps the last one
    /// and the best is only in the file, as Keras's `ModelCheckpoint` leaves it.
    #[must_use]
    pub fn hand_back(mut self, hand_back: bool) -> Self {
        self.hand_back = hand_back;
        self
    }

    /// Whether the best value and its model are forgotten when a new fit begins. Default yes. Without, a fit that finds none
    /// better hands back the best of those before, and its file stays.
    #[must_use]
    pub fn reset_on_fit(mut self, reset: bool) -> Self {
        self.reset_on_fit = reset;
        self
    }

    /// Whether an epoch as good as the best one is better when its validation loss is lower. An accuracy over few rows has few
    /// values: the first epoch that comes to the highest is often one of a model that is half trained. Default no, as in
    /// fastai and Keras.
    #[must_use]
    pub fn ties_by_loss(mut self, by_loss: bool) -> Self {
        self.ties_by_loss = by_loss;
        self
    }

    /// The epoch whose model was the best of the last fit, from 0.
    pub fn best_epoch(&self) -> Option<usize> {
        self.best_epoch
    }

    /// The epoch and the step of the last fit's best model, if it is in no file because none could be written: the learner
    /// alone holds it then.
    pub fn unwritten(&self) -> Option<(usize, u64)> {
        self.best_epoch.filter(|_| self.unwritten).map(|epoch| (epoch, self.best_step))
    }

    /// The files written in the last fit, in order; without [`SaveBest::reset_on_fit`] those of the fits before too.
    pub fn saved(&self) -> &[PathBuf] {
        &self.files
    }

    /// The file for an epoch with this suffix, if there is to be one.
    fn path_of(&self, t: &Trainer, suffix: &str) -> Option<PathBuf> {
        match &self.target {
            Target::Memory => None,
            Target::Name(name) => Some(t.model_dir().join(format!("{name}{suffix}.safetensors"))),
            Target::Path(path) if suffix.is_empty() => Some(path.clone()),
            Target::Path(path) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                Some(path.with_file_name(format!("{stem}{suffix}.safetensors")))
            }
        }
    }

    /// The file that holds the one model, if there is to be one: with a file for every epoch there is none.
    fn single_path(&self, t: &Trainer) -> Option<PathBuf> {
        if matches!(self.when, SaveWhen::EveryEpoch(_)) { None } else { self.path_of(t, "") }
    }

    /// Fails when two would write the same file, each over what the other holds for the best.
    pub(crate) fn check_apart<'a>(all: impl Iterator<Item = &'a Self>, t: &Trainer) -> Result<()> {
        let mut files: Vec<PathBuf> = Vec::new();
        for path in all.filter_map(|callback| callback.single_path(t)) {
            if files.contains(&path) {
                let message =
                    format!("two would save the best model to {}; give one another file", path.display());
                return Err(Error::config("callbacks", message));
            }
            files.push(path);
        }
        Ok(())
    }

    fn save(&mut self, t: &mut Trainer, suffix: &str) -> Result<()> {
        let Some(path) = self.path_of(t, suffix) else { return Ok(()) };
        t.save_to(&path, self.with_optimizer)?;
        self.note_file(path);
        Ok(())
    }

    /// Whether the model of this epoch is the best, and what follows from that.
    fn judge(&mut self, t: &mut Trainer) -> Result<()> {
        let epoch = t.progress().epoch;
        if let SaveWhen::EveryEpoch(n) = self.when {
            return if epoch.is_multiple_of(n) { self.save(t, &format!("_{epoch}")) } else { Ok(()) };
        }
        let Some(value) = t.history.this_epoch(self.monitor.name()) else { return Ok(()) };
        let loss = t.history.this_epoch("valid_loss");
        let wins_tie = self.ties_by_loss
            && self.monitor.best() == Some(value)
            && matches!((loss, self.best_loss), (Some(now), Some(best)) if now < best);
        if !self.monitor.update(value) && !wins_tie {
            return Ok(());
        }
        (self.best_epoch, self.best_step, self.best_loss) = (Some(epoch), t.steps(), loss);
        t.say(&format!(
            "Better model found at epoch {epoch} with {} value: {}{}.",
            self.monitor.name(),
            repr(value),
            if wins_tie { ", as before, and a lower valid_loss" } else { "" }
        ));
        t.note_monitored(self.monitor.name(), value);
        if self.when != SaveWhen::Best || !self.hand_back {
            let saved = self.save(t, "");
            self.unwritten = saved.is_err();
            return saved;
        }
        let optimizer = self.with_optimizer.then(|| t.optimizer.state());
        self.best = Some((t.model.params().snapshot(), optimizer));
        self.waiting = !matches!(self.target, Target::Memory);
        self.unwritten = self.waiting;
        Ok(())
    }

    /// Lets the best model go to its file, unless the one before is still on its way.
    fn hand_over(&mut self, t: &mut Trainer) {
        if self.saving.is_some() || !self.waiting {
            return;
        }
        if let (Some(path), Some((best, optimizer))) = (self.path_of(t, ""), &self.best) {
            let optimizer = optimizer.as_ref();
            self.saving = Some(t.save_meanwhile(&path, best, optimizer, self.best_epoch, self.best_step));
            self.waiting = false;
        }
    }

    /// Takes note of a file that has been written since, or `wait`s for it. An error if it could not be.
    fn written(&mut self, wait: bool) -> Option<Error> {
        let saving = self.saving.take()?;
        let path = saving.path().to_path_buf();
        let result = if wait {
            saving.wait()
        } else if let Some(result) = saving.poll() {
            result
        } else {
            self.saving = Some(saving);
            return None;
        };
        if result.is_ok() {
            self.note_file(path);
            // If it was not the one before.
            self.unwritten = self.waiting;
        }
        result.err()
    }

    fn note_file(&mut self, path: PathBuf) {
        if !self.files.contains(&path) {
            self.files.push(path);
        }
    }
}

impl Callback for SaveBest {
    fn name(&self) -> &'static str {
        "save_best"
    }

    fn stage(&self) -> Stage {
        Stage::Monitor
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[Event::After(Span::Epoch), Event::After(Span::Fit)])
    }

    fn before_fit(&mut self, t: &mut Trainer) -> Flow {
        if self.when == SaveWhen::EveryEpoch(0) {
            return Err(Error::config("every epoch", "save every 1 epoch or more").into());
        }
        if let Some(path) = self.single_path(t).filter(|path| path.is_dir()) {
            let message = format!("{} is a folder; name a file for the best model", path.display());
            return Err(Error::config("save best", message).into());
        }
        (self.best_epoch, self.saving) = (None, None);
        (self.unwritten, self.waiting) = (false, false);
        if self.reset_on_fit {
            // Otherwise the best of an earlier fit is handed back if none is better.
            (self.best, self.best_loss) = (None, None);
            self.files.clear();
        }
        Ok(self.monitor.start(t, self.reset_on_fit)?)
    }

    fn after_epoch(&mut self, t: &mut Trainer) -> Flow {
        if let Some(error) = self.written(false) {
            // It is in memory, and the end of the fit tries again.
            t.say(&format!("{error}; training goes on, and the best model is kept in memory"));
        }
        self.judge(t)?;
        self.hand_over(t);
        Ok(())
    }

    fn after_fit(&mut self, t: &mut Trainer) -> Flow {
        if self.when == SaveWhen::AtEnd {
            self.save(t, "")?;
        }
        // That it failed is told when it fails again.
        self.written(true);
        let Some((best, optimizer)) = &self.best else { return Ok(()) };
        t.model.params_mut().restore(best)?;
        if let Some(optimizer) = optimizer {
            t.optimizer.restore(optimizer)?;
        }
        if self.reset_on_fit {
            self.best = None;
        }
        // Also when the file has gone since: with its folder, or because only the checkpoint was carried here. One that another
        // has put into its place is not it.
        let path = self.path_of(t, "").filter(|path| self.unwritten || !is_in_place(path));
        if let Some(path) = path {
            self.unwritten = true;
            t.save_as_of(&path, self.with_optimizer, self.best_epoch, self.best_step)?;
            self.note_file(path);
        }
        (self.unwritten, self.waiting) = (false, false);
        Ok(())
    }

    fn settings(&self) -> Result<serde_json::Value> {
        Ok(self.monitor.with_settings(serde_json::json!({
            "when": self.when,
            "with_optimizer": self.with_optimizer,
            "hand_back": self.hand_back,
            "reset_on_fit": self.reset_on_fit,
            "ties_by_loss": self.ties_by_loss,
        })))
    }

    fn save_state(&self) -> Result<CallbackState> {
        let optimizer = self.best.as_ref().and_then(|(_, optimizer)| optimizer.as_ref());
        let mut state = CallbackState::of(&Saved {
            monitor: self.monitor.clone(),
            best_epoch: self.best_epoch,
            best_step: self.best_step,
            best_loss: self.best_loss,
            files: self.files.clone(),
            optimizer: optimizer.map(|optimizer| (optimizer.steps, optimizer.hypers.clone())),
        })?;
        if let Some((best, _)) = &self.best {
            best.write_to(&mut state.tensors);
        }
        for (name, numbers) in optimizer.iter().flat_map(|optimizer| &optimizer.tensors) {
            state.tensors.insert(format!("{OPTIMIZER}{name}"), Arc::clone(numbers));
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        let saved: Saved = state.read()?;
        let optimizer = saved.optimizer.map(|(steps, hypers)| {
            let own = state.tensors.iter();
            let own = own.filter_map(|(name, x)| Some((name.strip_prefix(OPTIMIZER)?.into(), Arc::clone(x))));
            OptimizerState { steps, hypers, tensors: own.collect() }
        });
        self.best = Snapshot::read_from(&state.tensors).map(|best| (best, optimizer));
        (self.monitor, self.files) = (saved.monitor, saved.files);
        (self.best_epoch, self.best_step, self.best_loss) =
            (saved.best_epoch, saved.best_step, saved.best_loss);
        // The process that saved this may have ended before its file was written, or after a later one was.
        self.unwritten = self.best.is_some() && !matches!(self.target, Target::Memory);
        Ok(())
    }
}
