//! From raw rows to predictions.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray};

use super::model_file::{self, ModelDescription};
use super::stop_flag::StopFlag;
use crate::Result;
use crate::data::{Dataset, Drift, Loader, Order, Pipeline, Table, Task};
use crate::losses::{Activation, Loss, check_lengths};
use crate::metrics::{Metric, Predictions};
use crate::models::{Model, TabularModel};
use crate::nn::Mode;

/// Rows that go through the model at a time.
const ROWS: usize = 1024;

/// Predictions of some rows, activated: probabilities for classes and labels, values for a regression.
///
/// ```
/// use highmark::Predicted;
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// let (predicted, _): (Predicted, _) = learn.predict(&table)?;
/// assert_eq!((predicted.rows(), predicted.outputs), (500, 2));
/// // Probabilities of the two classes of the first row.
/// assert!((predicted.values[0] + predicted.values[1] - 1.0).abs() < 1e-6);
/// let most_probable = predicted.classes().map(|classes| classes[0]);
/// assert_eq!(most_probable == Some(1), predicted.values[1] > predicted.values[0]);
/// let table = predicted.to_table()?;
/// assert_eq!(table.names().collect::<Vec<_>>(), ["prediction", "probability_<50k", "probability_>=50k"]);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// rows × outputs, row by row.
    pub values: Vec<f32>,
    /// Numbers a row.
    pub outputs: usize,
    /// What they are of.
    pub task: Task,
    /// Above which probability a label, or the second of two classes with one output, is predicted: [`Loss::threshold`].
    pub threshold: f32,
}

impl Predicted {
    /// Rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.outputs.max(1)
    }

    /// The most probable class of each row; `None` unless it is a classification.
    pub fn classes(&self) -> Option<Vec<usize>> {
        if !matches!(self.task, Task::Classification { .. }) {
            return None;
        }
        let best = |row: &[f32]| (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
        let rows = self.values.chunks_exact(self.outputs.max(1));
        // One output is the probability of the second class.
        Some(
            rows.map(|row| if let [p] = row { usize::from(*p > self.threshold) } else { best(row) })
                .collect(),
        )
    }

    /// As a table: `prediction` and `probability_<class>` for each class; `prediction_<label>` and
    /// `probability_<label>` for labels; `prediction`, or `prediction_<column>` for several, for a regression.
    pub fn to_table(&self) -> Result<Table> {
        // Through the shortest decimal, so that a file shows 0.1 and not 0.10000000149.
        let shortest = |x: f32| x.to_string().parse::<f64>().unwrap_or(f64::NAN);
        let column = |i: usize| -> ArrayRef {
            let values = self.values.iter().skip(i).step_by(self.outputs.max(1));
            Arc::new(values.map(|x| shortest(*x)).collect::<Float64Array>())
        };
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        match &self.task {
            Task::Classification { .. } => {
                let names = self.task.class_names();
                let best = self.classes().into_iter().flatten().map(|c| names.get(c).map(String::as_str));
                columns.push(("prediction".into(), Arc::new(best.collect::<StringArray>())));
                if self.outputs == 1 {
                    let positive = column(0);
                    let values = self.values.iter().map(|x| shortest(1.0 - x));
                    columns.push((
                        format!("probability_{}", names[0]),
                        Arc::new(values.collect::<Float64Array>()),
                    ));
                    columns.push((format!("probability_{}", names[1]), positive));
                } else {
                    columns.extend(
                        names.iter().enumerate().map(|(i, name)| (format!("probability_{name}"), column(i))),
                    );
                }
            }
            Task::MultiLabel { .. } => {
                let labels = self.task.class_names();
                for (i, label) in labels.iter().enumerate() {
                    let values = self.values.iter().skip(i).step_by(self.outputs.max(1));
                    let decided: arrow_array::Int64Array =
                        values.map(|p| i64::from(*p > self.threshold)).collect();
                    columns.push((format!("prediction_{label}"), Arc::new(decided)));
                }
                columns.extend(
                    labels.iter().enumerate().map(|(i, label)| (format!("probability_{label}"), column(i))),
                );
            }
            Task::Regression { columns: names } => {
                let name = |i: usize| {
                    if names.len() == 1 { "prediction".into() } else { format!("prediction_{}", names[i]) }
                };
                columns.extend((0..self.outputs).map(|i| (name(i), column(i))));
            }
        }
        Table::new(columns)
    }
}

/// A model from a file: raw rows in, predictions out. It needs nothing else.
///
/// ```no_run
/// use highmark::{SavedModel, Table};
/// let mut model = SavedModel::load("runs/1/best.safetensors")?;
/// let (predicted, drift) = model.predict(&Table::read("new.csv")?)?;
/// println!("{} rows; {drift}", predicted.rows());
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Debug)]
pub struct SavedModel {
    description: ModelDescription,
    model: TabularModel,
    stop: StopFlag,
}

