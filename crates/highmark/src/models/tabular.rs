//! fastai's `TabularModel`: embeddings of the categorical columns and normalised continuous columns, through
//! blocks of linear layers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::look_ahead::LookAhead;
use super::{LayerSummary, Model};
use crate::data::{Batch, NextBatch};
use crate::engine::{Errand, Matrix, Params, Pool, all_finite, stream_copy_on, transpose_on};
use crate::nn::{
    ActivationFn, BatchNorm, ByLevel, Dropout, Embedding, Embeddings, Epilogue, Levels, Linear, Mlp, Mode,
    OutputScale, SigmoidRange, output_scale,
};
use crate::optim::{Optimizer, Table};
use crate::{Error, Result};

/// The options of [`TabularModel`]: fastai's `tabular_config` and its defaults.
///
/// ```
/// use highmark::TabularConfig;
/// let config = TabularConfig { layers: vec![200, 100], dropout: vec![0.1], ..TabularConfig::default() };
/// assert!(config.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TabularConfig {
    /// Outputs of each hidden block. Default 200, 100.
    pub layers: Vec<usize>,
    /// Embedding sizes by column name; the others follow [`embedding_size`].
    pub embedding_sizes: std::collections::BTreeMap<String, usize>,
    /// Dropout at the end of each hidden block (fastai's `ps`): one number for all, or one a block. Default none.
    pub dropout: Vec<f32>,
    /// Dropout of the embeddings (fastai's `embed_p`). Default 0.
    pub embed_dropout: f32,
    /// Squeezes the predictions into (low, high) by a sigmoid. Default none.
    pub y_range: Option<(f32, f32)>,
    /// Gives each prediction the mean and the spread of its target; see [`OutputScale`]. Default none.
    pub output_scale: Vec<OutputScale>,
    /// Batch norm in the hidden blocks (fastai's `use_bn`). Default yes.
    pub batch_norm: bool,
    /// Batch norm in the last block too. Default no.
    pub bn_final: bool,
    /// Batch norm of the continuous columns. Default yes.
    pub bn_cont: bool,
    /// The function after each hidden linear layer (fastai's `act_cls`). Default ReLU.
    pub activation: ActivationFn,
    /// Linear → activation → norm → dropout; otherwise norm → dropout → linear → activation. Default yes.
    pub linear_first: bool,
}

impl Default for TabularConfig {
    fn default() -> Self {
        Self {
            layers: vec![200, 100],
            embedding_sizes: std::collections::BTreeMap::new(),
            dropout: Vec::new(),
            embed_dropout: 0.0,
            y_range: None,
            output_scale: Vec::new(),
            batch_norm: true,
            bn_final: false,
            bn_cont: true,
            activation: ActivationFn::Relu,
            linear_first: true,
        }
    }
}

impl TabularConfig {
    /// Fails on a setting out of its range.
    pub fn check(&self) -> Result<()> {
        if self.layers.contains(&0) {
            return Err(Error::config("layers", "a layer needs at least one output"));
        }
        if !matches!(self.dropout.len(), 0 | 1) && self.dropout.len() != self.layers.len() {
            let message =
                format!("give one number, or one for each of the {} hidden layers", self.layers.len());
            return Err(Error::config("dropout", message));
        }
        for (name, p) in
            self.dropout.iter().map(|p| ("dropout", p)).chain([("embed-dropout", &self.embed_dropout)])
        {
            if !(0.0..1.0).contains(p) {
                return Err(Error::config(name, format!("{p} is not in 0..1")));
            }
        }
        if let Some((size, name)) =
            self.embedding_sizes.iter().map(|(n, s)| (s, n)).find(|(size, _)| **size == 0)
        {
            return Err(Error::config("embedding sizes", format!("`{name}` cannot have size {size}")));
        }
        let usable = |scale: &OutputScale| scale.mean.is_finite() && scale.std.is_finite() && scale.std > 0.0;
        if !self.output_scale.iter().all(usable) {
            return Err(Error::config("output scale", "means must be numbers, and deviations above 0"));
        }
        if !self.output_scale.is_empty() && self.y_range.is_some() {
            return Err(Error::config("output scale", "it does not go together with a y-range"));
        }
        match self.y_range {
            Some((low, high)) if !(low < high && low.is_finite() && high.is_finite()) => {
                Err(Error::config("y-range", format!("{low} is not below {high}")))
            }
            _ => Ok(()),
        }
    }
}

