//! One step of each rule over a range of parameters: the arithmetic, with nothing around it.

mod late;

use super::{Hypers, OptimizerKind};
use crate::engine::simd;

/// One step's numbers for parameters that share their hypers and their decay: computed in 64 bits, then rounded, as
/// torch does with the scalars of an operation. Every parameter is on its own, so any split of a range gives the
/// same bits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Update {
    rule: Rule,
    /// What parameters are multiplied by first: 1 - lr·wd.
    shrink: f32,
    /// What of the parameters is added to their gradients.
    l2: f32,
    lr: f32,
    mom: f32,
    /// What of a gradient goes into its average.
    damp: f32,
    sqr_mom: f32,
    sqr_damp: f32,
    /// `1 / (1 - sqr_mom^t)`.
    sqr_debias: f32,
    eps: f32,
}

/// Which loop runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Rule {
    /// Along the gradient.
    #[default]
    Plain,
    /// Along its average. Also rectified Adam, while the variance cannot be estimated, if the squares are kept.
    Average { squares: bool },
    /// Along the gradient over the root of the squares.
    Scaled,
    /// Along the average over the root of the squares.
    AverageScaled,
}

/// The slices of a range: values, gradients, averages, squares. The last two are empty where the rule has none.
pub(super) struct Slices<'a> {
    pub(super) values: &'a mut [f32],
    pub(super) grads: &'a [f32],
    pub(super) grad_avg: &'a mut [f32],
    pub(super) sqr_avg: &'a mut [f32],
}

impl Update {
    /// The numbers of step `step`, counted from 1. `momentum`: whether averages are kept.
    pub(super) fn new(
        kind: OptimizerKind,
        hypers: &Hypers,
        momentum: bool,
        decay: Option<bool>,
        step: u64,
    ) -> Self {
        let Hypers { lr, mom, sqr_mom, eps, wd } = *hypers;
        let debias = |mom: f64| {
            let damp = 1.0 - mom;
            damp * (1.0 - mom.powf(step as f64)) / (1.0 - mom)
        };
        let adam = matches!(kind, OptimizerKind::Adam | OptimizerKind::RAdam);
        let mut update = Self {
            rule: match kind {
                OptimizerKind::Adam => Rule::AverageScaled,
                OptimizerKind::RmsProp if momentum => Rule::AverageScaled,
                OptimizerKind::RmsProp => Rule::Scaled,
                OptimizerKind::Sgd if momentum => Rule::Average { squares: false },
                OptimizerKind::Sgd => Rule::Plain,
                OptimizerKind::RAdam => Rule::Average { squares: true },
            },
            shrink: if decay == Some(true) { (1.0 - lr * wd) as f32 } else { 1.0 },
            l2: if decay == Some(false) { wd as f32 } else { 0.0 },
            lr: lr as f32,
            mom: mom as f32,
            damp: if adam { (1.0 - mom) as f32 } else { 1.0 },
            sqr_mom: sqr_mom as f32,
            sqr_damp: (1.0 - sqr_mom) as f32,
            sqr_debias: if adam { (1.0 / debias(sqr_mom)) as f32 } else { 1.0 },
            eps: eps as f32,
        };
        if adam {
            // The momentum of now, also where a schedule has changed it since the first step.
            let mut rate = lr / debias(mom);
            if kind == OptimizerKind::RAdam
                && let Some(rectified) = rectification(sqr_mom, step)
            {
                update.rule = Rule::AverageScaled;
                rate = lr * rectified / debias(mom);
            }
            update.lr = rate as f32;
        }
        update
    }

    /// Steps. The slices that the rule needs must be of one length; longer ones are cut.
    pub(super) fn apply(&self, slices: Slices<'_>) {
        simd(
            #[inline(always)]
            || self.apply_all(slices),
        );
    }

    #[inline(always)]
    fn apply_all(&self, slices: Slices<'_>) {
        let Slices { values, grads, grad_avg, sqr_avg } = slices;
        let Self { shrink, l2, lr, mom, damp, sqr_mom, sqr_damp, sqr_debias, eps, .. } = *self;
        match self.rule {
            Rule::Plain => {
                for (p, g) in values.iter_mut().zip(grads) {
                    let g = g + l2 * *p;
                    *p = *p * shrink - lr * g;
                }
            }
            Rule::Average { squares } => {
                if squares {
                    for ((v, g), p) in sqr_avg.iter_mut().zip(grads).zip(&*values) {
                        let g = g + l2 * p;
                        *v = *v * sqr_mom + sqr_damp * g * g;
                    }
                }
                for ((p, g), m) in values.iter_mut().zip(grads).zip(grad_avg) {
                    let g = g + l2 * *p;
                    let average = *m * mom + damp * g;
                    *p = *p * shrink - lr * average;
                    *m = average;
                }
            }
            Rule::Scaled => {
                for ((p, g), v) in values.iter_mut().zip(grads).zip(sqr_avg) {
                    let g = g + l2 * *p;
                    let squares = *v * sqr_mom + sqr_damp * g * g;
                    *p = *p * shrink - lr * g / ((squares * sqr_debias).sqrt() + eps);
                    *v = squares;
                }
            }
            Rule::AverageScaled => {
                // Each number is read once and written at the end: reading it again would wait for the write.
                for (((p, g), m), v) in values.iter_mut().zip(grads).zip(grad_avg).zip(sqr_avg) {
                    let g = g + l2 * *p;
                    let average = *m * mom + damp * g;
                    let squares = *v * sqr_mom + sqr_damp * g * g;
                    *p = *p * shrink - lr * average / ((squares * sqr_debias).sqrt() + eps);
                    (*m, *v) = (average, squares);
                }
            }
        }
    }
}

/// By how much the adaptive rate is rectified at step `step`; `None` while its variance is out of reach.
fn rectification(sqr_mom: f64, step: u64) -> Option<f64> {
    let t = step as f64;
    let power = sqr_mom.powf(t);
    let all = 2.0 / (1.0 - sqr_mom) - 1.0;
    let length = all - 2.0 * t * power / (1.0 - power);
    let ratio = ((length - 4.0) * (length - 2.0) * all) / ((all - 4.0) * (all - 2.0) * length);
    (length > 5.0).then(|| ratio.sqrt())
}
