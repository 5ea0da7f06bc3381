//! What was typed. What it means is decided in [`crate::config`].

mod data;
mod hint;
mod training;

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};

pub(crate) use data::{ColumnArgs, CsvArgs, DataArgs};
pub(crate) use hint::comma_hint;
pub(crate) use training::{CheckpointArgs, DeadlineArgs, FitArgs, ModelArgs, StepArgs, StopArgs};

/// Train tabular neural networks, stop when training no longer pays, and keep the best model seen.
#[derive(Debug, Parser)]
#[command(name = "highmark", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  highmark train adult                              train on the built-in census data
  highmark show houses.csv --target price           what is in a file
  highmark train houses.csv --target price          train on it; the run goes to runs/houses-1
  highmark predict runs/houses-1 new.csv --keep id -o out.csv
  gunzip -c new.csv.gz | highmark predict runs/houses-1 - > out.csv
  highmark resume runs/houses-1                     go on with a run that was killed
  highmark train runs/houses-1/config.toml          repeat the run

Exit codes: 0 done; 1 failed, also for arguments that do not fit the data; 2 arguments or settings that are wrong by
themselves; 75 interrupted (go on with highmark resume).";

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of them in a process")]
pub(crate) enum Command {
    Train(TrainArgs),
    Resume(ResumeArgs),
    LrFind(LrFindArgs),
    Validate(ValidateArgs),
    Predict(PredictArgs),
    Inspect(InspectArgs),
    Show(ShowArgs),
}

const TRAIN_HELP: &str = "\
Examples:
  highmark train adult
  highmark train adult --no-early-stopping --no-save-best
  highmark train adult --min-delta 0.01 --patience 3
  highmark train houses.csv --target price --y-range 0,1000000 --lr 0.003 --epochs 20
  highmark train tags.csv --target red,green,blue --task multi-label --metrics accuracy,f1
  highmark train experiment.toml --seed 7

A TOML file holds the data and any of the long options as keys, lists as lists:
  data = \"houses.csv\"
  target = \"price\"
  layers = [200, 100]
  schedule = { name = \"one-cycle\", pct_start = 0.3 }
Options on the command line override it. The config.toml of every run is such a file.

The run folder: config.toml, history.csv, events.jsonl, report.json, best.safetensors, checkpoint.safetensors.";

const RESUME_HELP: &str = "\
The result is the same, to the bit, as if the run had never been left. Files that are missing or damaged are written again
from the checkpoint. A run that has ended is shown, or extended:
  highmark resume runs/houses-1 --epochs 30
goes on from the last epoch at the schedule of 30 epochs.";

/// Train a model: on built-in data, a CSV or Parquet file, or as an experiment.toml says
#[derive(Debug, Group)]
#[command(after_help = TRAIN_HELP, allow_negative_numbers = true)]
pub(crate) struct TrainArgs {
    /// A CSV or Parquet file, - for CSV from standard input, a TOML file with an experiment, or built-in data: adult,
    /// adult-train, adult-test
    pub(crate) data: String,
    #[command(flatten)]
    pub(crate) columns: DataArgs,
    #[command(flatten)]
    pub(crate) csv: CsvArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) step: StepArgs,
    #[command(flatten)]
    pub(crate) fit: FitArgs,
    #[command(flatten)]
    pub(crate) stop: StopArgs,
    /// The run folder [default: runs/NAME-N, with the first free number]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the run that the folder holds
    #[arg(long, help_heading = "Run")]
    pub(crate) overwrite: bool,
    /// auto goes on with the run in --out if there is one of the same settings, and else begins it, so that the same
    /// command can be given again after every crash
    #[arg(
        long,
        value_name = "auto|never",
        default_value = "never",
        hide_default_value = true,
        help_heading = "Run",
        conflicts_with = "overwrite"
    )]
    pub(crate) resume: ResumeWhen,
    #[command(flatten)]
    pub(crate) checkpoint: CheckpointArgs,
    /// Follow the plans of the run in this folder, which had a limit of time, in place of the clock: the same bits
    #[arg(long, value_name = "RUN", help_heading = "Run")]
    pub(crate) replay: Option<PathBuf>,
    /// What an hour of this machine costs; the report then tells the money spent and saved
    #[arg(long, value_name = "USD", help_heading = "Run")]
    pub(crate) usd_per_hour: Option<f64>,
    /// Print errors only
    #[arg(long, help_heading = "Run")]
    pub(crate) quiet: bool,
    /// Print the report as JSON on standard output; all other lines go to standard error
    #[arg(long, help_heading = "Run")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) deadline: DeadlineArgs,
}