impl SavedModel {
    /// Reads a model file. Fails on files that are damaged or of something else.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let (description, model) = model_file::load(path.as_ref())?;
        Ok(Self { description, model, stop: StopFlag::default() })
    }

    /// Computes on `threads` threads from now on.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.model = self.model.threads(threads);
        self
    }

    /// Looks at `flag` after every batch from now on, and fails with [`crate::ErrorKind::Interrupted`] when it is up.
    #[must_use]
    pub fn stop_flag(mut self, flag: StopFlag) -> Self {
        self.stop = flag;
        self
    }

    /// What the file says about the model.
    pub fn description(&self) -> &ModelDescription {
        &self.description
    }

    /// The model itself.
    pub fn model(&self) -> &TabularModel {
        &self.model
    }

    /// The same, to be run batch by batch.
    pub fn model_mut(&mut self) -> &mut TabularModel {
        &mut self.model
    }

    /// How it prepares a table.
    pub fn pipeline(&self) -> Result<&Pipeline> {
        self.description.pipeline()
    }

    /// Predictions for every row of `table`, and what was new in it.
    pub fn predict(&mut self, table: &Table) -> Result<(Predicted, Drift)> {
        let (dataset, drift) = self.pipeline()?.apply(table)?;
        Ok((self.predict_encoded(&Arc::new(dataset))?, drift))
    }

    /// Predictions for rows that this model's pipeline has encoded.
    pub fn predict_encoded(&mut self, dataset: &Arc<Dataset>) -> Result<Predicted> {
        let task = self.pipeline()?.task().clone();
        let loss = self.description.loss.build();
        let values = predict_dataset(&mut self.model, loss.activation(), dataset, &self.stop)?;
        Ok(Predicted { values, outputs: self.model.outputs(), task, threshold: loss.threshold() })
    }
}

impl SavedModel {
    /// Mean loss over all rows of `table`, which needs the targets, and what was new in it; `metrics` hold their values
    /// afterwards.
    ///
    /// Fails for targets that are missing or unknown to the model, and for metrics that do not fit the task.
    pub fn evaluate(&mut self, table: &Table, metrics: &mut [Box<dyn Metric>]) -> Result<(f64, Drift)> {
        let (dataset, drift) = self.pipeline()?.apply_labelled(table)?;
        let loss = self.description.loss.build();
        let (outputs, activation) = (self.model.outputs(), loss.activation());
        if let Some(targets) = dataset.targets() {
            metrics.iter().try_for_each(|metric| metric.check(outputs, activation, targets))?;
        }
        metrics.iter_mut().for_each(|metric| metric.reset());
        let mut loader = Loader::new(Arc::new(dataset), ROWS, Order::Sequential, false)?;
        loader.start(0);
        let mut batch = loader.empty_batch();
        let (mut sum, mut rows, mut raw) = (0.0, 0, Vec::new());
        for position in 0..loader.batches() {
            loader.load(position, &mut batch);
            self.model.forward(&batch, Mode::Eval, &mut raw)?;
            let Some(targets) = &batch.targets else { continue };
            sum += f64::from(loss.evaluate(&raw, outputs, targets, None)?) * batch.rows as f64;
            rows += batch.rows;
            let predictions = Predictions { raw: &raw, outputs, activation };
            metrics.iter_mut().try_for_each(|metric| metric.update(&predictions, targets))?;
            interrupted(&self.stop, "validate")?;
        }
        Ok((sum / rows.max(1) as f64, drift))
    }
}

/// Half a prediction is none.
fn interrupted(stop: &StopFlag, what: &'static str) -> Result<()> {
    if stop.is_raised() { Err(crate::ErrorKind::Interrupted(what).into()) } else { Ok(()) }
}

/// Encodes `table` and predicts all of its rows.
pub(crate) fn predict_table(
    model: &mut dyn Model,
    loss: &dyn Loss,
    pipeline: &Pipeline,
    table: &Table,
    stop: &StopFlag,
) -> Result<(Predicted, Drift)> {
    let (dataset, drift) = pipeline.apply(table)?;
    let values = predict_dataset(model, loss.activation(), &Arc::new(dataset), stop)?;
    let (outputs, task, threshold) = (model.outputs(), pipeline.task().clone(), loss.threshold());
    Ok((Predicted { values, outputs, task, threshold }, drift))
}

/// Activated predictions of all rows in their order, rows × outputs.
pub(crate) fn predict_dataset(
    model: &mut dyn Model,
    activation: Activation,
    dataset: &Arc<Dataset>,
    stop: &StopFlag,
) -> Result<Vec<f32>> {
    let mut loader = Loader::new(Arc::clone(dataset), ROWS, Order::Sequential, false)?;
    loader.start(0);
    let mut batch = loader.empty_batch();
    let (mut all, mut predictions) = (Vec::with_capacity(dataset.rows() * model.outputs()), Vec::new());
    for position in 0..loader.batches() {
        loader.load(position, &mut batch);
        model.forward(&batch, Mode::Eval, &mut predictions)?;
        check_lengths(&predictions, model.outputs(), batch.rows, None)?;
        activation.apply(&mut predictions, model.outputs());
        all.extend_from_slice(&predictions);
        interrupted(stop, "predict")?;
    }
    Ok(all)
}
