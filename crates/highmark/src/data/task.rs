//! What is to be predicted.

use std::fmt;
use std::str::FromStr;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use super::Table;
use super::factors::{Factors, MISSING};
use super::level::{Level, Vocabulary, quoted};
use super::numbers::{numbers, refuse_words};
use super::origin::Origin;
use crate::plural::plural;
use crate::{Error, ErrorKind, Result};

/// The kind of a task, for those who want to say it instead of having it inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// One of several classes a row.
    Classification,
    /// One number or more a row.
    Regression,
    /// Several yes-or-no answers a row.
    MultiLabel,
}

impl TaskKind {
    /// The kind of task that these target columns of `table` stand for: text and truth values are classes (several
    /// columns of truth values are labels), numbers are to be regressed. Unlike in fastai, columns of numbers
    /// that are only 0 and 1, integers or floats, are like truth values.
    pub fn infer(table: &Table, targets: &[String]) -> Result<Self> {
        infer_kind(table, targets)
    }
}

impl FromStr for TaskKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "classification" => Ok(Self::Classification),
            "regression" => Ok(Self::Regression),
            "multi-label" | "multilabel" => Ok(Self::MultiLabel),
            _ => Err(Error::unknown("task", text, ["classification", "regression", "multi-label"])),
        }
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::MultiLabel => "multi-label",
        })
    }
}

/// What is to be predicted, with the names it goes by.
///
/// ```
/// use highmark::{Level, Task, TaskKind};
/// let classes = vec![Level::Text("no".into()), Level::Text("yes".into())];
/// let task = Task::Classification { column: "answer".into(), classes };
/// assert_eq!((task.kind(), task.outputs()), (TaskKind::Classification, 2));
/// assert_eq!(task.class_names(), ["no", "yes"]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Task {
    /// One of `classes` a row.
    Classification {
        /// The target column.
        column: String,
        /// The classes; a class's number is its position. They are sorted, unless the column or the user says their order.
        classes: Vec<Level>,
    },
    /// A number a row for each column.
    Regression {
        /// The target columns.
        columns: Vec<String>,
    },
    /// Yes or no a row for each column.
    MultiLabel {
        /// The target columns, which hold 0 and 1 or truth values.
        columns: Vec<String>,
        /// What their labels are called; nothing where they are called as the columns.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        labels: Vec<String>,
    },
}

impl Task {
    /// How many numbers a model puts out for a row: one a class, or one a column.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classification { classes, .. } => classes.len(),
            Self::Regression { columns } | Self::MultiLabel { columns, .. } => columns.len(),
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Classification { .. } => TaskKind::Classification,
            Self::Regression { .. } => TaskKind::Regression,
            Self::MultiLabel { .. } => TaskKind::MultiLabel,
        }
    }

    /// The names of the target columns.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Classification { column, .. } => vec![column],
            Self::Regression { columns } | Self::MultiLabel { columns, .. } => {
                columns.iter().map(String::as_str).collect()
            }
        }
    }

    /// The names of the classes, in the order of their numbers; for multi-label those of the labels; for regression none.
    pub fn class_names(&self) -> Vec<String> {
        match self {
            Self::Classification { classes, .. } => classes.iter().map(Level::to_string).collect(),
            Self::MultiLabel { columns, labels } if labels.is_empty() => columns.clone(),
            Self::MultiLabel { labels, .. } => labels.clone(),
            Self::Regression { .. } => Vec::new(),
        }
    }
}

/// The kind of task that the target columns stand for: text and truth values are classes (several columns of
/// truth values are labels), numbers are to be regressed. Unlike in fastai, columns of numbers that are only
/// 0 and 1, integers or floats, are like truth values.
pub(crate) fn infer_kind(table: &Table, targets: &[String]) -> Result<TaskKind> {
    let (one, mut numeric, mut labels) = (targets.len() == 1, true, true);
    for name in targets {
        let array = table.column(name)?;
        numeric &= array.data_type().is_numeric();
        labels = labels && (*array.data_type() == DataType::Boolean || zeros_and_ones(name, array, one)?);
    }
    match (one, numeric, labels) {
        (true, _, true) | (true, false, _) => Ok(TaskKind::Classification),
        (false, _, true) => Ok(TaskKind::MultiLabel),
        (_, true, false) => Ok(TaskKind::Regression),
        (false, false, false) => {
            let message = "several targets must all be numbers (regression) or all be 0 and 1 (multi-label)";
            Err(Error::config("targets", format!("{message}; there are: {}", targets.join(", "))))
        }
    }
}

