//! Activation functions, with PyTorch's default constants.

use std::hint::black_box;

use serde::{Deserialize, Serialize};

use crate::engine::{exp, exp_m1, normal, sigmoid, simd, tanh};
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
    /// x·Φ(x), where Φ is how much of the normal distribution lies below x (Hendrycks and Gimpel 2016); not its approximation
    /// by tanh.
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
        let zero = black_box(0);
        simd(
            #[inline(always)]
            || {
                for x in x.iter_mut() {
                    *x = whole(if *x < 0.0 { 0.0 } else { *x }, zero);
                }
            },
        );
    }

    /// y = f(x), element by element.
    pub(crate) fn forward(self, x: &[f32], y: &mut [f32]) {
        match self {
            Self::Relu => map(x, y, |x, _| if x < 0.0 { 0.0 } else { x }),
            Self::LeakyRelu => map(x, y, |x, _| if x > 0.0 { x } else { 0.01 * x }),
            Self::Elu => map(x, y, |x, _| if x > 0.0 { x } else { exp_m1(x) }),
            Self::Gelu => map(x, y, |x, _| x * normal(x).0),
            Self::Silu => map(x, y, |x, _| x * sigmoid(x)),
            Self::Mish => map(x, y, |x, _| x * tanh_softplus(x)),
            Self::Tanh => map(x, y, |x, _| tanh(x)),
            Self::Sigmoid => map(x, y, |x, _| sigmoid(x)),
        }
    }

    /// dx = dy · f'(x), in place in `d`. A function that works in place may get f(x) for x.
    pub(crate) fn backward(self, x: &[f32], d: &mut [f32]) {
        match self {
            Self::Relu => map(x, d, |x, d| if x <= 0.0 { 0.0 } else { d }),
            Self::LeakyRelu => map(x, d, |x, d| if x > 0.0 { d } else { 0.01 * d }),
            Self::Elu => map(x, d, |x, d| if x > 0.0 { d } else { d * exp(x) }),
            Self::Gelu => map(x, d, |x, d| {
                let (below, density) = normal(x);
                d * (below + x * density)
            }),
            Self::Silu => map(x, d, |x, d| {
                let s = sigmoid(x);
                d * s * (1.0 + x * (1.0 - s))
            }),
            Self::Mish => map(x, d, |x, d| {
                let t = tanh_softplus(x);
                d * (t + x * (1.0 - t * t) * sigmoid(x))
            }),
            Self::Tanh => map(x, d, |x, d| {
                let t = tanh(x);
                d * (1.0 - t * t)
            }),
            Self::Sigmoid => map(x, d, |x, d| {
                let s = sigmoid(x);
                d * s * (1.0 - s)
            }),
        }
    }
}

/// y = f(x, y), element by element.
#[inline(always)]
fn map(x: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    let zero = black_box(0);
    simd(
        #[inline(always)]
        || {
            // A loop: the body of `for_each` may become a function, which the vectors would not reach.
            for (y, x) in y.iter_mut().zip(x) {
                *y = whole(f(*x, *y), zero);
            }
        },
    );
}

/// The same number if `zero` is 0, as the compiler does not know. Else it stores only those numbers of a vector that change,
/// and AVX2's instruction for that takes AMD's processors some twenty times as long as a store of all.
#[inline(always)]
fn whole(x: f32, zero: u32) -> f32 {
    f32::from_bits(x.to_bits() ^ zero)
}

/// tanh(ln(1 + eˣ)): with e = eˣ it is (e² + 2e) / (e² + 2e + 2), where nothing cancels.
#[inline(always)]
fn tanh_softplus(x: f32) -> f32 {
    // From 20 on it is 1, to the last digit.
    let e = exp(if x > 20.0 { 20.0 } else { x });
    let n = e * (e + 2.0);
    n / (n + 2.0)
}

impl std::str::FromStr for ActivationFn {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let lower = name.to_lowercase().replace('_', "-");
        // Keras's first name for it, which it still takes.
        let wanted = if lower == "swish" { "silu" } else { &lower };
        Self::ALL
            .iter()
            .find(|(known, _)| *known == wanted)
            .map(|(_, f)| *f)
            .ok_or_else(|| Error::unknown("activation", name, Self::ALL.map(|(known, _)| known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_formulas_in_64_bits() {
        let check = |function: ActivationFn, x: f32, exact: f64| {
            let mut y = [0.0];
            function.forward(&[x], &mut y);
            let off = (f64::from(y[0]) - exact).abs();
            assert!(off <= 1e-6 * exact.abs().max(1e-6), "{} of {x}: {}, not {exact}", function.name(), y[0]);
        };
        for x in [-30.0_f32, -4.0, -0.3, -1e-4, 1e-4, 0.3, 4.0, 30.0] {
            let wide = f64::from(x);
            let sigmoid = 1.0 / (1.0 + (-wide).exp());
            check(ActivationFn::Elu, x, if x > 0.0 { wide } else { wide.exp_m1() });
            check(ActivationFn::Silu, x, wide * sigmoid);
            check(ActivationFn::Mish, x, wide * wide.exp().ln_1p().tanh());
            check(ActivationFn::Tanh, x, wide.tanh());
            check(ActivationFn::Sigmoid, x, sigmoid);
        }
        // As torch.nn.GELU() gives them.
        for (x, exact) in [(1.0, 0.841_344_746_068), (-1.0, -0.158_655_253_931), (2.0, 1.954_499_736_104)] {
            check(ActivationFn::Gelu, x, exact);
        }
    }

    #[test]
    fn names_are_taken_in_any_case() {
        assert_eq!("Leaky_ReLU".parse::<ActivationFn>().unwrap(), ActivationFn::LeakyRelu);
        assert_eq!("swish".parse::<ActivationFn>().unwrap(), ActivationFn::Silu);
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for (name, function) in ActivationFn::ALL {
            let (mut y, mut d) = ([0.0], [1.0]);
            function.forward(&[f32::NAN], &mut y);
            function.backward(&[f32::NAN], &mut d);
            assert!(y[0].is_nan(), "{name}");
            assert!(d[0].is_nan() || function.works_in_place() || name == "leaky-relu", "{name}: {}", d[0]);
        }
        let mut x = [f32::NAN];
        ActivationFn::Relu.forward_in_place(&mut x);
        assert!(x[0].is_nan());
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
