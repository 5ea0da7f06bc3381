//! Model files: one safetensors file with the parameters under fastai's names, and in its metadata what it
//! takes to go from a raw row to a prediction. Data only: reading one never runs code.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::atomic_file;
use super::checksum::Summing;
use crate::data::Pipeline;
use crate::engine::{Buffer, Parameter, Params, Snapshot};
use crate::losses::LossKind;
use crate::models::{Model, TabularConfig, TabularModel, embedding_size};
use crate::optim::{Hypers, Optimizer, OptimizerState};
use crate::{Error, Result};

/// The key of our metadata, and the version of its format.
const KEY: &str = "highmark";
const FORMAT: u32 = 1;
/// Names of the optimizer's numbers begin with this.
const OPTIMIZER: &str = "optim.";
/// The key in our metadata of the checksum of all else: of the metadata, and of the tensors' names and bytes.
const CHECKSUM: &str = "checksum";

/// What a model file says about its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelDescription {
    /// The format's version.
    pub format: u32,
    /// The kind of model: `TabularModel`.
    pub model: String,
    /// The options that it was made with.
    pub config: TabularConfig,
    /// Categorical columns, with the number of their levels.
    pub columns: Vec<(String, usize)>,
    /// Continuous columns.
    pub n_cont: usize,
    /// Predictions a row.
    pub outputs: usize,
    /// The loss, which says how predictions are to be read.
    pub loss: LossKind,
    /// How a table becomes codes and numbers; `None` for a model that was not made for a table.
    pub pipeline: Option<Pipeline>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version of highmark.
    pub version: String,
    /// The seed.
    pub seed: u64,
    /// The epoch of the fit after which it was saved, from 0.
    pub epoch: Option<usize>,
    /// Training batches ever.
    pub steps: u64,
    /// What was monitored, and its value, if it was saved for that.
    pub monitor: Option<(String, f64)>,
}

impl ModelDescription {
    pub(crate) fn new(model: &str, config: TabularConfig, loss: LossKind, seed: u64) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_string();
        let provenance = Provenance { version, seed, ..Provenance::default() };
        let (columns, n_cont, outputs, pipeline) = Default::default();
        Self {
            format: FORMAT,
            model: model.into(),
            config,
            columns,
            n_cont,
            outputs,
            loss,
            pipeline,
            provenance,
        }
    }

    /// How a table is prepared for the model. Fails for a model that was not made for a table.
    pub fn pipeline(&self) -> Result<&Pipeline> {
        self.pipeline.as_ref().ok_or_else(|| Error::data("this model was not made for a table"))
    }

    /// Fails when the parts do not fit each other, or describe a larger model than a file of `bytes` can hold: before
    /// memory is set aside for it, and before a prediction could silently be wrong.
    fn check(&self, bytes: usize) -> Result<()> {
        if self.model != "TabularModel" {
            return Err(Error::data(format!("it is of another kind of model, `{}`", self.model)));
        }
        let size = |(name, levels): &(String, usize)| {
            let size = self.config.embedding_sizes.get(name).copied();
            (*levels as u128, size.unwrap_or_else(|| embedding_size(*levels)) as u128)
        };
        let embeddings = || self.columns.iter().map(size);
        let mut numbers =
            embeddings().fold(0_u128, |sum, (levels, size)| sum.saturating_add(levels.saturating_mul(size)));
        let mut inputs = embeddings().fold(self.n_cont as u128, |sum, (_, size)| sum.saturating_add(size));
        for outputs in self.config.layers.iter().chain([&self.outputs]) {
            numbers = numbers.saturating_add(inputs.saturating_mul(*outputs as u128));
            inputs = *outputs as u128;
        }
        if numbers.saturating_mul(4) > bytes as u128 {
            return Err(Error::data("it describes a larger model than it holds"));
        }
        let Some(pipeline) = &self.pipeline else { return Ok(()) };
        pipeline.check()?;
        let columns: Vec<_> = pipeline.cat_names().iter().cloned().zip(pipeline.cardinalities()).collect();
        let classes = pipeline.task().outputs();
        let fits = classes == self.outputs || (classes == 2 && self.outputs == 1);
        if columns != self.columns || pipeline.cont_names().len() != self.n_cont || !fits {
            return Err(Error::data("the preparation of the columns is not that of the model"));
        }
        Ok(())
    }

    /// An untrained model of this description.
    pub(crate) fn build(&self) -> Result<TabularModel> {
        TabularModel::new(&self.config, &self.columns, self.n_cont, self.outputs, self.provenance.seed)
    }
}

