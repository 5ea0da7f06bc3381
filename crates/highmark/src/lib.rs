//! highmark
mod data;
mod engine;
mod error;
mod models;
mod nn;
mod losses;
mod metrics;
mod optim;
mod seed;

pub use data::{Batch, Targets};
pub use engine::{Buffer, ParamKind, Parameter, Params, Snapshot};
pub use error::{Error, ErrorKind, Result};
pub use models::{LayerSummary, Model, TabularConfig, TabularModel, embedding_size};
pub use nn::{ActivationFn, Mode};
pub use losses::{Activation, BceWithLogits, CrossEntropy, Huber, L1, Loss, LossKind, Mse};
pub use metrics::{
    Accuracy, Average, AveragePrecision, BalancedAccuracy, BatchMean, BrierScore, CohenKappa, Direction,
    ErrorRate, ExplainedVariance, FBeta, FnMetric, LogLoss, METRIC_NAMES, MatthewsCorrcoef,
    MeanAbsoluteError, MeanSquaredError, Metric, Precision, Predictions, R2Score, Recall, Renamed, RocAuc,
    RootMeanSquaredError, TopKAccuracy, batch_mean, metric, metric_fn,
};
pub use optim::{
    Clip, Curve, Group, GroupRule, Hyper, Hypers, Optimizer, OptimizerConfig, OptimizerKind, Schedule,
};
pub use seed::{Random, Stream};