/// Go on with a run that was killed or interrupted, or train one that has ended for more epochs
#[derive(Debug, Group)]
#[command(after_help = RESUME_HELP)]
pub(crate) struct ResumeArgs {
    /// The run folder
    pub(crate) run: PathBuf,
    /// Epochs in all; more than planned if the run has ended [default: as planned]
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<usize>,
    /// Time at most, that of the run so far included [default: as the run]
    #[arg(long, value_name = "TIME")]
    pub(crate) max_time: Option<String>,
    /// Money at most, likewise; goes with --usd-per-hour
    #[arg(long, value_name = "USD")]
    pub(crate) max_usd: Option<f64>,
    /// What an hour of this machine costs [default: as the run]
    #[arg(long, value_name = "USD")]
    pub(crate) usd_per_hour: Option<f64>,
    /// Threads to compute on; any number gives the same model [default: as the run]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Print errors only
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print the report as JSON on standard output; all other lines go to standard error
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) deadline: DeadlineArgs,
}

/// Whether `train` goes on with a run that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResumeWhen {
    Auto,
    Never,
}

/// Find a learning rate: train with a growing rate and see where the loss falls and where it diverges
#[derive(Debug, Group)]
#[command(allow_negative_numbers = true)]
pub(crate) struct LrFindArgs {
    /// A CSV or Parquet file, - for CSV from standard input, a TOML file with an experiment, or built-in data: adult,
    /// adult-train, adult-test
    pub(crate) data: String,
    /// The picture of the curve; one that lr-find has drawn before is replaced
    #[arg(long, value_name = "FILE.svg", default_value = "lr-find.svg")]
    pub(crate) plot: PathBuf,
    /// Replace the file of --plot whatever it is, if it exists
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Print errors only
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print the suggestions as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) columns: DataArgs,
    #[command(flatten)]
    pub(crate) csv: CsvArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) step: StepArgs,
    #[command(flatten)]
    pub(crate) deadline: DeadlineArgs,
}

/// Loss and metrics of a run's model: on its own validation rows, or on all rows of other data
#[derive(Debug, Group)]
pub(crate) struct ValidateArgs {
    /// A run folder; with DATA also a model file
    pub(crate) run: PathBuf,
    /// A CSV or Parquet file with the target, - for CSV from standard input, or built-in data: adult, adult-train, adult-test
    pub(crate) data: Option<String>,
    /// The metrics [default: those of the run]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) metrics: Option<Vec<String>>,
    /// Leave out rows whose target is missing, which else are an error
    #[arg(long)]
    pub(crate) drop_missing_target: bool,
    /// Threads to compute on [default: one a core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) csv: CsvArgs,
    #[command(flatten)]
    pub(crate) deadline: DeadlineArgs,
}

/// Predict every row of a file: a column named prediction, and a probability for each class
#[derive(Debug, Group)]
pub(crate) struct PredictArgs {
    /// A run folder or a model file
    pub(crate) run: PathBuf,
    /// A CSV or Parquet file, - for CSV from standard input, or built-in data: adult, adult-train, adult-test; it needs no
    /// target
    pub(crate) data: String,
    /// Where the predictions go, as CSV or (.parquet) Parquet; - for CSV to standard output, which is the default
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Columns of the data to put in front of the predictions, such as identifiers; with values as they are read, so that 007
    /// is 7
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) keep: Vec<String>,
    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Threads to compute on [default: one a core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) csv: CsvArgs,
    #[command(flatten)]
    pub(crate) deadline: DeadlineArgs,
}

/// Describe a model: what it predicts from what, its layers, where it comes from
#[derive(Debug, Group)]
pub(crate) struct InspectArgs {
    /// A run folder or a model file
    pub(crate) run: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show what a file holds: types, missing values, distinct values, ranges, the balance of the target, and what train
/// will refuse or leave out
#[derive(Debug, Group)]
pub(crate) struct ShowArgs {
    /// A CSV or Parquet file, - for CSV from standard input, or built-in data: adult, adult-train, adult-test
    pub(crate) data: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The column or columns to predict; all values of each are counted
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", help_heading = "Data")]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) columns: ColumnArgs,
    #[command(flatten)]
    pub(crate) csv: CsvArgs,
}
