//! Activation functions, with PyTorch's default constants.

use serde::{Deserialize, Serialize};

use crate::engine::simd;
use crate::{Error, Result};

/// The function between the linear layers (fastai's `act_cls`; the default there and here is ReLU).
///
/// ```
/// use highmark::ActivationFn;
/// assert_eq!("relu".parse::<ActivationFn>()?, ActivationFn::Relu);
/// assert!("rely".parse::<ActivationFn>().is_err());
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationFn {
    /// max(x, 0).
    #[default]
    Relu,
    /// x, or 0.01·x below 0.
    LeakyRelu,
    /// x, or eˣ − 1 below 0.
    Elu,
    /// x·Φ(x), with the hyperbolic tangent's approximation of Φ (Hendrycks and Gimpel 2016).
    Gelu,
    /// x·σ(x), also called swish.
    Silu,
    /// x·tanh(ln(1 + eˣ)) (Misra 2019).
    Mish,
    /// tanh(x).
    Tanh,
    /// 1/(1 + e⁻ˣ).
    Sigmoid,
}

/// √(2/π) and the cubic coefficient of GELU's approximation.
const GELU: (f32, f32) = (0.797_884_6, 0.044_715);

/// 1 / (1 + exp(-x)), from the side on which exp cannot overflow.
#[inline]
pub(crate) fn sigmoid(x: f32) -> f32 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

impl ActivationFn {
    const ALL: [(&'static str, Self); 8] = [
        ("relu", Self::Relu),
        ("leaky-relu", Self::LeakyRelu),
        ("elu", Self::Elu),
        ("gelu", Self::Gelu),
        ("silu", Self::Silu),
        ("mish", Self::Mish),
        ("tanh", Self::Tanh),
        ("sigmoid", Self::Sigmoid),
    ];

    /// The name that `parse` understands.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, f)| *f == self).map_or("relu", |(name, _)| name)
    }

    /// Whether the slope can be told from f(x) alone, so that x need not be kept.
    pub(crate) fn works_in_place(self) -> bool {
        self == Self::Relu
    }

    /// x = f(x), element by element, for a function that works in place.
    pub(crate) fn forward_in_place(self, x: &mut [f32]) {
        debug_assert!(self.works_in_place());
        simd(
            #[inline(always)]
            || x.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { 0.0 }),
        );
    }

    /// y = f(x), element by element.
    pub(crate) fn forward(self, x: &[f32], y: &mut [f32]) {
        let map = |y: &mut [f32], f: &dyn Fn(f32) -> f32| y.iter_mut().zip(x).for_each(|(y, x)| *y = f(*x));
        match self {
            Self::Relu => map(y, &|x| if x > 0.0 { x } else { 0.0 }),
            Self::LeakyRelu => map(y, &|x| if x > 0.0 { x } else { 0.01 * x }),
            Self::Elu => map(y, &|x| if x > 0.0 { x } else { x.exp_m1() }),
            Self::Gelu => map(y, &|x| 0.5 * x * (1.0 + (GELU.0 * (x + GELU.1 * x * x * x)).tanh())),
            Self::Silu => map(y, &|x| x * sigmoid(x)),
            Self::Mish => map(y, &|x| x * softplus(x).tanh()),
            Self::Tanh => map(y, &f32::tanh),
            Self::Sigmoid => map(y, &sigmoid),
        }
    }

    /// dx = dy · f'(x), in place in `d`. A function that works in place may get f(x) for x.
    pub(crate) fn backward(self, x: &[f32], d: &mut [f32]) {
        let map = |d: &mut [f32], f: &dyn Fn(f32) -> f32| d.iter_mut().zip(x).for_each(|(d, x)| *d *= f(*x));
        match self {
            // Without the indirection: this one is in most steps.
            Self::Relu => simd(
                #[inline(always)]
                || d.iter_mut().zip(x).for_each(|(d, x)| *d = if *x > 0.0 { *d } else { 0.0 }),
            ),
            Self::LeakyRelu => map(d, &|x| if x > 0.0 { 1.0 } else { 0.01 }),
            Self::Elu => map(d, &|x| if x > 0.0 { 1.0 } else { x.exp() }),
            Self::Gelu => map(d, &|x| {
                let t = (GELU.0 * (x + GELU.1 * x * x * x)).tanh();
                0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * GELU.0 * (1.0 + 3.0 * GELU.1 * x * x)
            }),
            Self::Silu => map(d, &|x| {
                let s = sigmoid(x);
                s * (1.0 + x * (1.0 - s))
            }),
            Self::Mish => map(d, &|x| {
                let t = softplus(x).tanh();
                t + x * (1.0 - t * t) * sigmoid(x)
            }),
            Self::Tanh => map(d, &|x| 1.0 - x.tanh() * x.tanh()),
            Self::Sigmoid => map(d, &|x| sigmoid(x) * (1.0 - sigmoid(x))),
        }
    }
}

/// ln(1 + eˣ) without overflow.
fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

impl std::str::FromStr for ActivationFn {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name.to_lowercase().replace('_', "-"));
        found
            .map(|(_, f)| *f)
            .ok_or_else(|| Error::unknown("activation", name, Self::ALL.map(|(known, _)| known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigmoid_is_exact_at_both_ends() {
        assert_eq!(sigmoid(0.0), 0.5);
        assert_eq!(sigmoid(200.0), 1.0);
        assert_eq!(sigmoid(-200.0), 0.0);
        assert!((sigmoid(-20.0) - 2.061_153_6e-9).abs() < 1e-15);
        assert!(sigmoid(f32::NAN).is_nan());
    }

    #[test]
    fn derivatives_are_those_of_the_functions() {
        for (name, function) in ActivationFn::ALL {
            for x in [-3.0_f32, -0.7, -0.1, 0.2, 1.3, 4.0] {
                let h = 1e-2;
                let mut y = [0.0; 2];
                function.forward(&[x - h, x + h], &mut y);
                let mut d = [1.0];
                function.backward(&[x], &mut d);
                let slope = (y[1] - y[0]) / (2.0 * h);
                assert!((slope - d[0]).abs() < 2e-3, "{name} at {x}: {slope} and {}", d[0]);
            }
        }
    }
}
