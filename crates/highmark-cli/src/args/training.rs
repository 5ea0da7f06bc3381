//! Options about the model and its training.

use clap::Args;

/// The model.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Model")]
pub(crate) struct ModelArgs {
    /// Outputs of the hidden layers [default: 200,100]
    #[arg(long, value_delimiter = ',', value_name = "SIZES")]
    pub(crate) layers: Option<Vec<usize>>,
    /// Dropout after the hidden layers: one number, or one for each [default: 0]
    #[arg(long, value_delimiter = ',', value_name = "P")]
    pub(crate) dropout: Option<Vec<f64>>,
    /// Dropout of the embeddings [default: 0]
    #[arg(long, value_name = "P")]
    pub(crate) embed_dropout: Option<f64>,
    /// relu, leaky-relu, elu, gelu, silu, mish, tanh or sigmoid [default: relu]
    #[arg(long, value_name = "NAME")]
    pub(crate) activation: Option<String>,
    /// Squeeze the predictions of a regression into this range [default: none]
    #[arg(long, value_delimiter = ',', value_name = "LO,HI", allow_hyphen_values = true)]
    pub(crate) y_range: Option<Vec<f64>>,
    /// Do not give the predictions of a regression the mean and spread of the target to start from
    #[arg(long)]
    pub(crate) no_scale_target: bool,
}

/// How a step is made, and what decides the random numbers.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Training")]
pub(crate) struct StepArgs {
    /// Rows a batch [default: 64, or all training rows if they are fewer]
    #[arg(long, value_name = "N")]
    pub(crate) bs: Option<usize>,
    /// adam, sgd, rmsprop or radam [default: adam]
    #[arg(long, value_name = "NAME")]
    pub(crate) optimizer: Option<String>,
    /// Weight decay [default: the optimizer's; adam 0.01]
    #[arg(long, value_name = "X")]
    pub(crate) wd: Option<f64>,
    /// cross-entropy, focal, bce, mse, l1 or huber [default: by the task]; settings of a loss, such as the threshold from which
    /// bce predicts a label, are given in a TOML file: loss = { name = "bce", threshold = 0.3 }
    #[arg(long, value_name = "NAME")]
    pub(crate) loss: Option<String>,
    /// Share of the target that cross-entropy spreads over all classes [default: 0]
    #[arg(long, value_name = "X")]
    pub(crate) label_smoothing: Option<f64>,
    /// What the rows of each class count in the loss, the validation loss included: a number for each, in the order of the
    /// classes, or balanced, by which all classes count the same [default: all 1]
    #[arg(long, value_delimiter = ',', value_name = "WEIGHTS", allow_hyphen_values = true)]
    pub(crate) class_weights: Option<Vec<String>>,
    /// Limit the norm of the gradients [default: none]
    #[arg(long, value_name = "NORM")]
    pub(crate) clip: Option<f64>,
    /// Batches whose gradients make one step [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) accumulate: Option<usize>,
    /// At a loss or gradient that is NaN or infinite: stop, skip the step, or rollback to an earlier state and go on at a
    /// lower rate [default: stop]
    #[arg(long, value_name = "POLICY")]
    pub(crate) non_finite: Option<String>,
    /// Decides the split, initial weights, order of rows and dropout; the same seed gives the same model [default: 42]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Threads to compute on; any number gives the same model [default: one a core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
}

/// How long and how fast.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Training")]
pub(crate) struct FitArgs {
    /// Epochs at most [default: 10, of a small table as many as make 1000 batches but no more than 100; or as many as fit into
    /// --max-time or --max-usd]
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<usize>,
    /// Time at most, from the start of the command to its end and across resumes, such as 90s, 45m, 1h 30m; the schedule is
    /// planned to complete in it
    #[arg(long, value_name = "TIME")]
    pub(crate) max_time: Option<String>,
    /// Money at most; goes with --usd-per-hour
    #[arg(long, value_name = "USD")]
    pub(crate) max_usd: Option<f64>,
    /// Learning rate, the highest of the schedule [default: 0.001]
    #[arg(long, value_name = "X")]
    pub(crate) lr: Option<f64>,
    /// one-cycle, flat, flat-cos, cosine or cosine-restarts [default: one-cycle]
    #[arg(long, value_name = "NAME")]
    pub(crate) schedule: Option<String>,
    // In words of its own, because a comment would have to put the underscore into backticks.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "NAMES",
        help = "Shown each epoch; such as accuracy, f1, roc_auc, rmse, r2 [default: accuracy; rmse for a regression]"
    )]
    pub(crate) metrics: Option<Vec<String>>,
}

/// When to stop, and what to keep. Both are on by default.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Early stopping and the best model")]
pub(crate) struct StopArgs {
    #[arg(
        long,
        value_name = "NAME",
        help = "The column that decides: a metric, train_loss or valid_loss [default: the first metric; valid_loss for a \
                regression, and instead of accuracy where one class has more than 95% of the rows]"
    )]
    pub(crate) monitor: Option<String>,
    #[arg(
        long,
        value_name = "N",
        help = "Epochs without improvement after which training stops [default: as the run is long: 3, or a tenth of its epochs, or \
                500 batches, whichever is most, and none of them while the learning rate still rises]"
    )]
    pub(crate) patience: Option<usize>,
    /// Stopping counts improvements of more than this only [default: 0]
    #[arg(long, value_name = "X")]
    pub(crate) min_delta: Option<f64>,
    /// Stop early (the default; to override a TOML file)
    #[arg(long, overrides_with = "no_early_stopping")]
    pub(crate) early_stopping: bool,
    /// Run all epochs
    #[arg(long, overrides_with = "early_stopping")]
    pub(crate) no_early_stopping: bool,
    /// Keep the best model (the default; to override a TOML file)
    #[arg(long, overrides_with = "no_save_best")]
    pub(crate) save_best: bool,
    /// Keep the last model instead of the best one
    #[arg(long, overrides_with = "save_best")]
    pub(crate) no_save_best: bool,
}

/// When the run saves everything that it takes to go on after a crash. 0 is never.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct CheckpointArgs {
    /// Save a checkpoint after this many epochs [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) checkpoint_epochs: Option<usize>,
    /// And after this many seconds, within an epoch too [default: 60]
    #[arg(long, value_name = "S")]
    pub(crate) checkpoint_seconds: Option<f64>,
    /// And after this many training batches [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) checkpoint_steps: Option<usize>,
    /// Save none, so that the run can be neither resumed nor extended
    #[arg(long)]
    pub(crate) no_checkpoint: bool,
}

/// When the work has to end.
#[derive(Debug, Default, Args)]
pub(crate) struct DeadlineArgs {
    /// End at this local time, such as 18:00, as after SIGINT, SIGTERM or SIGUSR1: between two batches, with a checkpoint and
    /// exit code 75. The end of a Slurm job is such a time by itself
    #[arg(long, value_name = "TIME", help_heading = "Run")]
    pub(crate) deadline: Option<String>,
}
