//! Many steps at once on a row of parameters whose gradients were 0 in all of them: what [`Update::apply`] would make of it
//! step after step, to the bit; and where there are many, without the root and the division from where on these can be seen
//! to change nothing.

use pulp::{Arch, Simd, WithSimd};

use super::{Rule, Slices, Update};

/// Steps between two looks whether the averages still move the parameters.
const BLOCK: usize = 16;

/// Steps from which on it pays to look. Before, averages have not faded enough.
const MANY: usize = 64;

impl Update {
    /// Makes one step after another. The slices are of one length, a multiple of 16, and the gradients 0.
    pub(in crate::optim) fn apply_late(steps: &[Self], slices: Slices<'_>) {
        Arch::new().dispatch(Late { steps, slices });
    }

    /// Whether the averages of parameters without gradients stay 0 if they are, and else become smaller in size.
    fn fades(&self) -> bool {
        let Self { shrink, l2, lr, mom, damp, sqr_mom, sqr_damp, sqr_debias, eps, .. } = *self;
        let within = |number: f32, low: f32, high: f32| number >= low && number <= high;
        let small = [mom, sqr_mom].into_iter().all(|mom| within(mom, 0.0, 1.0));
        let sound = [damp, sqr_damp, sqr_debias].into_iter().all(|x| within(x, 0.0, f32::MAX));
        let moves = within(lr, 0.0, 1e6) && within(eps, 1e-12, f32::MAX);
        small && sound && moves && l2 == 0.0 && within(shrink, 0.96, 1.0)
    }
}

struct Late<'a> {
    steps: &'a [Update],
    slices: Slices<'a>,
}

impl WithSimd for Late<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { steps, slices: Slices { values, grads, grad_avg, sqr_avg } } = self;
        let zeros = |numbers: &[f32]| numbers.iter().all(|x| x.to_bits() == 0);
        let fade = || steps.iter().all(Update::fades);
        // A row that no batch has used yet.
        if zeros(grad_avg) && zeros(sqr_avg) && fade() && values.iter().all(|p| p.is_finite()) {
            for step in steps.iter().filter(|step| step.shrink != 1.0) {
                values.iter_mut().for_each(|p| *p *= step.shrink);
            }
            return;
        }
        let scaled = || steps.iter().all(|step| step.rule == Rule::AverageScaled);
        if steps.len() < MANY || !fade() || !scaled() {
            return one_by_one(steps, Slices { values, grads, grad_avg, sqr_avg });
        }
        let rate = steps.iter().fold(0.0, |most: f32, step| most.max(step.lr / step.eps));
        let width = 2 * S::F32_LANES;
        let parts = values.chunks_mut(width).zip(grads.chunks(width));
        let averages = grad_avg.chunks_mut(width).zip(sqr_avg.chunks_mut(width));
        for ((values, grads), (grad_avg, sqr_avg)) in parts.zip(averages) {
            let mut slices = Slices { values, grads, grad_avg, sqr_avg };
            let done = match slices.values.len() / S::F32_LANES {
                1 => in_registers::<S, 1>(simd, steps, rate, &mut slices),
                _ => in_registers::<S, 2>(simd, steps, rate, &mut slices),
            };
            if !done {
                one_by_one(steps, slices);
            }
        }
    }
}

#[inline(always)]
fn one_by_one(steps: &[Update], slices: Slices<'_>) {
    let Slices { values, grads, grad_avg, sqr_avg } = slices;
    for step in steps {
        let (grad_avg, sqr_avg) = (&mut *grad_avg, &mut *sqr_avg);
        step.apply_all(Slices { values: &mut *values, grads, grad_avg, sqr_avg });
    }
}

/// The steps on `N` vectors; `rate` is the highest of them over its `eps`. Returns whether they could be made so; if not, nothing has changed.
#[inline(always)]
fn in_registers<S: Simd, const N: usize>(
    simd: S,
    steps: &[Update],
    rate: f32,
    slices: &mut Slices<'_>,
) -> bool {
    let (values, _) = S::as_mut_simd_f32s(slices.values);
    let (averages, _) = S::as_mut_simd_f32s(slices.grad_avg);
    let (squares, _) = S::as_mut_simd_f32s(slices.sqr_avg);
    let zero = simd.splat_f32s(0.0);
    let [mut p, mut m, mut v] = [[zero; N]; 3];
    let all = [(&mut p, &*values), (&mut m, &*averages), (&mut v, &*squares)];
    for (registers, numbers) in all {
        registers.iter_mut().zip(numbers).for_each(|(register, vector)| *register = *vector);
    }
    let sound = |vectors: &[S::f32s; N]| vectors.iter().all(|x| is_finite(simd, *x));
    // What is not finite, or negative where it cannot be, goes the long way.
    if !sound(&p) || !sound(&m) || !sound(&v) || v.iter().any(|v| simd.reduce_min_f32s(*v) < 0.0) {
        return false;
    }
    // An average below a parameter divided by this moves it by less than a quarter of what can be seen, in any of the next
    // steps: the divisor is at least `eps`, the average becomes smaller, and the parameter at most by half.
    let (rate, tiny) = (simd.splat_f32s(rate * 2.0_f32.powi(29)), simd.splat_f32s(1e-20));
    for block in steps.chunks(BLOCK) {
        let mut most = simd.splat_f32s(f32::MIN);
        for (p, m) in p.iter().zip(&m) {
            let reach = simd.add_f32s(simd.mul_f32s(simd.abs_f32s(*m), rate), tiny);
            most = simd.max_f32s(most, simd.sub_f32s(reach, simd.abs_f32s(*p)));
        }
        if simd.reduce_max_f32s(most) < 0.0 {
            for step in block {
                let [shrink, mom, sqr_mom] =
                    [step.shrink, step.mom, step.sqr_mom].map(|x| simd.splat_f32s(x));
                for i in 0..N {
                    p[i] = simd.mul_f32s(p[i], shrink);
                    m[i] = simd.add_f32s(simd.mul_f32s(m[i], mom), zero);
                    v[i] = simd.add_f32s(simd.mul_f32s(v[i], sqr_mom), zero);
                }
            }
            continue;
        }
        for step in block {
            let [shrink, mom, sqr_mom] = [step.shrink, step.mom, step.sqr_mom].map(|x| simd.splat_f32s(x));
            let [lr, debias, eps] = [step.lr, step.sqr_debias, step.eps].map(|x| simd.splat_f32s(x));
            for i in 0..N {
                m[i] = simd.add_f32s(simd.mul_f32s(m[i], mom), zero);
                v[i] = simd.add_f32s(simd.mul_f32s(v[i], sqr_mom), zero);
                let root = simd.sqrt_f32s(simd.mul_f32s(v[i], debias));
                let by = simd.div_f32s(simd.mul_f32s(lr, m[i]), simd.add_f32s(root, eps));
                p[i] = simd.sub_f32s(simd.mul_f32s(p[i], shrink), by);
            }
        }
    }
    if !sound(&p) {
        return false;
    }
    for (registers, numbers) in [(p, values), (m, averages), (v, squares)] {
        numbers.iter_mut().zip(registers).for_each(|(vector, register)| *vector = register);
    }
    true
}

