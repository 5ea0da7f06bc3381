//! The callbacks that come with highmark. They use what [`crate::Callback`] gives to everybody and nothing else.

mod csv_logger;
mod early_stopping;
mod event_log;
mod log_file;
mod monitor;
mod named;
mod param_scheduler;
mod progress;
mod reduce_lr_on_plateau;
mod save_best;
mod terminate_on_nan;

pub use csv_logger::CsvLogger;
pub use early_stopping::EarlyStopping;
pub use event_log::EventLog;
pub use monitor::{MinDelta, Monitor};
pub use named::Named;
pub use param_scheduler::ParamScheduler;
pub use progress::ProgressBar;
pub use reduce_lr_on_plateau::{LrReduction, ReduceLrOnPlateau};
pub use save_best::{SaveBest, SaveWhen};
pub use terminate_on_nan::TerminateOnNan;