/// fastai's rule for the size of an embedding of `levels` levels (missing among them): min(600, round(1.6 · levels^0.56)).
pub fn embedding_size(levels: usize) -> usize {
    ((1.6 * (levels as f64).powf(0.56)).round_ties_even() as usize).min(600)
}

/// fastai's tabular model.
///
/// Parameters have fastai's names and order: `embeds.0.weight`, `bn_cont.weight`, `layers.0.0.weight`…
///
/// ```
/// use highmark::{Model, TabularConfig, TabularModel};
/// // Two categorical columns of 10 and 3 levels, six continuous ones, two classes.
/// let columns = [("workclass".to_string(), 10), ("sex".to_string(), 3)];
/// let model = TabularModel::new(&TabularConfig::default(), &columns, 6, 2, 42)?;
/// assert_eq!(model.params().get("embeds.0.weight").map(<[f32]>::len), Some(10 * 6));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Debug)]
pub struct TabularModel {
    config: TabularConfig,
    columns: Vec<(String, usize)>,
    params: Params,
    embeds: Embeddings,
    /// What is done to the embeddings and to the continuous columns before they are put together.
    embed_drop: Epilogue,
    bn_cont: Epilogue,
    mlp: Mlp,
    /// Where the parameters of the layers begin.
    layers_at: usize,
    y_range: Option<SigmoidRange>,
    output_scale: Vec<OutputScale>,
    pool: Pool,
    /// From the first training on.
    ahead: Option<Arc<LookAhead>>,
    /// Rows of the last forward pass, if it was for training: what the backward pass goes back over.
    trained: Option<usize>,
    /// Whether the gradients are all finite, as the last backward pass saw; unknown once they may have been changed.
    grads_finite: Option<bool>,
}

impl TabularModel {
    /// A model for categorical columns (name, levels with the missing one) and `n_cont` continuous ones, on one
    /// thread. Initialised as fastai does, from `seed`.
    pub fn new(
        config: &TabularConfig,
        columns: &[(String, usize)],
        n_cont: usize,
        outputs: usize,
        seed: u64,
    ) -> Result<Self> {
        config.check()?;
        if outputs == 0 || (columns.is_empty() && n_cont == 0) {
            return Err(Error::data("a model needs at least one input column and one output"));
        }
        if let Some(name) =
            config.embedding_sizes.keys().find(|name| columns.iter().all(|(known, _)| known != *name))
        {
            return Err(Error::unknown("categorical column", name, columns.iter().map(|(name, _)| name)));
        }
        if !config.output_scale.is_empty() && config.output_scale.len() != outputs {
            let message =
                format!("there are {} for {outputs} outputs; give one for each", config.output_scale.len());
            return Err(Error::config("output scale", message));
        }
        let mut params = Params::default();
        let table = |(name, levels): &(String, usize)| {
            let size = config.embedding_sizes.get(name).copied();
            (*levels, size.unwrap_or_else(|| embedding_size(*levels)))
        };
        let embeds = Embeddings::new(&mut params, columns.iter().map(table), seed);
        let n_embed = embeds.features();
        let dropout = |p: f32, number: u64| (p > 0.0).then_some(Dropout { p, number });
        let embed_drop = Epilogue::new(n_embed, None, None, dropout(config.embed_dropout, 0));
        let bn_cont =
            (config.bn_cont && n_cont > 0).then(|| BatchNorm::new(&mut params, "bn_cont", n_cont, 0.0));
        let bn_cont = Epilogue::new(n_cont, None, bn_cont, None);
        let layers_at = params.len();
        let mut mlp = layers(config, &mut params, n_embed + n_cont, outputs, seed);
        // What treats every row's embeddings by itself needs them row by row; and below that share of the inputs it does not
        // pay (docs/performance.md).
        let same_for_all_rows = embed_drop.is_identity() && mlp.levels[0].is_identity();
        if same_for_all_rows && 4 * n_embed >= n_embed + n_cont {
            mlp.by_level = Some(ByLevel::new(&embeds, n_cont));
        }
        let y_range = config.y_range.map(|(low, high)| SigmoidRange { low, high });
        let (output_scale, pool) = (config.output_scale.clone(), Pool::new(1));
        Ok(Self {
            config: config.clone(),
            columns: columns.to_vec(),
            params,
            embeds,
            embed_drop,
            bn_cont,
            mlp,
            layers_at,
            y_range,
            output_scale,
            pool,
            ahead: None,
            trained: None,
            grads_finite: None,
        })
    }

