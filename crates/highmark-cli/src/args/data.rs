//! Options about the data.

use clap::Args;

/// What is predicted from what, and which rows are held back.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataArgs {
    /// The column or columns to predict [default for the Adult data: salary]
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) target: Option<Vec<String>>,
    #[command(flatten)]
    pub(crate) columns: ColumnArgs,
    /// Preparation of the columns [default: fill-missing,categorify,normalize]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) procs: Option<Vec<String>>,
    /// Validate on this range of rows, counted from 0, the end not included [default for adult: 1024..1260]
    #[arg(long, value_name = "A..B", group = "valid", allow_hyphen_values = true)]
    pub(crate) valid_rows: Option<String>,
    /// Validate on this share of the rows, drawn by the seed [default: 0.2]
    #[arg(long, value_name = "SHARE", group = "valid", allow_negative_numbers = true)]
    pub(crate) valid_frac: Option<f64>,
    /// Validate on this file (or built-in data); train on all rows of the other
    #[arg(long, value_name = "FILE", group = "valid")]
    pub(crate) valid_file: Option<String>,
    /// Draw the same share of every class [default for classification: yes]
    #[arg(long, conflicts_with_all = ["valid_rows", "valid_file"], overrides_with = "no_stratify")]
    pub(crate) stratify: bool,
    /// Draw regardless of the class
    #[arg(long, overrides_with = "stratify")]
    pub(crate) no_stratify: bool,
    /// Leave out rows whose target is missing, which else are an error; --valid-rows counts them all the same
    #[arg(long)]
    pub(crate) drop_missing_target: bool,
}

/// What the columns are taken for.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct ColumnArgs {
    /// classification, regression or multi-label [default: inferred from the target]
    #[arg(long, value_name = "KIND")]
    pub(crate) task: Option<String>,
    /// Categorical columns, all of them [default: inferred, without those in which nearly every row has a text of its own]
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) cat: Option<Vec<String>>,
    /// Columns that are categories beside those that are inferred, such as integers that stand for something
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", conflicts_with = "cat")]
    pub(crate) also_cat: Option<Vec<String>>,
    /// Continuous columns, all of them [default: inferred]
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) cont: Option<Vec<String>>,
    /// Columns not to use
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) ignore: Option<Vec<String>>,
    /// Integer columns with more distinct values are continuous; in CSV so are those in which values are missing [default: 20]
    #[arg(long, value_name = "N")]
    pub(crate) max_card: Option<usize>,
}

/// How CSV files are written.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "CSV")]
pub(crate) struct CsvArgs {
    /// The character between two values [default: a comma; a tab for .tsv]
    #[arg(long, value_name = "CHARACTER", allow_hyphen_values = true)]
    pub(crate) delimiter: Option<String>,
    /// The character before the decimals of a number [default: a point]
    #[arg(long, value_name = "CHARACTER", allow_hyphen_values = true)]
    pub(crate) decimal: Option<String>,
    #[arg(long, help = "The first line is data; columns are called column_1, column_2...")]
    pub(crate) no_header: bool,
    /// More spellings of a missing value, besides NA, NaN, null and the like
    #[arg(long, value_delimiter = ',', value_name = "TEXTS", allow_hyphen_values = true)]
    pub(crate) missing: Option<Vec<String>>,
}
