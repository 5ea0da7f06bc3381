//! The first layer computed level by level against the same layer computed row by row, which a model with a dropout of
//! its embeddings does.

use highmark::{Batch, Mode, Model, TabularConfig, TabularModel};

use crate::small_learner::noise;

const LEVELS: [usize; 4] = [3, 40, 2, 500];

fn model(config: &TabularConfig, n_cont: usize, threads: usize) -> TabularModel {
    let columns: Vec<_> = LEVELS.iter().enumerate().map(|(i, n)| (format!("c{i}"), *n)).collect();
    let mut model = TabularModel::new(config, &columns, n_cont, 3, 5).unwrap().threads(threads);
    let values = &mut model.params_mut().values;
    let count = values.len();
    values.iter_mut().zip(noise(count, 2)).for_each(|(value, noise)| *value = 0.3 * noise);
    model
}

fn batch(rows: usize, n_cont: usize) -> Batch {
    let code = |i: usize| ((i / 4 * 7 + i / 9) % LEVELS[i % 4]) as u32;
    let x_cat = (0..rows * LEVELS.len()).map(code).collect();
    Batch { rows, x_cat, x_cont: noise(rows * n_cont, 8), targets: None }
}

/// Predictions, and the gradients after two backward passes.
fn pass(model: &mut TabularModel, batch: &Batch) -> [Vec<f32>; 2] {
    let mut predictions = Vec::new();
    model.params_mut().zero_grad();
    for seed in [6, 7] {
        model.forward(batch, Mode::Train { seed: 1, step: 2 }, &mut predictions).unwrap();
        model.backward(batch, &noise(predictions.len(), seed)).unwrap();
    }
    assert!(model.grads_are_finite());
    [predictions, model.params().grads.clone()]
}

fn near(a: &[f32], b: &[f32], what: &str) {
    let scale = a.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= 5e-5 * scale, "{what}, number {i}: {a} and {b}");
    }
}

#[test]
fn as_row_by_row() {
    for (batch_norm, n_cont, layers) in
        [(true, 6, vec![20, 10]), (false, 3, vec![300]), (true, 0, vec![200, 100]), (false, 1, vec![])]
    {
        let config = TabularConfig { layers, batch_norm, ..TabularConfig::default() };
        // So little that no row ever loses a number.
        let row_by_row = TabularConfig { embed_dropout: 1e-12, ..config.clone() };
        for rows in [12, 64, 65, 300] {
            let batch = batch(rows, n_cont);
            let [a, b] = [&config, &row_by_row].map(|config| pass(&mut model(config, n_cont, 1), &batch));
            let what = format!("{rows} rows, {n_cont} continuous columns, {:?}", config.layers);
            near(&a[0], &b[0], &format!("predictions, {what}"));
            near(&a[1], &b[1], &format!("gradients, {what}"));
        }
    }
}

#[test]
fn any_number_of_threads_and_smaller_batches_before() {
    let config = TabularConfig { layers: vec![301, 20], ..TabularConfig::default() };
    for rows in [64, 150] {
        let batches = [batch(rows, 2), batch(7, 2), batch(rows, 2)];
        let bits = |threads: usize| -> Vec<Vec<u32>> {
            let mut model = model(&config, 2, threads);
            let passes = batches.iter().flat_map(|batch| pass(&mut model, batch));
            passes.map(|numbers| numbers.iter().map(|x| x.to_bits()).collect()).collect()
        };
        let alone = bits(1);
        assert_eq!(alone[0], alone[4], "a batch does not depend on the one before");
        for threads in [2, 3, 8] {
            assert!(bits(threads) == alone, "{rows} rows, {threads} threads");
        }
    }
}

/// A layer of one output has an empty half, in which nothing of the batch before may be left.
#[test]
fn one_output_after_another_batch() {
    for threads in [1, 2, 3] {
        let config = TabularConfig { layers: vec![1], batch_norm: false, ..TabularConfig::default() };
        let (mut used, mut new) = (model(&config, 2, threads), model(&config, 2, threads));
        pass(&mut used, &batch(70, 2));
        let batch = batch(5000, 2);
        assert!(pass(&mut used, &batch) == pass(&mut new, &batch), "{threads} threads");
    }
}

#[test]
fn a_prediction_does_not_depend_on_the_rows_beside_it() {
    let mut model = model(&TabularConfig::default(), 2, 1);
    let all = batch(150, 2);
    let mut together = Vec::new();
    model.forward(&all, Mode::Eval, &mut together).unwrap();
    for row in [0, 63, 64, 149] {
        let one = Batch {
            rows: 1,
            x_cat: all.x_cat[4 * row..4 * row + 4].to_vec(),
            x_cont: all.x_cont[2 * row..2 * row + 2].to_vec(),
            targets: None,
        };
        let mut alone = Vec::new();
        model.forward(&one, Mode::Eval, &mut alone).unwrap();
        assert_eq!(alone, together[3 * row..3 * row + 3]);
    }
}
