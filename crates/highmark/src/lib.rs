//! highmark
mod data;
mod engine;
mod error;
mod seed;

pub use data::{
    Batch, ColumnKind, ColumnSummary, CsvOptions, DataConfig, Dataset, Drift, FillStrategy, Level, Loader,
    NamedData, Order, Pipeline, Proc, Split, Table, TabularData, Targets, Task, TaskKind, Unseen,
    cont_cat_split, read_csv, read_csv_from, read_parquet, write_csv, write_parquet,
};
pub use engine::{ParamKind, Parameter, Params};
pub use error::{Error, ErrorKind, Result};
pub use seed::{Random, Stream};
