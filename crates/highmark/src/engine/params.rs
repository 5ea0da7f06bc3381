//! All parameters of a model in one flat buffer, their gradients in another of the same layout.

use std::ops::Range;

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
    /// The numbers, in the order of [`Params::list`].
    pub values: Vec<f32>,
    /// The gradient of the loss with respect to each number.
    pub grads: Vec<f32>,
}

impl Params {
    /// Adds a parameter of zeros at the end and says where it lies.
    pub fn add(&mut self, name: impl Into<String>, shape: &[usize], kind: ParamKind) -> Range<usize> {
        let start = self.values.len();
        let range = start..start + shape.iter().product::<usize>();
        self.values.resize(range.end, 0.0);
        self.grads.resize(range.end, 0.0);
        self.list.push(Parameter { name: name.into(), shape: shape.to_vec(), kind, range: range.clone() });
        range
    }

    /// Every parameter, in the order in which the model made them.
    pub fn list(&self) -> &[Parameter] {
        &self.list
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no parameter at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The numbers of the parameter called `name`.
    pub fn get(&self, name: &str) -> Option<&[f32]> {
        let parameter = self.list.iter().find(|p| p.name == name)?;
        Some(&self.values[parameter.range.clone()])
    }
}
