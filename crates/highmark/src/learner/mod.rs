//! What users hold: a model, its data and its callbacks, and the ways to train it.

mod atomic_file;
mod background;
mod budget;
mod callback;
mod checkpoint;
mod checkpoints;
mod checksum;
mod console;
mod constant;
mod cores;
mod disk;
mod event;
mod fit;
mod folder_lock;
mod frame;
mod frame_folder;
mod history;
mod identity;
pub(crate) mod json_float;
mod lr_find;
mod lr_plot;
mod model_file;
mod non_finite;
mod notice;
mod outcome;
mod predict;
mod progress;
mod report;
mod resume;
mod run;
mod stop_flag;
mod summary;
mod target_scale;
mod trainer;
mod vacant;
mod watch;

use std::any::Any;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use atomic_file::is_in_place;
pub use atomic_file::write_file;
pub use budget::{Budget, BudgetUse, Limit, Plan};
pub use callback::{Callback, CallbackState, Callbacks, on};
pub use checkpoints::{
    CheckpointConfig, checkpoint_is_of_end, checkpoint_rows, checkpoint_text, checkpoint_text_unchecked,
};
#[doc(hidden)]
pub use checksum::seal_checkpoint;
pub use console::{Console, Output};
pub use event::{Event, EventSet, Flow, RunKind, RunsOn, Signal, Span, Stage};
pub use fit::{FlatCos, OneCycle};
pub use folder_lock::FolderLock;
pub use history::{EpochRow, History, Smooth};
pub use lr_find::{LrFind, LrFindConfig, Suggestion};
pub use model_file::{ModelDescription, Provenance};
pub use non_finite::{NonFinite, NonFiniteCounts};
pub use outcome::{Cancel, Outcome};
pub use predict::{Predicted, SavedModel};
pub use progress::{Progress, Timings};
pub use report::{Best, Report};
pub use resume::ResumePoint;
pub use stop_flag::StopFlag;
pub use trainer::{Phase, Saving, Trainer};

use crate::data::{Dataset, Drift, Loader, Order, Table, TabularData, Task};
use crate::engine::large_zeros;
use crate::losses::{Activation, Loss, LossKind};
use crate::metrics::Metric;
use crate::models::{Model, TabularConfig, TabularModel};
use crate::optim::{GroupRule, Optimizer, OptimizerConfig};
use crate::{Error, Result};
use checkpoint::Found;
use non_finite::Guard;
use run::Run;
use trainer::Parts;

/// The settings of a [`Learner`]; every one has a default, which is fastai's.
///
/// ```
/// use highmark::{Accuracy, DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// let metrics: Vec<Box<dyn highmark::Metric>> = vec![Box::new(Accuracy::default())];
/// let config = LearnerConfig { batch_size: 32, lr: 3e-3, metrics, ..LearnerConfig::default() };
/// let mut learn = Learner::tabular(&data, config)?;
/// # learn.quiet();
/// learn.fit(1, None)?;
/// assert_eq!((learn.trainer().optimizer.lr(), learn.history().monitors()[2]), (3e-3, "accuracy"));
/// let refused = Learner::tabular(&data, LearnerConfig { lr: -1.0, ..LearnerConfig::default() });
/// assert_eq!(refused.unwrap_err().to_string(), "lr: -1 is not a positive number");
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Debug)]
pub struct LearnerConfig {
    /// The model's options.
    pub model: TabularConfig,
    /// Rows a step. Default 64.
    pub batch_size: usize,
    /// The loss. By default what fits the target: cross-entropy, BCE for labels, MSE for numbers.
    pub loss: Option<LossKind>,
    /// The optimizer. Default Adam as fastai has it.
    pub optimizer: OptimizerConfig,
    /// Scales the predictions of a regression to the mean and the spread of its target over the training rows, unless
    /// there is a `y_range`. Losses and metrics stay in the target's unit. Default no, as in fastai.
    pub scale_target: bool,
    /// Parameter groups with learning rates of their own, as factors of that of a fit and its schedule. Default one of all.
    pub groups: Vec<GroupRule>,
    /// The learning rate where a fit names none. Default 1e-3.
    pub lr: f64,
    /// Shown each epoch, and there to be monitored. Default none.
    pub metrics: Vec<Box<dyn Metric>>,
    /// Called in every fit. Default none.
    pub callbacks: Vec<Box<dyn Callback>>,
    /// Batches whose gradients make one step. Default 1. Those left at the end of an epoch make a (smaller) step.
    pub accumulate: usize,
    /// Decides initial parameters, order of rows and dropout. Default 42.
    pub seed: u64,
    /// Threads to compute on; any number gives the same bits. Default as many as there are cores. Of a larger number than
    /// those, 8 at most are made.
    pub threads: usize,
    /// The order of the training rows, and whether a short last batch is left out. Default shuffled by the seed, yes.
    pub order: Option<(Order, bool)>,
    /// The folder for models that are saved by name. Default `models`.
    pub model_dir: PathBuf,
    /// What to do about a loss or a gradient that is NaN or infinite in a fit. Default to stop.
    pub non_finite: NonFinite,
    /// Where and how often fits save checkpoints, to be gone on from by [`Learner::resume`]. Default never.
    pub checkpoint: Option<CheckpointConfig>,
    /// Stops any run of the learner between two batches when it is raised. Default one that nobody else holds.
    pub stop: StopFlag,
}

