//! Steps of embeddings that no row of a batch uses wait while nobody looks at the model. What comes of it must be what comes
//! of it under a callback that may look after every batch, where none waits.

use std::fs;
use std::sync::{Arc, Mutex};

use highmark::{
    Callback, CallbackState, CheckpointConfig, Clip, Dataset, Event, EventSet, Flow, Learner, LearnerConfig,
    Mse, NonFinite, OneCycle, OptimizerConfig, OptimizerKind, Outcome, Phase, Result, Span, TabularConfig,
    TabularModel, Targets, Trainer, on,
};

use crate::small_learner::noise;

/// Levels of the columns, and the numbers of each: the first and the last have large tables.
const LEVELS: [usize; 3] = [600, 4, 700];
const SIZES: [usize; 3] = [170, 3, 150];

/// Does something at an event of one of the batches of a fit, or at none.
struct At {
    event: Event,
    batch: Option<usize>,
    act: Box<dyn FnMut(&mut Trainer) -> Flow + Send>,
    looks: bool,
}

impl Callback for At {
    fn name(&self) -> &'static str {
        "at"
    }

    fn events(&self) -> EventSet {
        EventSet::of(&[self.event])
    }

    fn looks_at_model(&self) -> bool {
        self.looks
    }

    fn handle(&mut self, event: Event, t: &mut Trainer) -> Flow {
        let here = t.phase() == Phase::Train && Some(t.progress().train_iter) == self.batch;
        if here && event == self.event { (self.act)(t) } else { Ok(()) }
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

fn at(batch: usize, looks: bool, mut act: impl FnMut(&mut Trainer) + Send + 'static) -> At {
    let act = Box::new(move |t: &mut Trainer| {
        act(t);
        Ok(())
    });
    At { event: Event::Before(Span::Batch), batch: Some(batch), act, looks }
}

fn looking() -> At {
    At { event: Event::Before(Span::Batch), batch: None, act: Box::new(|_| Ok(())), looks: true }
}

/// Rows whose levels come again after a while, some soon and some late; the last hundred levels of each never do.
fn rows(count: usize, seed: u32) -> Arc<Dataset> {
    let code = |(i, x): (usize, f32)| {
        let levels = LEVELS[i % 3];
        let known = if levels > 100 { levels - 100 } else { levels };
        (x.abs().powi(2) * known as f32) as u32
    };
    let codes = noise(count * 3, seed).into_iter().enumerate().map(code).collect();
    let targets = Targets::Values { values: noise(count, seed + 1), width: 1 };
    Arc::new(Dataset::new(3, 2, codes, noise(count * 2, seed + 2), Some(targets)).unwrap())
}

fn learner(config: LearnerConfig, count: usize, threads: usize) -> Learner {
    let columns: Vec<_> = LEVELS.iter().enumerate().map(|(i, levels)| (format!("c{i}"), *levels)).collect();
    let embedding_sizes = columns.iter().map(|(name, _)| name.clone()).zip(SIZES).collect();
    let model = TabularConfig { layers: vec![8], embedding_sizes, ..TabularConfig::default() };
    let model = TabularModel::new(&model, &columns, 2, 1, 7).unwrap().threads(threads);
    let (train, valid) = (rows(count, 1), rows(20, 4));
    let mut learn = Learner::new(Box::new(model), Box::new(Mse), train, valid, config).unwrap();
    learn.quiet();
    learn
}

fn config(callbacks: Vec<At>) -> LearnerConfig {
    let callbacks = callbacks.into_iter().map(|at| Box::new(at) as Box<dyn Callback>).collect();
    LearnerConfig { batch_size: 8, lr: 0.05, callbacks, ..LearnerConfig::default() }
}

/// All that a fit leaves: numbers of the model, their gradients, what the optimizer remembers, the record.
fn all_bits(learn: &Learner) -> Vec<u64> {
    let (t, history) = (learn.trainer(), learn.history());
    let params = t.model.params();
    let numbers = params.values.iter().chain(&params.grads).chain(&params.buffers).chain(&history.losses);
    let remembered = t.optimizer.tensors().into_iter().flat_map(|(_, numbers)| numbers);
    let valid = history.rows.iter().filter_map(|row| row.valid_loss).map(f64::to_bits);
    numbers.chain(remembered).map(|x| u64::from(x.to_bits())).chain(valid).collect()
}

fn fitted(config: LearnerConfig, threads: usize) -> Vec<u64> {
    let mut learn = learner(config, 400, threads);
    learn.fit_one_cycle(3, &OneCycle::default()).unwrap();
    all_bits(&learn)
}

#[test]
fn same_bits_under_every_rule() {
    for kind in [OptimizerKind::Adam, OptimizerKind::Sgd, OptimizerKind::RmsProp, OptimizerKind::RAdam] {
        for (decouple_wd, wd, mom) in
            [(true, 0.1, None), (false, 0.1, Some(0.8)), (true, 0.0, Some(0.8)), (false, 0.0, None)]
        {
            let optimizer =
                OptimizerConfig { kind, decouple_wd, wd: Some(wd), mom, ..OptimizerConfig::default() };
            let with = |callbacks| LearnerConfig { optimizer: optimizer.clone(), ..config(callbacks) };
            let looked_at = fitted(with(vec![looking()]), 1);
            for threads in [1, 3] {
                assert!(fitted(with(vec![]), threads) == looked_at, "{optimizer:?}, {threads} threads");
            }
        }
    }
}

#[test]
fn somebody_who_says_not_to_look_and_does_sees_that_steps_wait() {
    let seen = |looks| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let look = move |t: &mut Trainer| kept.lock().unwrap().clone_from(&t.model.params().values);
        let mut learn = learner(config(vec![at(49, looks, look)]), 400, 1);
        learn.fit(1, None).unwrap();
        let values = seen.lock().unwrap().clone();
        (values, all_bits(&learn))
    };
    let (sound, after) = seen(true);
    let (early, after_early) = seen(false);
    assert!(after == after_early);
    let large = LEVELS[0] * SIZES[0];
    let late = early[..large].iter().zip(&sound).filter(|(a, b)| a != b).count();
    assert!(late > large / 2, "{late} of {large}");
    // Of the small table, and of the layers, none.
    let small = LEVELS[1] * SIZES[1];
    assert_eq!(early[large..][..small], sound[large..][..small]);
    let layers = early.len() - 100;
    assert_eq!(early[layers..], sound[layers..]);
}

