//! What an optimizer remembers, taken out and put back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Hypers, Optimizer};
use crate::Result;

/// Steps, hypers and averages of past gradients at one moment. Cloning it copies no numbers.
///
/// ```
/// use highmark::{Optimizer, OptimizerConfig, ParamKind, Params};
/// let mut params = Params::default();
/// params.add("weight", &[1], ParamKind::Weight);
/// let mut optimizer = Optimizer::new(&OptimizerConfig::default(), &params, &[], 0.1)?;
/// let before = optimizer.state();
/// optimizer.step(&mut params);
/// optimizer.restore(&before)?;
/// assert_eq!(optimizer.state(), before);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OptimizerState {
    /// Steps made.
    pub steps: u64,
    /// The hypers of every group.
    pub hypers: Vec<Hypers>,
    /// [`Optimizer::tensors`].
    pub tensors: BTreeMap<String, Arc<[f32]>>,
}

impl Optimizer {
    /// A copy of what it remembers.
    pub fn state(&self) -> OptimizerState {
        let tensors = self.tensors().into_iter().map(|(name, numbers)| (name.to_string(), numbers.into()));
        let hypers = self.groups().iter().map(|group| group.hypers.clone()).collect();
        OptimizerState { steps: self.steps(), hypers, tensors: tensors.collect() }
    }

    /// Goes back to a state. Fails, and changes nothing, if it is not of such an optimizer.
    pub fn restore(&mut self, state: &OptimizerState) -> Result<()> {
        let tensors: Vec<_> =
            state.tensors.iter().map(|(name, numbers)| (name.as_str(), &numbers[..])).collect();
        self.load_state(state.steps, &tensors, &state.hypers)
    }
}