    /// Computes on `threads` threads from now on; the results are the same bits for any number. More than there are cores, and
    /// more than 8, are not made.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.pool = Pool::new(threads);
        self
    }

    /// The options that it was made with.
    pub fn config(&self) -> &TabularConfig {
        &self.config
    }

    /// Its categorical columns, with the number of their levels.
    pub fn columns(&self) -> &[(String, usize)] {
        &self.columns
    }

    /// Fails on a batch without rows, or whose columns and codes are not the model's. Finds its levels if the model works by
    /// them.
    fn look_at(&mut self, batch: &Batch, mode: Mode) -> Result<()> {
        if batch.rows == 0 {
            return Err(Error::data("the batch has no rows"));
        }
        let (cat, cont) = (self.embeds.tables().len(), self.bn_cont.features);
        if !self.embeds.are_columns_of(batch) || batch.x_cont.len() != cont * batch.rows {
            let message =
                format!("the model has {cat} categorical and {cont} continuous columns, the batch others");
            return Err(Error::data(message));
        }
        let mut levels = self.mlp.by_level.as_mut().map(|by_level| &mut by_level.levels);
        let ahead = self.ahead.as_ref().filter(|_| mode.is_train());
        if let (Some(levels), Some(ahead)) = (&mut levels, ahead)
            && ahead.take(batch, levels)
        {
            return Ok(());
        }
        self.embeds.check_codes(batch)?;
        levels.into_iter().for_each(|levels| levels.find(batch));
        Ok(())
    }

    /// Fills the input of the layers: embeddings, then continuous columns.
    fn inputs(&mut self, batch: &Batch, mode: Mode) {
        let (rows, n_cont) = (batch.rows, self.bn_cont.features);
        let cont = if let Some(by_level) = &mut self.mlp.by_level {
            by_level.take_in()
        } else {
            let (embedded, cont) = self.mlp.input(rows).split_at_mut(self.embed_drop.features * rows);
            let drops = !self.embed_drop.is_identity();
            let y = if drops { self.embed_drop.input(rows) } else { &mut *embedded };
            self.embeds.forward(&self.pool, &self.params.values, batch, y);
            if drops {
                self.embed_drop.forward(&mut self.params, &self.pool, rows, mode, Some(embedded));
            }
            cont
        };
        let norms = !self.bn_cont.is_identity();
        let raw = if norms { self.bn_cont.input(rows) } else { &mut *cont };
        transpose_on(&self.pool, Matrix::new(&batch.x_cont, rows, n_cont), rows, raw);
        if norms {
            self.bn_cont.forward(&mut self.params, &self.pool, rows, mode, Some(cont));
        }
    }
}