impl Default for LearnerConfig {
    fn default() -> Self {
        Self {
            model: TabularConfig::default(),
            batch_size: 64,
            loss: None,
            optimizer: OptimizerConfig::default(),
            scale_target: false,
            groups: Vec::new(),
            lr: 1e-3,
            metrics: Vec::new(),
            callbacks: Vec::new(),
            accumulate: 1,
            seed: 42,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            order: None,
            model_dir: PathBuf::from("models"),
            non_finite: NonFinite::default(),
            checkpoint: None,
            stop: StopFlag::default(),
        }
    }
}

/// A model, its data, its optimizer and its callbacks.
///
/// ```
/// use highmark::{Accuracy, DataConfig, Learner, LearnerConfig, NamedData, OneCycle, Split, TabularData};
/// let table = NamedData::Adult.table()?;
/// let config = DataConfig { targets: vec!["salary".into()], valid: Split::Rows(1024..1260), ..DataConfig::default() };
/// let data = TabularData::new(&table, &config)?;
/// let metrics: Vec<Box<dyn highmark::Metric>> = vec![Box::new(Accuracy::default())];
/// let mut learn = Learner::tabular(&data, LearnerConfig { metrics, ..LearnerConfig::default() })?;
/// # learn.quiet();
/// learn.fit_one_cycle(1, &OneCycle::default())?;
/// assert!(learn.history().this_epoch("accuracy") > Some(0.8));
/// # Ok::<(), highmark::Error>(())
/// ```
pub struct Learner {
    trainer: Trainer,
    callbacks: Callbacks,
    lr: f64,
    checkpoint: Option<CheckpointConfig>,
    /// What the next fit goes on from.
    resume: Option<Found>,
}

impl fmt::Debug for Learner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Learner")
            .field("trainer", &self.trainer)
            .field("callbacks", &self.callbacks)
            .finish_non_exhaustive()
    }
}

impl Learner {
    /// fastai's `tabular_learner`: a [`crate::TabularModel`] for this data.
    pub fn tabular(data: &TabularData, config: LearnerConfig) -> Result<Self> {
        let activation = match data.pipeline.task() {
            Task::Classification { .. } => Activation::Softmax,
            Task::MultiLabel { .. } => Activation::Sigmoid,
            Task::Regression { .. } => Activation::Identity,
        };
        let loss = config.loss.clone().unwrap_or_else(|| activation.into());
        Self::assemble_tabular(data, loss.build(), loss, config)
    }