#[test]
fn gradients_that_are_looked_at_whole() {
    for (accumulate, clip) in [(3, None), (1, Some(Clip::Norm(0.01))), (1, Some(Clip::Value(1e-4)))] {
        let with = |callbacks| {
            let optimizer = OptimizerConfig { clip, ..OptimizerConfig::default() };
            LearnerConfig { accumulate, optimizer, ..config(callbacks) }
        };
        assert!(fitted(with(vec![]), 2) == fitted(with(vec![looking()]), 2), "{accumulate}, {clip:?}");
    }
}

#[test]
fn more_steps_than_are_kept() {
    let fit = |callbacks| {
        let config = LearnerConfig { batch_size: 2, lr: 1e-3, ..config(callbacks) };
        let mut learn = learner(config, 1400, 2);
        learn.fit(1, None).unwrap();
        all_bits(&learn)
    };
    assert!(fit(vec![]) == fit(vec![looking()]));
}

#[test]
fn a_step_that_is_left_out() {
    for (policy, accumulate) in [
        (NonFinite::Skip, 1),
        (NonFinite::Skip, 2),
        (NonFinite::Stop, 1),
        (NonFinite::Rollback { every: 10, factor: 0.5 }, 1),
    ] {
        let fit = |looks| {
            let spoil = |t: &mut Trainer| t.batch.x_cont[3] = f32::NAN;
            let config = LearnerConfig { accumulate, ..config(vec![at(60, looks, spoil)]) };
            let mut learn = learner(config, 400, 2);
            learn.set_non_finite(policy).unwrap();
            let counts = learn.fit(2, None).unwrap().non_finite;
            assert_eq!(counts.skipped, 1);
            all_bits(&learn)
        };
        assert!(fit(false) == fit(true), "{policy:?}, {accumulate}");
    }
}