/// Whether all of a vector is.
#[inline(always)]
fn is_finite<S: Simd>(simd: S, x: S::f32s) -> bool {
    // Anything else times 0 is no number, nor is a sum with it.
    simd.reduce_sum_f32s(simd.mul_f32s(x, simd.splat_f32s(0.0))) == 0.0
}

#[cfg(test)]
mod tests {
    use super::super::super::{Hypers, OptimizerKind};
    use super::*;
    use crate::engine::{LINE, Lines};
    use crate::seed::{Random, Stream};

    /// Numbers of all sizes, among them none at all.
    fn number(random: &mut Random, smallest: i32, largest: i32) -> f32 {
        let exponent = smallest + random.below((largest - smallest) as u32) as i32;
        let number = (1.0 + random.below(1000) as f32 / 1000.0) * 2.0_f32.powi(exponent);
        match random.below(60) {
            0 => 0.0,
            1 => -0.0,
            2 => f32::from_bits(random.below(9)),
            n if n % 2 == 0 => -number,
            _ => number,
        }
    }

    #[test]
    fn the_same_bits_as_step_by_step() {
        let mut moved = 0;
        for case in 0..600 {
            let random = &mut Random::new(case, Stream::User, 0);
            let kind =
                [OptimizerKind::Adam, OptimizerKind::RmsProp, OptimizerKind::RAdam, OptimizerKind::Sgd]
                    [random.below(8).saturating_sub(4) as usize];
            let mut hypers = Hypers {
                lr: 10.0_f64.powi(-(random.below(6) as i32)),
                mom: [0.9, 0.5, 0.0, 0.95][random.below(4) as usize],
                sqr_mom: [0.99, 0.999][random.below(2) as usize],
                eps: [1e-5, 1e-8, 1e-3, 0.0][random.below(8).saturating_sub(4) as usize],
                wd: [0.01, 0.0, 0.3][random.below(3) as usize],
            };
            let decay = [Some(true), None, Some(false)][random.below(6).saturating_sub(3) as usize];
            let first = 1 + u64::from(random.below(300));
            let count = u64::from(1 + random.below(500));
            let steps: Vec<_> = (first..first + count)
                .map(|step| {
                    hypers.lr *= 0.999;
                    Update::new(kind, &hypers, true, decay, step)
                })
                .collect();
            let width = LINE * (1 + random.below(4) as usize);
            // As parameters are; or of any size, down to those that are hardly a number, and up to none.
            let (p, m, v) = match case % 4 {
                0 => ((-140, 100), (-140, 30), (-149, 60)),
                1 => ((-12, 2), (-149, -100), (-60, -20)),
                _ => ((-12, 2), (-30, 0), (-40, 2)),
            };
            let mut numbers = |(smallest, largest)| {
                let mut numbers = Lines::zeros(width);
                numbers.fill_with(|| number(random, smallest, largest));
                numbers
            };
            let mut a = [p, m, v].map(&mut numbers);
            a[2].iter_mut().for_each(|v| *v = v.abs());
            match case % 50 {
                7 => a[0][3] = f32::INFINITY,
                8 => a[1][3] = f32::NAN,
                9 => a[2][3] = f32::INFINITY,
                10 => a[2][3] = -1.0,
                n if n > 40 => a[1..].iter_mut().for_each(|average| average.fill(0.0)),
                _ => {}
            }
            if case % 50 == 49 {
                a[0][3] = f32::INFINITY;
            }
            let mut b = a.clone();
            let zeros = vec![0.0; width];
            for step in &steps {
                let [values, grad_avg, sqr_avg] = &mut a;
                step.apply(Slices { values, grads: &zeros, grad_avg, sqr_avg });
            }
            moved += usize::from(a[0][..] != b[0][..]);
            let [values, grad_avg, sqr_avg] = &mut b;
            Update::apply_late(&steps, Slices { values, grads: &zeros, grad_avg, sqr_avg });
            let bits = |numbers: &Lines| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            for (i, name) in ["values", "averages", "squares"].iter().enumerate() {
                assert_eq!(
                    bits(&a[i]),
                    bits(&b[i]),
                    "case {case}, {name}: {kind:?}, {hypers:?}, {count} steps"
                );
            }
        }
        assert!(moved > 400, "{moved}");
    }
}