    /// The same under a loss of your own. Of `config`, `loss` and `scale_target` are not used. The model has an output for
    /// each class, label or number.
    ///
    /// A file that is saved from it predicts as this learner does. The loss is not in it: [`SavedModel::evaluate`] measures
    /// by that of the library which has the same activation. Fails for classes under a loss whose activation is not
    /// softmax, and for others under one whose activation is.
    pub fn tabular_with_loss(data: &TabularData, loss: Box<dyn Loss>, config: LearnerConfig) -> Result<Self> {
        let kind = LossKind::standing_for(&*loss);
        let classes = matches!(data.pipeline.task(), Task::Classification { .. });
        if classes != (loss.activation() == Activation::Softmax) {
            let message = format!(
                "`activation` of `{}` must be Softmax for classes, and for nothing else",
                loss.name()
            );
            return Err(Error::config("loss", message));
        }
        Self::assemble_tabular(data, loss, kind, LearnerConfig { scale_target: false, ..config })
    }

    /// `kind` is what files say of the loss.
    fn assemble_tabular(
        data: &TabularData,
        loss: Box<dyn Loss>,
        kind: LossKind,
        mut config: LearnerConfig,
    ) -> Result<Self> {
        let (task, n_cont) = (data.pipeline.task(), data.pipeline.cont_names().len());
        check_batch_size(config.batch_size, &config.model, n_cont)?;
        if config.scale_target && config.model.y_range.is_none() {
            config.model.output_scale = target_scale::output_scale(data, &kind)?;
        }
        // Two classes under BCE are one output.
        let outputs = match (task, &kind) {
            (Task::Classification { .. }, LossKind::BceWithLogits { .. }) if task.outputs() == 2 => 1,
            _ => task.outputs(),
        };
        let names = data.pipeline.cat_names().iter().cloned();
        let mut description = ModelDescription::new("TabularModel", config.model.clone(), kind, config.seed);
        description.columns = names.zip(data.pipeline.cardinalities()).collect();
        description.n_cont = n_cont;
        description.outputs = outputs;
        description.pipeline = Some(data.pipeline.clone());
        let model = description.build()?.threads(config.threads);
        let datasets = (Arc::clone(&data.train), Arc::clone(&data.valid));
        Self::assemble(Box::new(model), loss, datasets, config, description)
    }

    /// A learner for any model and any loss. Of `config`, `model`, `loss`, `scale_target` and `threads` are not used.
    ///
    /// `train` and `valid` need targets. Files saved from it hold the parameters, to be loaded into the same model; those of a
    /// [`TabularModel`] say how it is built. It knows nothing of tables: [`Learner::predict_dataset`] predicts rows that [`TabularData`] or you have encoded.
    pub fn new(
        model: Box<dyn Model>,
        loss: Box<dyn Loss>,
        train: Arc<Dataset>,
        valid: Arc<Dataset>,
        config: LearnerConfig,
    ) -> Result<Self> {
        let kind = LossKind::standing_for(&*loss);
        let tabular = (&*model as &dyn Any).downcast_ref::<TabularModel>();
        let options = tabular.map_or_else(TabularConfig::default, |model| model.config().clone());
        if tabular.is_some() {
            check_batch_size(config.batch_size, &options, train.n_cont())?;
        }
        let mut description = ModelDescription::new(model.name(), options, kind, config.seed);
        description.columns = tabular.map_or_else(Vec::new, |model| model.columns().to_vec());
        description.n_cont = train.n_cont();
        description.outputs = model.outputs();
        Self::assemble(model, loss, (train, valid), config, description)
    }

