//! fastai's `TabularModel`: embeddings of the categorical columns and normalised continuous columns, through
//! blocks of linear layers.

use serde::{Deserialize, Serialize};

use super::{LayerSummary, Model};
use crate::data::Batch;
use crate::engine::{Params, Pool};
use crate::nn::{
    ActivationFn, Block, BlockConfig, Dropout, Embedding, Mode, NormDrop, OutputScale, SigmoidRange,
    output_scale,
};
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
    params: Params,
    embeds: Vec<Embedding>,
    embed_drop: NormDrop,
    bn_cont: NormDrop,
    blocks: Vec<Block>,
    y_range: Option<SigmoidRange>,
    output_scale: Vec<OutputScale>,
    n_cont: usize,
    pool: Pool,
    /// Activations [features, rows]: embeddings as they are and after dropout, continuous columns as they are
    /// and normalised, and gradients of the inputs of two neighbouring blocks.
    embedded: Vec<f32>,
    raw_cont: Vec<f32>,
    x: Vec<f32>,
    d: [Vec<f32>; 2],
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
        let embed = |(i, (name, levels)): (usize, &(String, usize))| {
            let size = config.embedding_sizes.get(name).copied().unwrap_or_else(|| embedding_size(*levels));
            Embedding::new(&mut params, &format!("embeds.{i}"), *levels, size, seed)
        };
        let embeds: Vec<_> = columns.iter().enumerate().map(embed).collect();
        let n_embed = embeds.iter().map(|e| e.size).sum();
        let embed_p = config.embed_dropout;
        let embed_drop =
            NormDrop::new(None, (embed_p > 0.0).then_some(Dropout { p: embed_p, number: 0 }), n_embed);
        let bn_cont = (config.bn_cont && n_cont > 0)
            .then(|| crate::nn::BatchNorm::new(&mut params, "bn_cont", n_cont, 0.0));
        let bn_cont = NormDrop::new(bn_cont, None, n_cont);
        let mut sizes = vec![n_embed + n_cont];
        sizes.extend(&config.layers);
        sizes.push(outputs);
        let hidden = config.layers.len();
        let block = |i: usize| {
            let last = i == hidden;
            let config = BlockConfig {
                inputs: sizes[i],
                outputs: sizes[i + 1],
                activation: (!last).then_some(config.activation),
                norm: config.batch_norm && (!last || config.bn_final),
                dropout: if last {
                    0.0
                } else {
                    config.dropout.get(i).or(config.dropout.first()).copied().unwrap_or(0.0)
                },
                linear_first: config.linear_first,
                seed,
                number: i as u64 + 1,
            };
            Block::new(&mut params, &format!("layers.{i}"), &config)
        };
        let blocks = (0..=hidden).map(block).collect();
        let y_range = config.y_range.map(|(low, high)| SigmoidRange { low, high });
        let (embedded, raw_cont, x, d) = Default::default();
        Ok(Self {
            params,
            embeds,
            embed_drop,
            bn_cont,
            blocks,
            y_range,
            output_scale: config.output_scale.clone(),
            n_cont,
            pool: Pool::new(1),
            embedded,
            raw_cont,
            x,
            d,
        })
    }

    /// Computes on `threads` threads from now on; the results are the same bits for any number.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.pool = Pool::new(threads);
        self
    }

    fn n_embed(&self) -> usize {
        self.embeds.iter().map(|e| e.size).sum()
    }

    /// Memory for batches of `rows`; does nothing when there is enough.
    fn reserve(&mut self, rows: usize) {
        let widest = self.blocks.iter().map(|b| b.linear.inputs.max(b.linear.outputs)).max().unwrap_or(0);
        let n_embed = self.n_embed();
        let [d0, d1] = &mut self.d;
        let sizes = [
            (&mut self.embedded, n_embed * rows),
            (&mut self.raw_cont, self.n_cont * rows),
            (&mut self.x, (n_embed + self.n_cont) * rows),
            (d0, widest * rows),
            (d1, widest * rows),
        ];
        for (buffer, len) in sizes {
            if buffer.len() < len {
                buffer.resize(len, 0.0);
            }
        }
        self.embed_drop.reserve(rows);
    }

    /// Fails on a batch whose columns are not the model's.
    fn check(&self, batch: &Batch) -> Result<()> {
        let (cat, cont) = (self.embeds.len() * batch.rows, self.n_cont * batch.rows);
        if batch.x_cat.len() != cat || batch.x_cont.len() != cont {
            let (c, n) = (self.embeds.len(), self.n_cont);
            let message =
                format!("the model has {c} categorical and {n} continuous columns, the batch others");
            return Err(Error::data(message));
        }
        for row in batch.x_cat.chunks_exact(self.embeds.len().max(1)) {
            if let Some((column, embed)) =
                self.embeds.iter().enumerate().find(|(c, e)| row[*c] as usize >= e.levels)
            {
                let message = format!(
                    "code {} of categorical column {column} is beyond its {} levels",
                    row[column], embed.levels
                );
                return Err(Error::data(message));
            }
        }
        Ok(())
    }

    fn codes<'a>(&self, batch: &'a Batch, column: usize) -> impl Iterator<Item = u32> + 'a {
        batch.x_cat.iter().skip(column).step_by(self.embeds.len()).copied()
    }

    /// Fills `x` [embeddings and continuous columns, rows].
    fn inputs(&mut self, batch: &Batch, mode: Mode) {
        let (rows, n_embed) = (batch.rows, self.n_embed());
        let mut embedded = std::mem::take(&mut self.embedded);
        let mut start = 0;
        for (column, embed) in self.embeds.iter().enumerate() {
            let y = &mut embedded[start * rows..(start + embed.size) * rows];
            embed.forward(&self.params.values, self.codes(batch, column), y, rows);
            start += embed.size;
        }
        let raw = &mut self.raw_cont[..self.n_cont * rows];
        for (row, numbers) in batch.x_cont.chunks_exact(self.n_cont.max(1)).enumerate() {
            for (feature, number) in numbers.iter().enumerate() {
                raw[feature * rows + row] = *number;
            }
        }
        let (x_embed, x_cont) = self.x[..(n_embed + self.n_cont) * rows].split_at_mut(n_embed * rows);
        let parts = [
            (&mut self.embed_drop, &embedded[..n_embed * rows], x_embed),
            (&mut self.bn_cont, &*raw, x_cont),
        ];
        for (layer, input, output) in parts {
            if mode.is_train() {
                let Params { values, buffers, .. } = &mut self.params;
                layer.train_whole(values, buffers, input, output, rows, mode);
            } else {
                layer.eval_tile(&self.params, 0, input, output, rows);
            }
        }
        self.embedded = embedded;
    }
}

