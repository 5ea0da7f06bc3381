//! All parameters of a model in one flat buffer, their gradients in another of the same layout, and what a
//! model keeps without training it (running statistics) in a third.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::cut::Cut;
use crate::{Error, Result};

/// What a parameter is for, which decides about weight decay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Weights of a linear layer.
    Weight,
    /// Rows of an embedding.
    Embedding,
    /// Bias of a linear layer: not decayed by default.
    Bias,
    /// Scale or shift of a norm layer: not decayed by default.
    Norm,
}

/// One named parameter: a place in the flat buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The name in files, as fastai has it: `layers.0.0.weight`.
    pub name: String,
    /// Its shape, row-major; a linear weight is [outputs, inputs].
    pub shape: Vec<usize>,
    /// What it is for.
    pub kind: ParamKind,
    /// Where it lies in [`Params::values`] and [`Params::grads`].
    pub range: Range<usize>,
}

impl Parameter {
    /// Where tile `i` of `tiles` lies: some of its rows, as layers cut their outputs.
    pub(crate) fn tile(&self, i: usize, tiles: usize) -> Range<usize> {
        let rows = self.shape.first().copied().unwrap_or(1);
        let width = self.range.len().checked_div(rows).unwrap_or(0);
        let rows = Cut::new(rows, tiles).range(i);
        self.range.start + rows.start * width..self.range.start + rows.end * width
    }
}

/// Numbers that belong to a model but are not trained: a place in [`Params::buffers`].
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// The name in files: `bn_cont.running_mean`.
    pub name: String,
    /// Whether it counts things; a count is one whole number, written to files as an integer without a shape.
    pub count: bool,
    /// Where it lies in [`Params::buffers`].
    pub range: Range<usize>,
}

/// Named parameters in a fixed order, flat in memory.
///
/// ```
/// use highmark::{ParamKind, Params};
/// let mut params = Params::default();
/// let weight = params.add("layers.0.0.weight", &[2, 3], ParamKind::Weight);
/// params.values[weight].fill(0.5);
/// assert_eq!(params.len(), 6);
/// assert_eq!(params.get("layers.0.0.weight"), Some(&[0.5; 6][..]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Params {
    list: Vec<Parameter>,
    buffer_list: Vec<Buffer>,
    /// The numbers, in the order of [`Params::list`].
    pub values: Vec<f32>,
    /// The gradient of the loss with respect to each number.
    pub grads: Vec<f32>,
    /// Running statistics, in the order of [`Params::buffer_list`].
    pub buffers: Vec<f32>,
    /// Whether the gradients are spent: the next backward pass replaces them instead of adding to them.
    pub(crate) grads_spent: bool,
}

/// The numbers of a model at one moment. Cloning it copies none of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    values: Arc<[f32]>,
    buffers: Arc<[f32]>,
}

impl Params {
    /// Adds a parameter of zeros at the end and says where it lies.
    pub fn add(&mut self, name: impl Into<String>, shape: &[usize], kind: ParamKind) -> Range<usize> {
        let range = extend(&mut self.values, shape.iter().product(), 0.0);
        self.grads.resize(range.end, 0.0);
        self.grads_spent = true;
        self.list.push(Parameter { name: name.into(), shape: shape.to_vec(), kind, range: range.clone() });
        range
    }

    /// Adds `len` numbers that are kept but not trained, all `value`.
    pub fn add_buffer(&mut self, name: impl Into<String>, len: usize, value: f32) -> Range<usize> {
        let range = extend(&mut self.buffers, len, value);
        self.buffer_list.push(Buffer { name: name.into(), count: false, range: range.clone() });
        range
    }

    /// Adds a counter that starts at 0. It is exact up to 2^24.
    pub fn add_count(&mut self, name: impl Into<String>) -> Range<usize> {
        let range = extend(&mut self.buffers, 1, 0.0);
        self.buffer_list.push(Buffer { name: name.into(), count: true, range: range.clone() });
        range
    }

    /// Every parameter, in the order in which the model made them.
    pub fn list(&self) -> &[Parameter] {
        &self.list
    }

    /// Every buffer, in the order in which the model made them.
    pub fn buffer_list(&self) -> &[Buffer] {
        &self.buffer_list
    }