    fn assemble(
        model: Box<dyn Model>,
        loss: Box<dyn Loss>,
        (train, valid): (Arc<Dataset>, Arc<Dataset>),
        config: LearnerConfig,
        description: ModelDescription,
    ) -> Result<Self> {
        let LearnerConfig {
            batch_size,
            lr,
            metrics,
            callbacks,
            accumulate,
            seed,
            order,
            model_dir,
            optimizer,
            groups,
            non_finite,
            stop,
            checkpoint,
            ..
        } = config;
        checkpoint.as_ref().map_or(Ok(()), CheckpointConfig::check)?;
        if !(lr.is_finite() && lr > 0.0) {
            return Err(Error::config("lr", format!("{lr} is not a positive number")));
        }
        non_finite.check()?;
        if accumulate == 0 {
            return Err(Error::config("accumulate", "at least one batch makes a step"));
        }
        let outputs = model.outputs();
        for (name, dataset) in [("training", &train), ("validation", &valid)] {
            let Some(targets) = dataset.targets() else {
                return Err(Error::data(format!("the {name} rows have no targets")));
            };
            loss.check(outputs, targets)?;
            metrics.iter().try_for_each(|metric| metric.check(outputs, loss.activation(), targets))?;
        }
        if let Some(twice) =
            (1..metrics.len()).find(|i| metrics[..*i].iter().any(|m| m.name() == metrics[*i].name()))
        {
            return Err(Error::config("metrics", format!("`{}` is there twice", metrics[twice].name())));
        }
        let taken = |name: &str| metrics.iter().any(|metric| metric.name() == name);
        if let Some(name) = ["epoch", "train_loss", "valid_loss", "time"].into_iter().find(|name| taken(name))
        {
            return Err(Error::config("metrics", format!("`{name}` is a column of the table already")));
        }
        let (order, drop_last) = order.unwrap_or((Order::Shuffled { seed }, true));
        let train = Loader::new(train, batch_size, order, drop_last)?;
        let valid = Loader::new(valid, batch_size, Order::Sequential, false)?;
        let optimizer = Optimizer::new(&optimizer, model.params(), &groups, lr)?;
        let mut parts = Parts {
            model,
            loss,
            optimizer,
            metrics,
            train,
            valid,
            description,
            model_dir,
            seed,
            accumulate,
            guard: Guard::new(non_finite),
            stop,
        };
        // Checkpoints copy them.
        let params = parts.model.params_mut();
        let mut values = large_zeros(params.len());
        values.copy_from_slice(&params.values);
        params.values = values;
        let mut learner = Self {
            trainer: Trainer::new(parts),
            callbacks: Callbacks::default(),
            lr,
            checkpoint,
            resume: None,
        };
        callbacks.into_iter().try_for_each(|callback| learner.callbacks.add(callback))?;
        Ok(learner)
    }

    /// Mean loss and metrics of the validation rows, by name: `valid_loss` first. Leaves no trace in the learner. Fails when a
    /// callback that runs on everything cancels the validation.
    pub fn validate(&mut self) -> Result<Vec<(String, f64)>> {
        Run::new(&mut self.trainer, &mut self.callbacks).validate()?;
        if let Some(cancel) = self.trainer.cancels().iter().find(|cancel| cancel.span <= Span::Validate) {
            let (by, reason) = (&cancel.by, &cancel.reason);
            return Err(Error::training(format!("callback `{by}` has cancelled the validation: {reason}")));
        }
        let metrics = self.trainer.metrics().iter().map(|m| m.name().to_string());
        let names: Vec<_> = std::iter::once("valid_loss".to_string()).chain(metrics).collect();
        Ok(names.into_iter().zip(self.trainer.valid_record.iter().copied()).collect())
    }

    /// Mean loss and metrics of the validation rows, by name, of the constant answer that fits the training rows best: the
    /// shares of the classes or labels, or the mean of a number. A model that is no better has learnt nothing (scikit-learn's
    /// `DummyClassifier` with `strategy="prior"`, and `DummyRegressor`). The loss is that of the answer at which it is least:
    /// for L1 that is the median. Empty where a constant is none, such as classes under a loss of numbers; without the loss
    /// where no formula has that answer, as for a focal loss. Leaves no trace in the learner.
    pub fn validate_constant(&mut self) -> Result<Vec<(String, f64)>> {
        constant::validate(&mut self.trainer)
    }

