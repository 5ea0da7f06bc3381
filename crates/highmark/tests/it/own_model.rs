//! A model and a loss that are not of the library.

use std::path::Path;

use highmark::{
    Activation, Batch, Callback, CsvOptions, DataConfig, Event, GroupRule, LayerSummary, Learner,
    LearnerConfig, Loss, LrFindConfig, Mode, Model, Monitor, Mse, OneCycle, ParamKind, Params,
    ReduceLrOnPlateau, Result, SavedModel, Span, TabularData, Targets, on, read_csv_from,
};

use crate::small_learner::{rows, with};

/// y = w·x + b over the continuous columns.
struct Linear(Params);

impl Linear {
    fn new(inputs: usize) -> Self {
        let mut params = Params::default();
        params.add("weight", &[inputs], ParamKind::Weight);
        params.add("bias", &[1], ParamKind::Bias);
        Self(params)
    }
}

impl Model for Linear {
    fn name(&self) -> &'static str {
        "Linear"
    }

    fn params(&self) -> &Params {
        &self.0
    }

    fn params_mut(&mut self) -> &mut Params {
        &mut self.0
    }

    fn outputs(&self) -> usize {
        1
    }

    fn forward(&mut self, batch: &Batch, _: Mode, predictions: &mut Vec<f32>) -> Result<()> {
        let (bias, weights) = self.0.values.split_last().unwrap();
        predictions.clear();
        predictions.extend(
            batch
                .x_cont
                .chunks_exact(weights.len())
                .map(|row| bias + row.iter().zip(weights).map(|(x, w)| x * w).sum::<f32>()),
        );
        Ok(())
    }

    fn backward(&mut self, batch: &Batch, grad: &[f32]) -> Result<()> {
        let (bias, weights) = self.0.grads_to_add_to().split_last_mut().unwrap();
        for (row, grad) in batch.x_cont.chunks_exact(weights.len()).zip(grad) {
            *bias += grad;
            weights.iter_mut().zip(row).for_each(|(w, x)| *w += x * grad);
        }
        Ok(())
    }

    fn layers(&self) -> Vec<LayerSummary> {
        vec![LayerSummary { layer: "Linear".into(), outputs: 1, parameters: self.0.len() }]
    }
}

fn linear(config: LearnerConfig) -> Learner {
    let mut learn =
        Learner::new(Box::new(Linear::new(2)), Box::new(Mse), rows(8, 1), rows(4, 2), config).unwrap();
    learn.quiet();
    learn
}

fn values(learn: &Learner) -> &[f32] {
    &learn.trainer().model.params().values
}

#[test]
fn it_learns_and_gradients_of_several_batches_make_one_step() {
    let trained = |batch_size: usize, accumulate: usize| {
        let mut learn =
            linear(LearnerConfig { batch_size, accumulate, lr: 0.05, ..LearnerConfig::default() });
        learn.fit(30, None).unwrap();
        let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
        let (first, last) = learn.history().losses.split_at(learn.history().losses.len() / 2);
        assert!(mean(last) < mean(first));
        values(&learn).to_vec()
    };
    let whole = trained(8, 1);
    for (batch_size, accumulate) in [(4, 2), (2, 4), (1, 8)] {
        let pieces = trained(batch_size, accumulate);
        assert!(whole.iter().zip(&pieces).all(|(a, b)| (a - b).abs() < 1e-4), "{whole:?} {pieces:?}");
    }
}

#[test]
fn groups_multiply_the_rate_of_a_fit_and_of_its_schedule() {
    for one_cycle in [false, true] {
        let groups = vec![GroupRule::new("frozen", ["weight"]).times(0.0), GroupRule::new("head", ["bias"])];
        let mut learn = linear(LearnerConfig { batch_size: 4, groups, lr: 0.1, ..LearnerConfig::default() });
        let fitted =
            if one_cycle { learn.fit_one_cycle(3, &OneCycle::default()) } else { learn.fit(3, None) };
        fitted.unwrap();
        let (bias, weights) = values(&learn).split_last().unwrap();
        assert!(weights.iter().all(|w| *w == 0.0) && *bias != 0.0, "{weights:?} {bias}");
        assert!(learn.history().lrs.iter().all(|lr| *lr > 0.0));
    }
    // The last group's factor is not that of the rates that lr_find tells; and a frozen group stays so on a plateau.
    let groups = vec![GroupRule::new("head", ["bias"]), GroupRule::new("frozen", ["weight"]).times(0.0)];
    let plateau = ReduceLrOnPlateau::new(Monitor::new("valid_loss").min_delta(1e9)).patience(1).min_lr(1e-3);
    let callbacks: Vec<Box<dyn Callback>> = vec![Box::new(plateau)];
    let mut learn =
        linear(LearnerConfig { batch_size: 4, groups, lr: 0.1, callbacks, ..LearnerConfig::default() });
    let found = learn.lr_find(&LrFindConfig { stop_diverging: false, ..LrFindConfig::default() }).unwrap();
    assert_eq!(found.lrs[0], 1e-7);
    assert!(found.lrs.is_sorted() && found.lrs.len() == found.losses.len());
    learn.fit(12, None).unwrap();
    let rates: Vec<f64> = learn.trainer().optimizer.groups().iter().map(|group| group.hypers.lr).collect();
    assert!(rates[0] < 0.1 && rates[1] == 0.0, "{rates:?}");
    assert!(values(&learn).split_last().unwrap().1.iter().all(|w| *w == 0.0));
    let groups = vec![GroupRule::new("all", [""]).times(-1.0)];
    let config = LearnerConfig { batch_size: 4, groups, ..LearnerConfig::default() };
    let refused = Learner::new(Box::new(Linear::new(2)), Box::new(Mse), rows(8, 1), rows(4, 2), config);
    assert!(refused.err().unwrap().to_string().contains("`all`: the factor must be a number from 0, not -1"));
}

