//! highmark trains tabular neural networks, stops when training no longer pays, and hands back the best model it
//! has seen.
//!
//! The way of the data, module by module:
//!
//! ```text
//! file ── Table ── Procs ── Dataset ── Loader ── Model ── Loss ── Optimizer
//!         data/    data/    data/      data/     models/  losses/ optim/
//!                                                nn/ engine/
//!                  Callbacks ◄── events ── Run ──► History ──► Report
//!                  callbacks/              learner/
//! ```
//!
//! Start with [`Learner`]; to extend it, with [`Callback`] and [`Metric`].

mod callbacks;
mod data;
mod engine;
mod error;
mod learner;
mod losses;
mod metrics;
mod models;
mod nn;
mod optim;
mod plural;
mod repr;
mod seed;

/// The crate whose arrays a [`Table`] is made of, in the version that is used here.
pub use arrow_array;
pub use callbacks::{
    CsvLogger, EarlyStopping, EventLog, LrReduction, MinDelta, Monitor, Named, ParamScheduler, ProgressBar,
    ReduceLrOnPlateau, SaveBest, SaveWhen, TerminateOnNan,
};
pub use data::{
    Batch, ColumnKind, ColumnSummary, CsvOptions, DataConfig, Dataset, Drift, Far, FillStrategy, Identifier,
    Level, Loader, NamedData, NextBatch, Order, Pipeline, Proc, Split, Table, TabularData, Targets, Task,
    TaskKind, Unseen, Warning, WarningKind, cont_cat_split, read_csv, read_csv_from, read_parquet,
    set_data_threads, write_csv, write_csv_to, write_parquet,
};
pub use engine::{Buffer, ParamKind, Parameter, Params, Snapshot};
pub use error::{Error, ErrorKind, Result};
#[doc(hidden)]
pub use learner::seal_checkpoint;
pub use learner::{
    Best, Budget, BudgetUse, Callback, CallbackState, Callbacks, Cancel, CheckpointConfig, Console, EpochRow,
    Event, EventSet, FlatCos, Flow, FolderLock, History, Learner, LearnerConfig, Limit, LrFind, LrFindConfig,
    ModelDescription, NonFinite, NonFiniteCounts, OneCycle, Outcome, Output, Phase, Plan, Predicted,
    Progress, Provenance, Report, ResumePoint, RunKind, RunsOn, SavedModel, Saving, Signal, Smooth, Span,
    Stage, StopFlag, Suggestion, Timings, Trainer, checkpoint_is_of_end, checkpoint_rows, checkpoint_text,
    checkpoint_text_unchecked, on, write_file,
};
pub use losses::{Activation, BceWithLogits, CrossEntropy, Focal, Huber, L1, Loss, LossKind, Mse};
pub use metrics::{
    Accuracy, Average, AveragePrecision, BalancedAccuracy, BatchMean, BrierScore, CohenKappa, Direction,
    ErrorRate, ExplainedVariance, FBeta, FnMetric, LogLoss, METRIC_NAMES, MatthewsCorrcoef,
    MeanAbsoluteError, MeanSquaredError, Metric, Precision, Predictions, R2Score, Recall, Renamed, RocAuc,
    RootMeanSquaredError, TopKAccuracy, batch_mean, metric, metric_fn,
};
pub use models::{LayerSummary, Model, TabularConfig, TabularModel, embedding_size};
pub use nn::{ActivationFn, Mode, OutputScale};
pub use optim::{
    Clip, Curve, Group, GroupRule, Hyper, Hypers, Optimizer, OptimizerConfig, OptimizerKind, OptimizerState,
    Schedule,
};
pub use seed::{Random, Stream};

/// The README's example, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