/// Optimizer state in the metadata; its tensors are beside those of the model.
#[derive(Serialize, Deserialize)]
struct OptimizerEntry {
    steps: u64,
    hypers: Vec<Hypers>,
}

pub(crate) fn save(
    path: &Path,
    description: &ModelDescription,
    params: &Params,
    optimizer: Option<&Optimizer>,
) -> Result<()> {
    let optimizer = optimizer.map(|optimizer| OptimizerPart {
        steps: optimizer.steps(),
        hypers: optimizer.groups().iter().map(|group| group.hypers.clone()).collect(),
        tensors: optimizer.tensors(),
    });
    let (parameters, buffers) = (params.list(), params.buffer_list());
    let (values, kept) = (&params.values, &params.buffers);
    write(path, &Contents { description, parameters, buffers, values, kept, optimizer })
}

/// A model that is to be saved, with nothing in it that training changes meanwhile.
pub(crate) struct ModelCopy {
    description: ModelDescription,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    model: Snapshot,
    optimizer: Option<OptimizerState>,
}

impl ModelCopy {
    /// Copies names and description, and shares the numbers. The snapshot must be of `params`.
    pub(crate) fn new(
        description: ModelDescription,
        params: &Params,
        model: &Snapshot,
        optimizer: Option<&OptimizerState>,
    ) -> Self {
        let (parameters, buffers) = (params.list().to_vec(), params.buffer_list().to_vec());
        Self { description, parameters, buffers, model: model.clone(), optimizer: optimizer.cloned() }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let Self { description, parameters, buffers, model, optimizer } = self;
        let optimizer = optimizer.as_ref().map(|OptimizerState { steps, hypers, tensors }| OptimizerPart {
            steps: *steps,
            hypers: hypers.clone(),
            tensors: tensors.iter().map(|(name, numbers)| (name.as_str(), &numbers[..])).collect(),
        });
        let (values, kept) = model.numbers();
        write(path, &Contents { description, parameters, buffers, values, kept, optimizer })
    }
}

/// What goes into a file.
struct Contents<'a> {
    description: &'a ModelDescription,
    parameters: &'a [Parameter],
    buffers: &'a [Buffer],
    /// Of the parameters.
    values: &'a [f32],
    /// Of the buffers.
    kept: &'a [f32],
    optimizer: Option<OptimizerPart<'a>>,
}

struct OptimizerPart<'a> {
    steps: u64,
    hypers: Vec<Hypers>,
    tensors: Vec<(&'a str, &'a [f32])>,
}

