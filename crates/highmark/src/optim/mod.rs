//! From gradients to steps, and the course of their sizes.

mod clip;
mod config;
mod curve;
mod deferred;
mod hypers;
mod optimizer;
mod schedule;
mod state;
mod update;

pub use clip::Clip;
pub use config::{OptimizerConfig, OptimizerKind};
pub use curve::Curve;
pub(crate) use deferred::Table;
pub use hypers::{Hyper, Hypers};
pub use optimizer::{Group, GroupRule, Optimizer};
pub use schedule::Schedule;
pub use state::OptimizerState;

#[cfg(test)]
mod golden_tests;