    /// Predictions for every row of a table, which needs no target, and what was new in it. Leaves no trace.
    pub fn predict(&mut self, table: &Table) -> Result<(Predicted, Drift)> {
        let pipeline = self.trainer.description.pipeline()?;
        let (model, loss) = (&mut *self.trainer.model, &*self.trainer.loss);
        predict::predict_table(model, loss, pipeline, table, &self.trainer.stop)
    }

    /// Activated predictions for rows that are encoded already, rows × outputs: fastai's `get_preds`. Leaves no trace.
    pub fn predict_dataset(&mut self, dataset: &Arc<Dataset>) -> Result<Vec<f32>> {
        let activation = self.trainer.loss.activation();
        predict::predict_dataset(&mut *self.trainer.model, activation, dataset, &self.trainer.stop)
    }

    /// Saves model and optimizer as `NAME.safetensors` in the model folder; returns the path. The file also works
    /// without this learner: see [`SavedModel`].
    pub fn save(&mut self, name: &str) -> Result<PathBuf> {
        self.trainer.save(name, true)
    }

    /// Takes up what `save` left under `name`.
    pub fn load(&mut self, name: &str) -> Result<()> {
        let path = self.trainer.model_dir().join(format!("{name}.safetensors"));
        self.trainer.load_from(&path, true).map(drop)
    }

    /// Takes the parameters from any file of ours or of fastai's (as safetensors) whose shapes fit.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.trainer.load_from(path, false).map(drop)
    }

    /// Where and how often fits save checkpoints from now on; `None` for never. What was to be resumed no longer is. Fails, and
    /// changes nothing, on a rule that makes no sense.
    pub fn set_checkpoint(&mut self, config: Option<CheckpointConfig>) -> Result<()> {
        config.as_ref().map_or(Ok(()), CheckpointConfig::check)?;
        (self.checkpoint, self.resume) = (config, None);
        Ok(())
    }

    /// The flag that ends what this learner does from now on, in place of [`LearnerConfig::stop`].
    pub fn set_stop_flag(&mut self, flag: StopFlag) {
        self.trainer.stop = flag;
    }

    /// What fits do from now on about a loss or a gradient that is NaN or infinite.
    pub fn set_non_finite(&mut self, policy: NonFinite) -> Result<()> {
        policy.check()?;
        self.trainer.guard = Guard::new(policy);
        Ok(())
    }

    /// Whether all callbacks see the end of an epoch before one of them ends the fit there, as in Keras, from now on. Default
    /// no: as in fastai, a cancel in `after_epoch` keeps the event from those after it.
    pub fn set_all_see_epochs_end(&mut self, all: bool) {
        self.trainer.all_see_epochs_end = all;
    }

    /// The record of the last fit.
    pub fn history(&self) -> &History {
        &self.trainer.history
    }

    /// The trainer: model, optimizer, metrics, history.
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    /// The same, to change.
    pub fn trainer_mut(&mut self) -> &mut Trainer {
        &mut self.trainer
    }

    /// The callbacks of every fit.
    pub fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    /// The same, to add to or to remove from.
    pub fn callbacks_mut(&mut self) -> &mut Callbacks {
        &mut self.callbacks
    }

    /// Who runs when, and what of the loop's short ways that leaves: [`Callbacks::describe_loop`].
    pub fn describe_loop(&self) -> String {
        self.callbacks.describe_loop()
    }

    /// Shows nothing from now on.
    pub fn quiet(&mut self) {
        self.trainer.console = Console::new(Output::Silent);
    }
}

/// Fails on batches of one row for a model that normalises them.
fn check_batch_size(batch_size: usize, model: &TabularConfig, n_cont: usize) -> Result<()> {
    let norms = model.batch_norm || model.bn_cont && n_cont > 0;
    if norms && batch_size == 1 {
        return Err(Error::config("bs", "batch norm needs at least 2 rows a batch"));
    }
    Ok(())
}