/// Whether a column is of numbers that are 0 and 1. `one` says that it is the only target.
fn zeros_and_ones(name: &str, array: &ArrayRef, one: bool) -> Result<bool> {
    if !array.data_type().is_numeric() {
        return Ok(false);
    }
    let levels = |rows: usize| Ok::<_, Error>(Factors::of(name, &array.slice(0, rows))?.levels);
    let known = |level: &Level| level.matches(&Level::Int(0)) || level.matches(&Level::Int(1));
    // The first rows tell it of most columns.
    if !levels(array.len().min(1000))?.iter().all(known) {
        return Ok(false);
    }
    let levels = levels(array.len())?;
    // Floats that are all the same may as well be a quantity.
    let least = if array.data_type().is_floating() && one { 2 } else { 1 };
    Ok(levels.len() >= least && levels.iter().all(known))
}

/// The task of this kind with these targets. The classes are `classes`, or those of the training rows.
pub(crate) fn fit_task(
    table: &Table,
    targets: &[String],
    kind: TaskKind,
    train: &[u32],
    classes: Option<&[Level]>,
) -> Result<Task> {
    let mut factors = Vec::new();
    for name in targets {
        let array = table.column(name)?;
        // Many numbers take long to be taken apart.
        if kind == TaskKind::Regression && is_complete(array) {
            continue;
        }
        let column = Factors::of(name, array)?;
        refuse_missing(name, &column, table.origin())?;
        factors.push(column);
    }
    match kind {
        TaskKind::Regression => {
            if classes.is_some() {
                return Err(Error::config("classes", "a regression has none"));
            }
            for name in targets {
                let array = table.column(name)?;
                let advice = "a regression predicts numbers; make it a classification";
                refuse_words(name, array, table.origin(), advice)?;
                numbers(name, array, table.origin())?;
            }
            Ok(Task::Regression { columns: targets.to_vec() })
        }
        TaskKind::MultiLabel => {
            for (name, factors) in targets.iter().zip(&factors) {
                let binary = |level: &&Level| level.matches(&Level::Int(0)) || level.matches(&Level::Int(1));
                if let Some(other) = factors.levels.iter().find(|level| !binary(level)) {
                    let message = format!(
                        "a multi-label target holds 0 and 1 (or truth values), but here is `{other}`"
                    );
                    return Err(Error::column(name, message));
                }
            }
            let labels: Vec<String> = classes.unwrap_or_default().iter().map(Level::to_string).collect();
            if classes.is_some() && labels.len() != targets.len() {
                let message =
                    format!("{} for {}", plural(labels.len(), "name"), plural(targets.len(), "label"));
                return Err(Error::config("classes", message));
            }
            Ok(Task::MultiLabel { columns: targets.to_vec(), labels })
        }
        TaskKind::Classification => {
            let ([name], [factors]) = (targets, factors.as_slice()) else {
                let message = format!(
                    "classification has one target, but there are {}; for several columns of 0 and 1 use multi-label",
                    targets.len()
                );
                return Err(Error::config("targets", message));
            };
            let used = factors.sorted_levels(train);
            if let [only] = used.as_slice() {
                let message = format!("all training rows have the class `{only}`; there is nothing to learn");
                return Err(Error::column(name, message));
            }
            let classes = match (classes, table.categories(name)?) {
                (Some(classes), _) => checked_classes(name, classes, factors)?,
                (None, Some(mut own)) => {
                    own.retain(|level| used.binary_search_by(|other| other.order(level)).is_ok());
                    own
                }
                (None, None) => used,
            };
            Ok(Task::Classification { column: name.clone(), classes })
        }
    }
}

/// Whether a column is of numbers of which none is missing.
fn is_complete(array: &ArrayRef) -> bool {
    let nan = |floats: &Float64Array| floats.values().iter().any(|value| value.is_nan());
    let floats = array.as_primitive_opt::<Float64Type>();
    array.null_count() == 0 && floats.map_or(array.data_type().is_integer(), |floats| !nan(floats))
}

/// The classes as they were given. Fails where one is given twice, and where a row has another one.
fn checked_classes(name: &str, classes: &[Level], factors: &Factors) -> Result<Vec<Level>> {
    if let Some(twice) = (1..classes.len()).find(|i| classes[..*i].contains(&classes[*i])) {
        return Err(Error::config("classes", format!("`{}` is given twice", classes[twice])));
    }
    let vocabulary = Vocabulary::new(classes);
    if let Some(other) = factors.levels.iter().find(|level| vocabulary.find(level).is_none()) {
        let known = classes.iter().map(Level::to_string).collect::<Vec<_>>().join(", ");
        let message =
            format!("{} is not among the classes that were given: {known}", quoted(&other.to_string()));
        return Err(Error::column(name, message));
    }
    Ok(classes.to_vec())
}