#[test]
fn left_and_entered_again_in_the_middle_of_an_epoch() {
    let folder = std::env::temp_dir().join(format!("highmark-deferred-{}", std::process::id()));
    let whole = fitted(config(vec![looking()]), 2);
    for (batch, steps) in [(7, None), (63, Some(5)), (120, Some(1))] {
        drop(fs::remove_dir_all(&folder));
        let begin = |stop: Option<usize>| {
            let stop = stop.map(|batch| at(batch, false, |t| t.stop_flag().raise()));
            let mut learn = learner(config(stop.into_iter().collect()), 400, 2);
            let config = CheckpointConfig { steps, epochs: None, ..CheckpointConfig::new(&folder) };
            learn.set_checkpoint(Some(config)).unwrap();
            learn
        };
        let mut learn = begin(Some(batch));
        let report = learn.fit_one_cycle(3, &OneCycle::default()).unwrap();
        assert!(matches!(report.outcome, Outcome::Interrupted));
        let mut learn = begin(None);
        assert!(learn.resume().unwrap().is_some());
        learn.fit_one_cycle(3, &OneCycle::default()).unwrap();
        assert!(all_bits(&learn) == whole, "left at batch {batch}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_error_in_the_middle_of_an_epoch() {
    let fit = |looks| {
        let mut learn = learner(config(vec![at(70, looks, |t| t.batch.x_cat[0] = 600)]), 400, 2);
        assert!(learn.fit(3, None).unwrap_err().to_string().contains("code 600"));
        all_bits(&learn)
    };
    assert!(fit(false) == fit(true));
}

#[test]
fn cancels() {
    let inside = [Event::Before(Span::Backward), Event::After(Span::Backward), Event::Before(Span::Step)];
    let around = [Event::Before(Span::Batch), Event::After(Span::Step), Event::After(Span::Batch)];
    for event in inside.into_iter().chain(around) {
        for span in [Span::Step, Span::Backward, Span::Batch, Span::Train, Span::Epoch, Span::Fit] {
            // One in the middle of an epoch, the last one, and the first of another.
            for batch in [10, 24, 25] {
                let fit = |looks| {
                    let act = Box::new(move |t: &mut Trainer| t.cancel(span, "a test"));
                    let mut learn =
                        learner(config(vec![At { event, batch: Some(batch), act, looks }]), 200, 2);
                    // Not every span is open at every event.
                    let error = learn.fit(2, None).err().map(|error| error.to_string());
                    (error, all_bits(&learn))
                };
                assert!(fit(false) == fit(true), "{span:?} at {event} of batch {batch}");
            }
        }
    }
}

/// Whoever listens outside of batches sees the model as it is, and may change it.
#[test]
fn a_cancelled_pass_is_seen_whole() {
    let fit = |looks| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let act = Box::new(|t: &mut Trainer| t.cancel(Span::Train, "a test"));
        let cancel = At { event: Event::After(Span::Batch), batch: Some(30), act, looks };
        let look = on("look", Event::AfterCancel(Span::Train), move |t| {
            kept.lock().unwrap().clone_from(&t.model.params().values);
            t.model.params_mut().values.fill(0.5);
            Ok(())
        });
        let mut learn = learner(config(vec![cancel]), 400, 2);
        learn.callbacks_mut().add(look).unwrap();
        learn.fit(1, None).unwrap();
        let values = seen.lock().unwrap().clone();
        (values, all_bits(&learn))
    };
    assert!(fit(false) == fit(true));
}

#[test]
fn a_model_saved_from_a_hook_that_does_not_look() {
    let saved = |looks| {
        let path = std::env::temp_dir().join(format!("highmark-saved-{}-{looks}", std::process::id()));
        let to = path.clone();
        let mut learn = learner(config(vec![at(40, looks, move |t| t.save_to(&to, true).unwrap())]), 400, 2);
        learn.fit(1, None).unwrap();
        let file = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        (file, all_bits(&learn))
    };
    assert!(saved(false) == saved(true));
}
