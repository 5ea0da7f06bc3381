//! Elementary functions in plain arithmetic, which [`simd`](super::simd()) makes vectors of: the system's take one number at
//! a time. No product is fused into a sum, so every processor gives the same bits. The polynomials are fitted for the least
//! relative error; the tests tell how far each function is off.

/// eˣ, within two units in the last place; 0 far below, infinite above 88.7.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let (more, [a, b]) = powers(x);
    (more + 1.0) * a * b
}

/// eˣ − 1, with all its digits near 0 too; infinite above 88.3.
#[inline(always)]
pub(crate) fn exp_m1(x: f32) -> f32 {
    let (more, [a, b]) = powers(x);
    more * a * b + (a * b - 1.0)
}

/// tanh(x).
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    // From 10 on it is 1, to the last digit.
    let twice = 2.0 * at_most(x.abs(), 10.0);
    let more = exp_m1(twice);
    (more / (more + 2.0)).copysign(x)
}

/// 1 / (1 + e⁻ˣ), from the side on which the exponential cannot overflow.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// The normal distribution: how much of it lies below x, and its density there.
#[inline(always)]
pub(crate) fn normal(x: f32) -> (f32, f32) {
    const SQRT_TAU: f32 = 2.506_628_3;
    /// Of z ↦ erfc(z)·e^(z²)/t, by powers of t = 1/(1 + SLOPE·z).
    const TAIL: [f32; 9] = [
        0.169_187_44,
        0.170_723_32,
        0.148_289_25,
        0.215_097_04,
        -0.095_007_16,
        0.548_183_8,
        -0.512_646_5,
        0.485_726_83,
        -0.129_554_06,
    ];
    const SLOPE: f32 = 0.3;
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let bell = exp(-0.5 * x * x);
    let t = 1.0 / (1.0 + SLOPE * z);
    let tail = 0.5 * bell * t * polynomial(&TAIL, t);
    (if x < 0.0 { tail } else { 1.0 - tail }, bell / SQRT_TAU)
}

/// (m, \[a, b\]) with eˣ = (1 + m)·a·b, where a and b are powers of two: the two reach further than one number can.
#[inline(always)]
fn powers(x: f32) -> (f32, [f32; 2]) {
    /// ln 2 in two parts: the first has so few digits that its product with a whole number here is exact.
    const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
    /// Of r ↦ (eʳ − 1 − r)/r² between ± ln 2 / 2.
    const REST: [f32; 5] = [0.499_999_93, 0.166_665_2, 0.041_668_395, 0.008_368_781, 0.001_381_446_5];
    /// Added to a number, it leaves no place for digits behind the point; the whole number is in the last bits.
    const ROUND: f32 = 12_582_912.0;

    // Beyond, the result is 0 or infinite already. What is not a number stays so.
    let x = at_most(if x < -104.0 { -104.0 } else { x }, 89.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let whole = rounded - ROUND;
    let r = (x - whole * LN_2[0]) - whole * LN_2[1];
    let more = r + r * r * polynomial(&REST, r);
    let exponent = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let power = |exponent: i32| f32::from_bits((exponent.wrapping_add(127) as u32) << 23);
    let half = exponent >> 1;
    (more, [power(half), power(exponent.wrapping_sub(half))])
}

/// Σ cᵢ·xⁱ.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: &[f32; N], x: f32) -> f32 {
    let mut sum = 0.0;
    for c in coefficients.iter().rev() {
        sum = sum * x + c;
    }
    sum
}

/// min(x, limit), and what is not a number stays so.
#[inline(always)]
fn at_most(x: f32, limit: f32) -> f32 {
    if x > limit { limit } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest distance to `exact`, in units in the last place of a 32-bit number.
    fn error(function: fn(f32) -> f32, exact: impl Fn(f64) -> f64, from: f32, to: f32) -> f64 {
        let steps = 200_000;
        let at = |i| from + (to - from) * (i as f32 / steps as f32);
        let off = |x: f32| {
            let exact = exact(f64::from(x));
            let unit = f64::from((exact as f32).abs().max(f32::MIN_POSITIVE)) * f64::from(f32::EPSILON) / 2.0;
            (f64::from(function(x)) - exact).abs() / unit
        };
        (0..=steps).map(|i| off(at(i))).fold(0.0, f64::max)
    }

    /// ∫ of the density, by Simpson's rule in 64 bits, from x to where nothing is left.
    fn above(x: f64) -> f64 {
        let (n, end) = (8000, x.max(0.0) + 12.0);
        let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        let h = (end - x) / f64::from(n);
        let inner: f64 =
            (1..n).map(|i| density(x + h * f64::from(i)) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
        (density(x) + inner + density(end)) * h / 3.0
    }

    #[test]
    fn within_a_few_units_in_the_last_place() {
        for (name, off, limit) in [
            ("exp", error(exp, f64::exp, -87.0, 88.7), 2.5),
            ("exp near 0", error(exp, f64::exp, -1.0, 1.0), 2.5),
            ("exp_m1", error(exp_m1, f64::exp_m1, -20.0, 20.0), 4.0),
            ("exp_m1 near 0", error(exp_m1, f64::exp_m1, -1e-3, 1e-3), 4.0),
            ("tanh", error(tanh, f64::tanh, -11.0, 11.0), 6.0),
            ("tanh near 0", error(tanh, f64::tanh, -1e-3, 1e-3), 6.0),
            ("sigmoid", error(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), -80.0, 80.0), 5.0),
        ] {
            assert!(off < limit, "{name}: {off}");
        }
    }

    #[test]
    fn the_normal_distribution_on_both_sides() {
        for i in -40..=40 {
            let x = i as f32 / 4.0;
            let (below, density) = normal(x);
            let (exact, exact_density) =
                (above(-f64::from(x)), (-0.5 * f64::from(x * x)).exp() / std::f64::consts::TAU.sqrt());
            // The digits of e^(-x²/2) go with x².
            let limit = 1e-6 + 1e-7 * f64::from(x * x);
            assert!((f64::from(below) / exact - 1.0).abs() < limit, "below {x}: {below}, not {exact}");
            assert!((f64::from(density) / exact_density - 1.0).abs() < limit, "at {x}: {density}");
        }
    }

    #[test]
    fn at_the_ends() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!((exp(-200.0), exp(f32::NEG_INFINITY)), (0.0, 0.0));
        assert_eq!((exp(89.0), exp(f32::INFINITY)), (f32::INFINITY, f32::INFINITY));
        assert!(exp(-100.0) > 0.0, "numbers below the normal ones are left");
        assert_eq!((exp_m1(f32::NEG_INFINITY), exp_m1(0.0), exp_m1(1000.0)), (-1.0, 0.0, f32::INFINITY));
        assert_eq!((tanh(50.0), tanh(f32::NEG_INFINITY), tanh(0.0)), (1.0, -1.0, 0.0));
        assert_eq!((sigmoid(0.0), sigmoid(200.0), sigmoid(-200.0)), (0.5, 1.0, 0.0));
        assert_eq!((normal(20.0), normal(-20.0)), ((1.0, 0.0), (0.0, 0.0)));
        for function in [exp, exp_m1, tanh, sigmoid, |x| normal(x).0] {
            assert!(function(f32::NAN).is_nan());
        }
    }
}