/// A row without its target cannot be trained on or measured.
pub(crate) fn refuse_missing(name: &str, factors: &Factors, origin: &Origin) -> Result<()> {
    let Some(row) = factors.codes.iter().position(|code| *code == MISSING) else { return Ok(()) };
    match factors.codes.iter().filter(|code| **code == MISSING).count() {
        missing if missing == factors.codes.len() => {
            Err(Error::column(name, "all values of the target are missing"))
        }
        missing => {
            let (column, rows, first) = (name.into(), factors.codes.len(), origin.row(row));
            Err(ErrorKind::MissingTarget { column, missing, rows, first }.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data::{CsvOptions, read_csv_from};

    fn table(text: &str) -> Table {
        read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default()).unwrap()
    }

    #[test]
    fn kinds_are_inferred() {
        let table = table(
            "t,b,bb,zero_one,one_zero,int,float,share\nx,True,False,0,1,3,0.0,0.0\ny,False,True,1,0,4,1.0,0.5\n",
        );
        for (targets, kind) in [
            (vec!["t"], TaskKind::Classification),
            (vec!["b"], TaskKind::Classification),
            (vec!["zero_one"], TaskKind::Classification),
            (vec!["int"], TaskKind::Regression),
            (vec!["float"], TaskKind::Classification),
            (vec!["share"], TaskKind::Regression),
            (vec!["zero_one", "float"], TaskKind::MultiLabel),
            (vec!["zero_one", "share"], TaskKind::Regression),
            (vec!["b", "bb"], TaskKind::MultiLabel),
            (vec!["zero_one", "one_zero"], TaskKind::MultiLabel),
        ] {
            let targets: Vec<String> = targets.into_iter().map(String::from).collect();
            assert_eq!(infer_kind(&table, &targets).unwrap(), kind, "{targets:?}");
        }
        assert!(infer_kind(&table, &["t".into(), "int".into()]).is_err());
    }

    #[test]
    fn classes_are_those_of_the_training_rows() {
        let table = table("y\n3\n1\n2\n3\n");
        let task = fit_task(&table, &["y".into()], TaskKind::Classification, &[0, 1], None).unwrap();
        assert_eq!(task.class_names(), ["1", "3"]);
    }

    #[test]
    fn classes_that_are_given() {
        let table = table("y,a,b\nlow,0,1\nhigh,1,0\nlow,1,1\n");
        let fit = |targets: &[&str], kind, classes: &[&str]| {
            let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
            let classes: Vec<Level> = classes.iter().map(|class| Level::Text(class.to_string())).collect();
            fit_task(&table, &targets, kind, &[0, 1, 2], Some(&classes)).map_err(|error| error.to_string())
        };
        let task = fit(&["y"], TaskKind::Classification, &["low", "mid", "high"]).unwrap();
        assert_eq!((task.class_names().join(" "), task.outputs()), ("low mid high".into(), 3));
        let error = fit(&["y"], TaskKind::Classification, &["low", "mid"]).unwrap_err();
        assert_eq!(error, "column `y`: `high` is not among the classes that were given: low, mid");
        let error = fit(&["y"], TaskKind::Classification, &["low", "high", "low"]).unwrap_err();
        assert_eq!(error, "classes: `low` is given twice");
        let labels = fit(&["a", "b"], TaskKind::MultiLabel, &["A", "B"]).unwrap();
        assert_eq!((labels.class_names(), labels.columns()), (vec!["A".into(), "B".into()], vec!["a", "b"]));
        let saved = serde_json::to_string(&labels).unwrap();
        assert_eq!(serde_json::from_str::<Task>(&saved).unwrap(), labels);
        let old = serde_json::from_str::<Task>(r#"{"kind":"multi-label","columns":["a"]}"#).unwrap();
        assert_eq!(old.class_names(), ["a"]);
        assert!(fit(&["a", "b"], TaskKind::MultiLabel, &["A"]).unwrap_err().contains("1 name for 2 labels"));
    }

    #[test]
    fn unusable_targets() {
        let error = |text: &str, kind, rows: &[u32]| {
            fit_task(&table(text), &["y".into()], kind, rows, None).unwrap_err().to_string()
        };
        let missing = error("y,z\na,1\n,1\n,1\n", TaskKind::Classification, &[0]);
        assert!(missing.contains("missing in 2 of 3 rows, first in line 3 of"), "{missing}");
        assert!(
            error("y\na\nb\n", TaskKind::Classification, &[0]).contains("`a`; there is nothing to learn")
        );
        assert!(error("y\n1\n2\n", TaskKind::MultiLabel, &[0]).contains("`2`"));
        assert!(
            error("y\na\nb\n", TaskKind::Regression, &[0]).contains("`a` in line 2 of x.csv, and no numbers")
        );
        assert!(error("y\n1\ninf\n", TaskKind::Regression, &[0]).contains("inf in line 3 of"));
    }
}