fn write(path: &Path, contents: &Contents<'_>) -> Result<()> {
    let Contents { description, parameters, buffers, values, kept, optimizer } = contents;
    let unwritable = |e: &dyn std::fmt::Display| Error::file(path, format!("cannot be written: {e}"));
    // Into memory of the right size at once: training may wait for it.
    let bytes = |numbers: &[f32]| {
        let mut bytes = vec![0; size_of_val(numbers)];
        bytes.as_chunks_mut().0.iter_mut().zip(numbers).for_each(|(to, x)| *to = x.to_le_bytes());
        bytes
    };
    let mut tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for parameter in *parameters {
        let data = bytes(&values[parameter.range.clone()]);
        tensors.insert(parameter.name.clone(), (Dtype::F32, parameter.shape.clone(), data));
    }
    for buffer in *buffers {
        let numbers = &kept[buffer.range.clone()];
        let entry = if buffer.count {
            (Dtype::I64, vec![], (numbers[0] as i64).to_le_bytes().to_vec())
        } else {
            (Dtype::F32, vec![numbers.len()], bytes(numbers))
        };
        tensors.insert(buffer.name.clone(), entry);
    }
    let mut metadata = serde_json::to_value(description).map_err(|e| unwritable(&e))?;
    if let Some(OptimizerPart { steps, hypers, tensors: numbers }) = optimizer {
        for (name, numbers) in numbers {
            tensors.insert(format!("{OPTIMIZER}{name}"), (Dtype::F32, vec![numbers.len()], bytes(numbers)));
        }
        let entry = OptimizerEntry { steps: *steps, hypers: hypers.clone() };
        metadata["optimizer"] = serde_json::json!(entry);
    }
    let numbers = tensors.iter().map(|(name, (_, _, data))| (name.as_str(), data.as_slice()));
    metadata[CHECKSUM] = format!("{:016x}", sum(&metadata.to_string(), numbers)).into();
    let metadata = HashMap::from([(KEY.to_string(), metadata.to_string())]);
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        TensorView::new(*dtype, shape.clone(), data).map(|view| (name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(|e| unwritable(&e))?;
    let file = safetensors::serialize(views, Some(metadata)).map_err(|e| unwritable(&e))?;
    atomic_file::write_file(path, &file)
}

/// Takes parameters from a file of ours or of fastai's, if they are all there and of the right shapes; and the optimizer's
/// state, if asked. Returns whether that came along. Changes nothing when it fails.
pub(crate) fn load_into(path: &Path, params: &mut Params, optimizer: Option<&mut Optimizer>) -> Result<bool> {
    let file = read(path)?;
    load_tensors(path, &file, params, optimizer)
}

fn load_tensors(
    path: &Path,
    file: &[u8],
    params: &mut Params,
    optimizer: Option<&mut Optimizer>,
) -> Result<bool> {
    let tensors = parse(path, file)?;
    check_sum(path, file, &tensors)?;
    let shapes = params.list().iter().map(|p| (p.name.clone(), Some(p.shape.clone())));
    let counts =
        params.buffer_list().iter().map(|b| (b.name.clone(), (!b.count).then(|| vec![b.range.len()])));
    let mut found = Vec::new();
    for (name, shape) in shapes.chain(counts) {
        let Ok(tensor) = tensors.tensor(&name) else {
            return Err(Error::file(path, format!("it has no `{name}`; it is of another model")));
        };
        if shape.as_ref().is_some_and(|shape| shape != tensor.shape()) {
            let message = format!(
                "`{name}` has shape {:?} there and {:?} in this model; it is of another model",
                tensor.shape(),
                shape.unwrap_or_default()
            );
            return Err(Error::file(path, message));
        }
        found.push((name.clone(), numbers(path, &name, &tensor)?));
    }
    let mut loaded = params.clone();
    found.iter().try_for_each(|(name, numbers)| loaded.set(name, numbers))?;
    let state = match (&optimizer, optimizer_entry(path, file)?) {
        (Some(_), Some(entry)) => {
            let ours = tensors.iter().filter(|(name, _)| name.starts_with(OPTIMIZER));
            let mut state = BTreeMap::new();
            for (name, tensor) in ours {
                state.insert(name[OPTIMIZER.len()..].to_string(), numbers(path, name, &tensor)?);
            }
            Some((entry, state))
        }
        _ => None,
    };
    let with_state = state.is_some();
    if let (Some(optimizer), Some((entry, state))) = (optimizer, state) {
        let state: Vec<_> = state.iter().map(|(name, numbers)| (name.as_str(), numbers.as_slice())).collect();
        optimizer.load_state(entry.steps, &state, &entry.hypers)?;
    }
    *params = loaded;
    Ok(with_state)
}

/// The whole of a model file: its description and the model.
pub(crate) fn load(path: &Path) -> Result<(ModelDescription, TabularModel)> {
    let file = read(path)?;
    let description: ModelDescription = metadata(path, &file)?.ok_or_else(|| {
        Error::file(path, "a safetensors file, but not a model of highmark; its weights can be loaded into a learner of the same shape")
    })?;
    if description.format != FORMAT {
        let message = format!(
            "written in format {}, and this version reads {FORMAT}; use the highmark that wrote it",
            description.format
        );
        return Err(Error::file(path, message));
    }
    let damaged = |what: &dyn std::fmt::Display| Error::file(path, format!("damaged: {what}"));
    description.check(file.len()).map_err(|e| damaged(&e))?;
    let mut model = description.build().map_err(|e| damaged(&e))?;
    load_tensors(path, &file, model.params_mut(), None)?;
    let params = model.params();
    if !params.values.iter().chain(&params.buffers).all(|x| x.is_finite()) {
        let message = "some of its weights are not numbers: the training that made it broke down; train again with a lower rate";
        return Err(Error::file(path, message));
    }
    Ok((description, model))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::io("read", path, e))
}

fn parse<'a>(path: &Path, file: &'a [u8]) -> Result<SafeTensors<'a>> {
    SafeTensors::deserialize(file)
        .map_err(|e| Error::file(path, format!("not a model file, or damaged: {e}")))
}