    /// How many trained numbers there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no parameter at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The numbers of the parameter or buffer called `name`.
    pub fn get(&self, name: &str) -> Option<&[f32]> {
        if let Some(parameter) = self.list.iter().find(|p| p.name == name) {
            return Some(&self.values[parameter.range.clone()]);
        }
        let buffer = self.buffer_list.iter().find(|b| b.name == name)?;
        Some(&self.buffers[buffer.range.clone()])
    }

    /// Replaces the numbers of the parameter or buffer called `name`. Fails if there is none of that name and size.
    pub fn set(&mut self, name: &str, numbers: &[f32]) -> Result<()> {
        let place = if let Some(parameter) = self.list.iter().find(|p| p.name == name) {
            &mut self.values[parameter.range.clone()]
        } else if let Some(buffer) = self.buffer_list.iter().find(|b| b.name == name) {
            &mut self.buffers[buffer.range.clone()]
        } else {
            let names = self.list.iter().map(|p| p.name.as_str());
            return Err(Error::unknown(
                "parameter",
                name,
                names.chain(self.buffer_list.iter().map(|b| b.name.as_str())),
            ));
        };
        if place.len() != numbers.len() {
            let message = format!("parameter `{name}` has {} numbers, not {}", place.len(), numbers.len());
            return Err(Error::data(message));
        }
        place.copy_from_slice(numbers);
        Ok(())
    }

    /// What a step reads and writes: where the parameters lie, their values and their gradients.
    pub(crate) fn step_parts(&mut self) -> (&[Parameter], &mut [f32], &[f32]) {
        (&self.list, &mut self.values, &self.grads)
    }

    /// Marks the gradients as spent, so that the next backward pass starts anew.
    pub fn zero_grad(&mut self) {
        self.grads_spent = true;
    }

    /// The gradients, for a backward pass to add its own to: those of the batches before that wait for a step with them, or
    /// zeros after [`Params::zero_grad`].
    ///
    /// ```
    /// use highmark::{ParamKind, Params};
    /// let mut params = Params::default();
    /// params.add("weight", &[1], ParamKind::Weight);
    /// params.grads_to_add_to()[0] += 2.0;
    /// params.grads_to_add_to()[0] += 3.0;
    /// assert_eq!(params.grads, [5.0]);
    /// params.zero_grad();
    /// params.grads_to_add_to()[0] += 4.0;
    /// assert_eq!(params.grads, [4.0]);
    /// ```
    pub fn grads_to_add_to(&mut self) -> &mut [f32] {
        if std::mem::take(&mut self.grads_spent) {
            self.grads.fill(0.0);
        }
        &mut self.grads
    }

    /// A copy of all numbers, trained or not, without the gradients.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { values: self.values.as_slice().into(), buffers: self.buffers.as_slice().into() }
    }

    /// Goes back to a snapshot. Fails if it is of a model of another size.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        if snapshot.values.len() != self.values.len() || snapshot.buffers.len() != self.buffers.len() {
            return Err(Error::data("the snapshot is of another model: the numbers of parameters differ"));
        }
        self.values.copy_from_slice(&snapshot.values);
        self.buffers.copy_from_slice(&snapshot.buffers);
        Ok(())
    }
}

impl Snapshot {
    /// Those of the parameters and those of the buffers.
    pub(crate) fn numbers(&self) -> (&[f32], &[f32]) {
        (&self.values, &self.buffers)
    }

    /// Puts the numbers into a callback's state.
    pub(crate) fn write_to(&self, tensors: &mut BTreeMap<String, Arc<[f32]>>) {
        tensors.insert("values".into(), self.values.clone());
        tensors.insert("buffers".into(), self.buffers.clone());
    }

    /// The snapshot in a callback's state, if there is one.
    pub(crate) fn read_from(tensors: &BTreeMap<String, Arc<[f32]>>) -> Option<Self> {
        Some(Self { values: tensors.get("values")?.clone(), buffers: tensors.get("buffers")?.clone() })
    }
}

fn extend(numbers: &mut Vec<f32>, len: usize, value: f32) -> Range<usize> {
    let start = numbers.len();
    numbers.resize(start + len, value);
    start..start + len
}