impl Model for TabularModel {
    fn name(&self) -> &'static str {
        "TabularModel"
    }

    fn params(&self) -> &Params {
        &self.params
    }

    fn params_mut(&mut self) -> &mut Params {
        &mut self.params
    }

    fn outputs(&self) -> usize {
        self.blocks.last().map_or(0, |b| b.linear.outputs)
    }

    fn forward(&mut self, batch: &Batch, mode: Mode, predictions: &mut Vec<f32>) -> Result<()> {
        self.check(batch)?;
        let rows = batch.rows;
        self.reserve(rows);
        self.inputs(batch, mode);
        let width = (self.n_embed() + self.n_cont) * rows;
        for i in 0..self.blocks.len() {
            let (before, rest) = self.blocks.split_at_mut(i);
            let x = before.last().map_or(&self.x[..width], |b| b.output(rows));
            rest[0].forward(&mut self.params, &self.pool, x, rows, mode);
        }
        let outputs = self.outputs();
        predictions.clear();
        predictions.resize(rows * outputs, 0.0);
        if let Some(last) = self.blocks.last() {
            transpose(last.output(rows), outputs, rows, predictions);
        }
        if let Some(y_range) = &self.y_range {
            y_range.forward(predictions);
        }
        output_scale::forward(&self.output_scale, predictions);
        Ok(())
    }

    fn backward(&mut self, batch: &Batch, grad: &[f32]) -> Result<()> {
        let (rows, outputs, n_embed) = (batch.rows, self.outputs(), self.n_embed());
        if grad.len() != rows * outputs {
            return Err(Error::data(format!(
                "{} gradients for {rows} rows of {outputs} predictions",
                grad.len()
            )));
        }
        let [mut dy, mut dx] = std::mem::take(&mut self.d);
        transpose(grad, rows, outputs, &mut dy[..rows * outputs]);
        if let (Some(y_range), Some(last)) = (&self.y_range, self.blocks.last()) {
            y_range.backward(last.output(rows), &mut dy[..rows * outputs]);
        }
        output_scale::backward(&self.output_scale, &mut dy[..rows * outputs], rows);
        let width = (n_embed + self.n_cont) * rows;
        for i in (0..self.blocks.len()).rev() {
            let (before, rest) = self.blocks.split_at_mut(i);
            let x = before.last().map_or(&self.x[..width], |b| b.output(rows));
            let (inputs, outputs) = (rest[0].linear.inputs * rows, rest[0].linear.outputs * rows);
            rest[0].backward(&mut self.params, &self.pool, x, &dy[..outputs], Some(&mut dx[..inputs]), rows);
            std::mem::swap(&mut dy, &mut dx);
        }
        let (d_embed, d_cont) = dy[..width].split_at_mut(n_embed * rows);
        let fresh = self.params.grads_spent;
        let Params { values, grads, .. } = &mut self.params;
        self.embed_drop.backward_whole(values, grads, &self.embedded, d_embed, rows, fresh);
        self.bn_cont.backward_whole(values, grads, &self.raw_cont, d_cont, rows, fresh);
        let mut start = 0;
        for (column, embed) in self.embeds.iter().enumerate() {
            let codes = batch.x_cat.iter().skip(column).step_by(self.embeds.len()).copied();
            embed.backward(grads, codes, &d_embed[start * rows..(start + embed.size) * rows], rows, fresh);
            start += embed.size;
        }
        self.params.grads_spent = false;
        self.d = [dy, dx];
        Ok(())
    }

    fn layers(&self) -> Vec<LayerSummary> {
        let line =
            |layer: String, outputs: usize, parameters: usize| LayerSummary { layer, outputs, parameters };
        let mut lines: Vec<_> = self
            .embeds
            .iter()
            .map(|e| line(format!("Embedding({}, {})", e.levels, e.size), e.size, e.levels * e.size))
            .collect();
        let norm = |features: usize| line(format!("BatchNorm1d({features})"), features, 2 * features);
        let norm_drop = |layers: &NormDrop, features: usize| {
            let dropout = layers.dropout().map(|d| line(format!("Dropout(p={})", d.p), features, 0));
            layers.norm().map(|n| norm(n.features)).into_iter().chain(dropout).collect::<Vec<_>>()
        };
        lines.extend(norm_drop(&self.embed_drop, self.n_embed()));
        lines.extend(norm_drop(&self.bn_cont, self.n_cont));
        for block in &self.blocks {
            let (inputs, outputs) = (block.linear.inputs, block.linear.outputs);
            let mut linear =
                vec![line(format!("Linear({inputs}, {outputs})"), outputs, block.linear.parameters())];
            linear.extend(block.activation.map(|f| line(format!("{f:?}"), outputs, 0)));
            let rest = norm_drop(&block.norm_drop, if block.linear_first { outputs } else { inputs });
            lines.extend(if block.linear_first { [linear, rest].concat() } else { [rest, linear].concat() });
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

/// `to` [cols, rows] = `from` [rows, cols] with rows and columns exchanged.
fn transpose(from: &[f32], rows: usize, cols: usize, to: &mut [f32]) {
    for (r, numbers) in from.chunks_exact(cols).take(rows).enumerate() {
        for (c, number) in numbers.iter().enumerate() {
            to[c * rows + r] = *number;
        }
    }
}
