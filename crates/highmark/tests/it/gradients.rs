//! The gradients of the whole model against finite differences, for all combinations of its options.

use highmark::{ActivationFn, Batch, Mode, Model, OutputScale, TabularConfig, TabularModel};

use crate::small_learner::noise;

const ROWS: usize = 12;
/// One step, so that dropout's mask is the same in every pass.
const MODE: Mode = Mode::Train { seed: 3, step: 5 };
const ACTIVATIONS: [ActivationFn; 8] = [
    ActivationFn::Relu,
    ActivationFn::LeakyRelu,
    ActivationFn::Elu,
    ActivationFn::Gelu,
    ActivationFn::Silu,
    ActivationFn::Mish,
    ActivationFn::Tanh,
    ActivationFn::Sigmoid,
];

fn check(config: &TabularConfig, columns: &[usize], n_cont: usize, outputs: usize) {
    let named: Vec<_> = columns.iter().enumerate().map(|(i, levels)| (format!("c{i}"), *levels)).collect();
    let mut model = TabularModel::new(config, &named, n_cont, outputs, 11).unwrap();
    // Away from the small numbers that training begins with, where most gradients are next to nothing.
    let values = &mut model.params_mut().values;
    let count = values.len();
    values.iter_mut().zip(noise(count, 9)).for_each(|(value, noise)| *value = 0.8 * noise);
    let codes = |i: usize| (i as u32 * 7 + 3) % columns[i % columns.len()] as u32;
    let batch = Batch {
        rows: ROWS,
        x_cat: (0..ROWS * columns.len()).map(codes).collect(),
        x_cont: noise(ROWS * n_cont, 4).iter().map(|x| 2.0 * x + 0.3).collect(),
        targets: None,
    };
    let weights = noise(ROWS * outputs, 6);
    let mut predictions = Vec::new();
    let mut loss = |model: &mut TabularModel| -> f64 {
        model.forward(&batch, MODE, &mut predictions).unwrap();
        predictions.iter().zip(&weights).map(|(p, w)| f64::from(*p) * f64::from(*w)).sum()
    };
    loss(&mut model);
    model.params_mut().zero_grad();
    model.backward(&batch, &weights).unwrap();
    let grads = model.params().grads.clone();
    let parameters = model.params().list().to_vec();
    for parameter in parameters {
        let scale = parameter.range.clone().map(|i| f64::from(grads[i].abs())).fold(0.0, f64::max);
        for sample in 0..4 {
            let i = parameter.range.start + sample * 7 % parameter.range.len();
            let (value, analytic) = (model.params().values[i], f64::from(grads[i]));
            let mut numeric = |h: f32| {
                let mut at = |x: f32| {
                    model.params_mut().values[i] = x;
                    loss(&mut model)
                };
                let slope = (at(value + h) - at(value - h)) / f64::from((value + h) - (value - h));
                at(value);
                slope
            };
            // A kink between the two points spoils one step, and rounding another: one of them must fit.
            let slopes = [1e-2, 3e-3, 1e-3, 3e-4].map(&mut numeric);
            let fits = |slope: &f64| {
                (slope - analytic).abs() <= 2e-2 * analytic.abs().max(slope.abs()) + 5e-3 * scale + 2e-4
            };
            let name = &parameter.name;
            assert!(
                slopes.iter().any(fits),
                "{name}[{}]: {analytic} but {slopes:?}; {config:?}",
                i - parameter.range.start
            );
        }
    }
}

#[test]
fn all_combinations() {
    let yes_no = [true, false];
    for activation in ACTIVATIONS {
        for linear_first in yes_no {
            for (batch_norm, bn_final) in [(true, false), (true, true), (false, false)] {
                for y_range in [None, Some((-1.0, 3.0))] {
                    for (embed_dropout, dropout) in [(0.0, vec![]), (0.25, vec![0.3])] {
                        let layers = vec![7, 5];
                        let config = TabularConfig {
                            layers,
                            dropout,
                            embed_dropout,
                            y_range,
                            batch_norm,
                            bn_final,
                            activation,
                            linear_first,
                            ..TabularConfig::default()
                        };
                        check(&config, &[4, 3], 3, 2);
                    }
                }
            }
        }
    }
}

#[test]
fn other_shapes() {
    let small = TabularConfig { layers: vec![6], ..TabularConfig::default() };
    check(&small, &[5], 0, 1);
    check(&TabularConfig { bn_cont: false, ..small.clone() }, &[5, 2], 4, 3);
    check(&TabularConfig { layers: vec![], y_range: Some((0.0, 1.0)), ..small.clone() }, &[3], 2, 1);
    let scale = |std: f32| OutputScale { mean: 4.0, std, gradient: std };
    check(&TabularConfig { output_scale: vec![scale(2.0), scale(0.5)], ..small.clone() }, &[3], 2, 2);
    check(&TabularConfig { layers: vec![9, 8, 7], dropout: vec![0.1, 0.0, 0.4], ..small }, &[6], 1, 2);
}

#[test]
fn gradients_add_up_until_they_are_spent() {
    let config = TabularConfig { layers: vec![4], ..TabularConfig::default() };
    let mut model = TabularModel::new(&config, &[("c".into(), 3)], 1, 1, 1).unwrap();
    let batch = Batch { rows: 4, x_cat: vec![0, 1, 2, 1], x_cont: noise(4, 1), targets: None };
    let mut predictions = Vec::new();
    let mut backward = |model: &mut TabularModel| {
        model.forward(&batch, MODE, &mut predictions).unwrap();
        model.backward(&batch, &noise(4, 2)).unwrap();
        model.params().grads.clone()
    };
    let once = backward(&mut model);
    let twice = backward(&mut model);
    for (once, twice) in once.iter().zip(&twice) {
        assert!((2.0 * once - twice).abs() <= 1e-6 * (1.0 + once.abs()), "{once} {twice}");
    }
    model.params_mut().zero_grad();
    assert_eq!(backward(&mut model), once);
}
