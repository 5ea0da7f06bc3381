//! The next batch while one is computed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use highmark::{
    Batch, CrossEntropy, Dataset, Event, LayerSummary, Learner, LearnerConfig, Loader, Mode, Model,
    NextBatch, Order, Params, Result, Span, TabularConfig, TabularModel, Targets, Trainer, on,
};

use crate::small_learner::{bits, noise};

const LEVELS: [usize; 3] = [9, 40, 3];

fn data(rows: usize, seed: u32) -> Arc<Dataset> {
    let numbers = noise(rows * 4, seed);
    let code = |i: usize| ((numbers[i].abs() * 1e4) as usize % LEVELS[i % 3]) as u32;
    let x_cat = (0..rows * 3).map(code).collect();
    let targets = Targets::Classes(numbers.iter().take(rows).map(|x| u32::from(*x > 0.0)).collect());
    Arc::new(Dataset::new(3, 4, x_cat, numbers.clone(), Some(targets)).unwrap())
}

/// Large enough that threads have something to share out in batches of 64.
fn model(embed_dropout: f32, threads: usize) -> TabularModel {
    let config = TabularConfig { layers: vec![200, 100], embed_dropout, ..TabularConfig::default() };
    let columns: Vec<_> = LEVELS.iter().enumerate().map(|(i, n)| (format!("c{i}"), *n)).collect();
    TabularModel::new(&config, &columns, 4, 2, 7).unwrap().threads(threads)
}

fn learner(model: Box<dyn Model>) -> Learner {
    let (train, valid) = (data(64 * 30 + 5, 1), data(50, 2));
    let mut learn =
        Learner::new(model, Box::new(CrossEntropy::default()), train, valid, LearnerConfig::default())
            .unwrap();
    learn.quiet();
    learn
}

#[test]
fn a_thread_of_the_model_loads_it() {
    let loader = Loader::new(data(200, 1), 64, Order::Sequential, false).unwrap();
    let next = Arc::new(NextBatch::new(&loader));
    for embed_dropout in [0.0, 0.1] {
        let (mut model, mut predictions) = (model(embed_dropout, 2), vec![]);
        model.look_ahead(&next);
        let [mut batch, mut ahead, mut want] =
            [loader.empty_batch(), loader.empty_batch(), loader.empty_batch()];
        loader.load(1, &mut batch);
        loader.load(3, &mut want);
        let mut step = |_: &usize| {
            next.ask(&loader, 3);
            model.forward(&batch, Mode::Train { seed: 1, step: 1 }, &mut predictions).unwrap();
            model.backward(&batch, &vec![0.1; predictions.len()]).unwrap();
            next.take(3, &mut ahead)
        };
        // A machine that is at something else may take its time.
        assert!((0..100_000).any(|i| step(&i)), "nobody ever loaded it");
        assert_eq!((ahead.rows, ahead.x_cat, ahead.x_cont), (want.rows, want.x_cat, want.x_cont));
        assert_eq!(Arc::strong_count(&next), 1, "the data is let go");
    }
}

/// Changes codes and numbers of batches, and has the model look at another batch in between.
fn meddle(t: &mut Trainer) {
    if t.progress().train_iter.is_multiple_of(3) {
        t.batch.x_cat.chunks_exact_mut(3).for_each(|codes| codes[1] = (codes[1] + 7) % 40);
        t.batch.x_cont.iter_mut().for_each(|x| *x *= 0.5);
    }
    if t.progress().train_iter.is_multiple_of(4) {
        let mut other = t.batch.clone();
        other.x_cat.chunks_exact_mut(3).for_each(|codes| codes[0] = 8 - codes[0]);
        t.model.forward(&other, Mode::Train { seed: 1, step: 0 }, &mut vec![]).unwrap();
    }
}

#[test]
fn batches_that_hooks_change_are_taken_as_they_are() {
    for embed_dropout in [0.0, 0.1] {
        let trained = |threads| {
            let mut learn = learner(Box::new(model(embed_dropout, threads)));
            learn
                .callbacks_mut()
                .add(on("meddle", Event::Before(Span::Batch), |t: &mut Trainer| {
                    meddle(t);
                    Ok(())
                }))
                .unwrap();
            learn.fit(3, Some(0.01)).unwrap();
            bits(&learn)
        };
        let once = trained(1);
        for threads in [2, 3] {
            assert!(trained(threads) == once, "{threads} threads");
        }
    }
}

/// Loads the next batch itself, on a thread that it makes for that.
struct Eager {
    inner: TabularModel,
    next: Weak<NextBatch>,
    loaded: Arc<AtomicUsize>,
}

impl Model for Eager {
    fn name(&self) -> &'static str {
        "Eager"
    }

    fn params(&self) -> &Params {
        self.inner.params()
    }

    fn params_mut(&mut self) -> &mut Params {
        self.inner.params_mut()
    }

    fn outputs(&self) -> usize {
        self.inner.outputs()
    }

    fn forward(&mut self, batch: &Batch, mode: Mode, predictions: &mut Vec<f32>) -> Result<()> {
        let (next, loaded) = (self.next.upgrade().filter(|_| mode.is_train()), &self.loaded);
        std::thread::scope(|threads| {
            threads.spawn(move || {
                let count = |_: &Batch| {
                    loaded.fetch_add(1, Ordering::Relaxed);
                };
                next.iter().for_each(|next| next.load(count));
            });
            self.inner.forward(batch, mode, predictions)
        })
    }

    fn backward(&mut self, batch: &Batch, grad: &[f32]) -> Result<()> {
        self.inner.backward(batch, grad)
    }

    fn look_ahead(&mut self, next: &Arc<NextBatch>) {
        self.next = Arc::downgrade(next);
    }

    fn layers(&self) -> Vec<LayerSummary> {
        self.inner.layers()
    }
}

#[test]
fn a_model_that_loads_it_gets_the_same_batches() {
    let mut plain = learner(Box::new(model(0.0, 1)));
    let loaded = Arc::default();
    let eager = Eager { inner: model(0.0, 1), next: Weak::new(), loaded: Arc::clone(&loaded) };
    let mut eager = learner(Box::new(eager));
    for fit in 1..=2 {
        for learn in [&mut plain, &mut eager] {
            learn.fit(2, Some(0.01)).unwrap();
        }
        assert!(bits(&plain) == bits(&eager));
        assert_eq!(plain.trainer().history.losses, eager.trainer().history.losses);
        // All but the first of each epoch: 64 rows in 30 batches.
        assert_eq!(loaded.load(Ordering::Relaxed), fit * 2 * 29);
    }
}

#[test]
fn a_model_that_is_set_aside_lets_the_data_go() {
    let train = data(64 * 5, 1);
    let kept = Arc::downgrade(&train);
    let config = LearnerConfig::default();
    let model_of_two = Box::new(model(0.0, 2));
    let mut learn =
        Learner::new(model_of_two, Box::new(CrossEntropy::default()), train, data(50, 2), config).unwrap();
    learn.quiet();
    learn.fit(1, Some(0.01)).unwrap();
    let aside = std::mem::replace(&mut learn.trainer_mut().model, Box::new(model(0.0, 1)));
    drop(learn);
    assert_eq!((kept.strong_count(), aside.outputs()), (0, 2));
}