fn metadata<T: for<'a> Deserialize<'a>>(path: &Path, file: &[u8]) -> Result<Option<T>> {
    parse(path, file)?;
    let (_, header) =
        SafeTensors::read_metadata(file).map_err(|e| Error::file(path, format!("damaged: {e}")))?;
    let Some(text) = header.metadata().as_ref().and_then(|entries| entries.get(KEY)) else { return Ok(None) };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|e| Error::file(path, format!("its description is damaged: {e}")))
}

/// Fails when a single bit of a file of ours is not as it was written. Files of other programs, and of earlier versions, have
/// no checksum.
fn check_sum(path: &Path, file: &[u8], tensors: &SafeTensors<'_>) -> Result<()> {
    let Some(mut about) = metadata::<Value>(path, file)? else { return Ok(()) };
    let Some(saved) = about.as_object_mut().and_then(|about| about.remove(CHECKSUM)) else { return Ok(()) };
    let numbers: BTreeMap<&str, TensorView<'_>> = tensors.iter().collect();
    let numbers = numbers.iter().map(|(name, tensor)| (*name, tensor.data()));
    if saved == format!("{:016x}", sum(&about.to_string(), numbers)) {
        return Ok(());
    }
    let message = "damaged: its checksum is not that of its content; take another copy of it, or have it written again, from the checkpoint of its run if that is there";
    Err(Error::file(path, message))
}

/// The tensors come in the order of their names.
fn sum<'a>(about: &str, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> u64 {
    let mut sum = Summing::new(std::io::sink());
    sum.add(about.as_bytes());
    for (name, numbers) in tensors {
        sum.add(name.as_bytes());
        sum.add(numbers);
    }
    sum.finish().1
}

fn optimizer_entry(path: &Path, file: &[u8]) -> Result<Option<OptimizerEntry>> {
    #[derive(Deserialize)]
    struct Entry {
        optimizer: Option<OptimizerEntry>,
    }
    Ok(metadata::<Entry>(path, file)?.and_then(|entry| entry.optimizer))
}

fn numbers(path: &Path, name: &str, tensor: &TensorView<'_>) -> Result<Vec<f32>> {
    match tensor.dtype() {
        Dtype::F32 => Ok(tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        Dtype::I64 => {
            Ok(tensor.data().as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b) as f32).collect())
        }
        other => Err(Error::file(path, format!("`{name}` holds {other:?}; 32-bit floats are needed"))),
    }
}