/// The blocks, with names that carry the layers' places in fastai's Sequential, where an absent layer has none.
fn layers(config: &TabularConfig, params: &mut Params, inputs: usize, outputs: usize, seed: u64) -> Mlp {
    let sizes: Vec<usize> =
        std::iter::once(inputs).chain(config.layers.iter().copied()).chain([outputs]).collect();
    let hidden = config.layers.len();
    let mut linears = Vec::new();
    let mut levels: Vec<Epilogue> = sizes.iter().map(|size| Epilogue::new(*size, None, None, None)).collect();
    for i in 0..=hidden {
        let last = i == hidden;
        let (inputs, outputs) = (sizes[i], sizes[i + 1]);
        let activation = (!last).then_some(config.activation);
        let has_norm = config.batch_norm && (!last || config.bn_final);
        let p = config.dropout.get(i).or(config.dropout.first()).copied().filter(|_| !last).unwrap_or(0.0);
        let dropout = (p > 0.0).then_some(Dropout { p, number: i as u64 + 1 });
        let linear = |params: &mut Params, place: usize| {
            Linear::new(params, &format!("layers.{i}.{place}"), inputs, outputs, !has_norm, seed)
        };
        let norm = |params: &mut Params, place: usize, features: usize| {
            has_norm.then(|| BatchNorm::new(params, &format!("layers.{i}.{place}"), features, 1e-3))
        };
        levels[i + 1].activation = activation;
        if config.linear_first {
            linears.push(linear(params, 0));
            levels[i + 1].norm = norm(params, 1 + usize::from(activation.is_some()), outputs);
            levels[i + 1].dropout = dropout;
        } else {
            levels[i].norm = norm(params, 0, inputs);
            linears.push(linear(params, usize::from(has_norm) + usize::from(dropout.is_some())));
            levels[i].dropout = dropout;
        }
    }
    Mlp::new(linears, levels)
}