/// A forward pass between the two of a batch would leave the backward pass with another batch's numbers.
#[test]
fn a_pass_in_the_middle_of_a_batch_is_refused() {
    for at in [Event::AfterLoss, Event::Before(Span::Backward)] {
        let predict = on("predict", at, |t| {
            let mut predictions = Vec::new();
            t.model.forward(&t.batch, Mode::Eval, &mut predictions)?;
            Ok(())
        });
        let mut learn =
            with(LearnerConfig { batch_size: 4, callbacks: vec![predict], ..LearnerConfig::default() });
        let error = learn.fit(1, None).unwrap_err().to_string();
        assert!(error.contains("does not follow their forward pass in training"), "{error}");
    }
}

/// As the mean squared error, but for a tenth where the prediction is too high.
struct Lopsided;

impl Lopsided {
    fn values(targets: &Targets) -> &[f32] {
        let Targets::Values { values, .. } = targets else { panic!("targets of a regression") };
        values
    }

    fn element(prediction: f32, target: f32) -> (f32, f32) {
        let (d, weight) = (prediction - target, if prediction > target { 0.1 } else { 1.0 });
        (weight * d * d, 2.0 * weight * d)
    }
}

impl Loss for Lopsided {
    fn name(&self) -> &'static str {
        "lopsided"
    }

    fn activation(&self) -> Activation {
        Activation::Identity
    }

    fn evaluate(
        &self,
        predictions: &[f32],
        _: usize,
        targets: &Targets,
        mut grad: Option<&mut [f32]>,
    ) -> Result<f32> {
        let (mut sum, count) = (0.0, predictions.len() as f32);
        for (i, (prediction, target)) in predictions.iter().zip(Self::values(targets)).enumerate() {
            let (loss, slope) = Self::element(*prediction, *target);
            sum += loss;
            if let Some(grad) = &mut grad {
                grad[i] = slope / count;
            }
        }
        Ok(sum / count)
    }

    fn check(&self, _: usize, _: &Targets) -> Result<()> {
        Ok(())
    }

    fn per_row(&self, predictions: &[f32], _: usize, targets: &Targets, out: &mut Vec<f32>) -> Result<()> {
        out.clear();
        out.extend(predictions.iter().zip(Self::values(targets)).map(|(p, y)| Self::element(*p, *y).0));
        Ok(())
    }
}

#[test]
fn a_loss_of_ones_own_trains_on_a_table_and_its_file_predicts() {
    let numbers = crate::small_learner::noise(800, 5);
    let row = |x: &[f32]| format!("{},{},{}\n", x[0], if x[1] > 0.0 { "a" } else { "b" }, x[0] + 0.3 * x[1]);
    let text: String = std::iter::once("x,kind,y\n".into()).chain(numbers.chunks_exact(2).map(row)).collect();
    let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default()).unwrap();
    let config = DataConfig { targets: vec!["y".into()], ..DataConfig::default() };
    let data = TabularData::new(&table, &config).unwrap();
    let folder = crate::resume::new_folder("own-loss");
    let learner = |loss: Option<Box<dyn Loss>>| {
        let config = LearnerConfig { model_dir: folder.clone(), ..LearnerConfig::default() };
        let learn = match loss {
            Some(loss) => Learner::tabular_with_loss(&data, loss, config),
            None => Learner::tabular(&data, config),
        };
        let mut learn = learn.unwrap();
        learn.quiet();
        learn.fit_one_cycle(10, &OneCycle { lr_max: Some(1e-2), ..OneCycle::default() }).unwrap();
        learn
    };
    let mut learn = learner(Some(Box::new(Lopsided)));
    let (own, _) = learn.predict(&table).unwrap();
    let (usual, _) = learner(None).predict(&table).unwrap();
    let mean = |x: &[f32]| x.iter().sum::<f32>() / x.len() as f32;
    assert!(mean(&own.values) > mean(&usual.values) + 0.01, "too high costs it less");
    let mut saved = SavedModel::load(learn.save("model").unwrap()).unwrap();
    assert_eq!(saved.predict(&table).unwrap().0.values, own.values);
}
