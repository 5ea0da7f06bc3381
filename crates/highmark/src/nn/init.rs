//! Initial parameters, distributed as PyTorch and fastai draw them.

use crate::seed::{Random, Stream};

/// Uniform in ±`1/√fan_in`: PyTorch's default for a linear layer (Kaiming uniform with a = √5, weight and bias alike).
pub(crate) fn linear(numbers: &mut [f32], fan_in: usize, seed: u64, parameter: usize) {
    let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
    let mut random = Random::new(seed, Stream::Init, parameter as u64);
    numbers.iter_mut().for_each(|x| *x = (2.0 * random.uniform() - 1.0) * bound);
}

/// fastai's embedding: 0.01 · (z mod 2) for a standard normal z; the remainder keeps its sign.
pub(crate) fn embedding(numbers: &mut [f32], seed: u64, parameter: usize) {
    let mut random = Random::new(seed, Stream::Init, parameter as u64);
    numbers.iter_mut().for_each(|x| *x = random.normal() % 2.0 * 0.01);
}