impl Model for TabularModel {
    fn name(&self) -> &'static str {
        "TabularModel"
    }

    fn params(&self) -> &Params {
        &self.params
    }

    fn params_mut(&mut self) -> &mut Params {
        self.grads_finite = None;
        if let Some(by_level) = &mut self.mlp.by_level {
            by_level.forget_touched();
        }
        &mut self.params
    }

    fn zero_grad(&mut self) {
        // Not by `params_mut`, after which any gradient may be another.
        self.params.zero_grad();
    }

    fn outputs(&self) -> usize {
        self.mlp.linears.last().map_or(0, |linear| linear.outputs)
    }

    fn forward(&mut self, batch: &Batch, mode: Mode, predictions: &mut Vec<f32>) -> Result<()> {
        self.look_at(batch, mode)?;
        let (rows, outputs) = (batch.rows, self.outputs());
        self.trained = mode.is_train().then_some(rows);
        self.mlp.reserve(rows);
        if !self.embed_drop.is_identity() {
            self.embed_drop.reserve(rows);
        }
        self.bn_cont.reserve(rows);
        self.inputs(batch, mode);
        let errand = self.ahead.as_ref().filter(|_| mode.is_train());
        let errand = errand.map(|ahead| Arc::clone(ahead) as Arc<dyn Errand>);
        self.mlp.forward(&mut self.params, &self.pool, rows, mode, errand);
        predictions.resize(rows * outputs, 0.0);
        transpose_on(&self.pool, Matrix::new(self.mlp.output(rows), outputs, rows), outputs, predictions);
        if let Some(y_range) = &self.y_range {
            y_range.forward(predictions);
        }
        output_scale::forward(&self.output_scale, predictions);
        Ok(())
    }

    fn backward(&mut self, batch: &Batch, grad: &[f32]) -> Result<()> {
        self.grads_finite = None;
        let (rows, outputs) = (batch.rows, self.outputs());
        if self.trained != Some(rows) {
            return Err(Error::training(
                "the backward pass of these rows does not follow their forward pass in training: a pass between the two, such \
                 as one of a callback, has taken its place",
            ));
        }
        if grad.len() != rows * outputs {
            return Err(Error::data(format!(
                "{} gradients for {rows} rows of {outputs} predictions",
                grad.len()
            )));
        }
        transpose_on(&self.pool, Matrix::new(grad, rows, outputs), rows, self.mlp.output_gradient(rows));
        if let Some(y_range) = &self.y_range {
            let (output, dy) = self.mlp.output_and_gradient(rows);
            y_range.backward(output, dy);
        }
        output_scale::backward(&self.output_scale, self.mlp.output_gradient(rows), rows);
        let mut finite = self.mlp.backward(&mut self.params, &self.pool, rows);
        if let Some(by_level) = &mut self.mlp.by_level {
            let Params { grads, grads_spent, .. } = &mut self.params;
            finite &= by_level.put_gradients(&self.pool, grads, *grads_spent, self.bn_cont.gradient(rows));
        } else {
            let (embedded, cont) =
                self.mlp.input_gradient(rows).split_at_mut(self.embed_drop.features * rows);
            self.bn_cont.gradient(rows).copy_from_slice(cont);
            let mut dy = &*embedded;
            if !self.embed_drop.is_identity() {
                self.embed_drop.gradient(rows).copy_from_slice(embedded);
                self.embed_drop.backward(&mut self.params, &self.pool, rows);
                dy = self.embed_drop.gradient(rows);
            }
            let Params { grads, grads_spent, .. } = &mut self.params;
            finite &= self.embeds.backward(&self.pool, grads, batch, dy, *grads_spent);
        }
        if !self.bn_cont.is_identity() {
            self.bn_cont.backward(&mut self.params, &self.pool, rows);
        }
        // Of the norm of the continuous columns, which lie between the embeddings and the layers.
        finite &= all_finite(&self.params.grads[self.embeds.parameters()..self.layers_at]);
        self.grads_finite = Some(finite);
        self.params.grads_spent = false;
        Ok(())
    }

    fn grads_are_finite(&self) -> bool {
        self.grads_finite.unwrap_or_else(|| all_finite(&self.params.grads))
    }

    fn step(&mut self, optimizer: &mut Optimizer) {
        optimizer.step_on(&self.pool, &mut self.params);
    }

    fn defer_steps(&mut self, optimizer: &mut Optimizer, rows: usize) {
        if self.mlp.by_level.is_none() {
            return;
        }
        let tables = self.embeds.tables();
        let large =
            tables.iter().enumerate().filter(|(_, table)| table.is_large() && table.levels >= 2 * rows);
        // The embeddings are the first parameters.
        optimizer.defer(large.map(|(column, Embedding { levels, size })| Table {
            parameter: column,
            column,
            columns: tables.len(),
            levels: *levels,
            size: *size,
            batch: rows,
        }));
    }

    fn catch_up(&mut self, optimizer: &mut Optimizer, batch: Option<&Batch>) {
        optimizer.catch_up(&self.pool, &mut self.params, batch);
    }

    fn look_ahead(&mut self, next: &Arc<NextBatch>) {
        let known = self.ahead.as_ref().is_some_and(|ahead| ahead.is_for(next));
        if self.pool.threads() > 1 && !known {
            let levels = self.mlp.by_level.as_ref().map(|_| Levels::new(&self.embeds));
            self.ahead = Some(Arc::new(LookAhead::new(next, levels)));
        }
    }

    fn copy(&self, from: &[f32], to: &mut [f32]) {
        stream_copy_on(&self.pool, to, from);
    }

    fn layers(&self) -> Vec<LayerSummary> {
        let line =
            |layer: String, outputs: usize, parameters: usize| LayerSummary { layer, outputs, parameters };
        let mut lines: Vec<_> = self
            .embeds
            .tables()
            .iter()
            .map(|e| line(format!("Embedding({}, {})", e.levels, e.size), e.size, e.levels * e.size))
            .collect();
        let add = |lines: &mut Vec<LayerSummary>, level: &Epilogue| {
            let features = level.features;
            lines.extend(level.activation.map(|f| line(format!("{f:?}"), features, 0)));
            lines.extend(
                level.norm.as_ref().map(|_| line(format!("BatchNorm1d({features})"), features, 2 * features)),
            );
            lines.extend(level.dropout.as_ref().map(|d| line(format!("Dropout(p={})", d.p), features, 0)));
        };
        add(&mut lines, &self.embed_drop);
        add(&mut lines, &self.bn_cont);
        add(&mut lines, &self.mlp.levels[0]);
        for (linear, level) in self.mlp.linears.iter().zip(&self.mlp.levels[1..]) {
            let (inputs, outputs) = (linear.inputs, linear.outputs);
            lines.push(line(format!("Linear({inputs}, {outputs})"), outputs, linear.parameters()));
            add(&mut lines, level);
        }
        lines.extend(
            self.y_range
                .iter()
                .map(|y| line(format!("SigmoidRange({}, {})", y.low, y.high), self.outputs(), 0)),
        );
        let scaled = (!self.output_scale.is_empty()).then(|| line("OutputScale".into(), self.outputs(), 0));
        lines.extend(scaled);
        lines
    }
}
