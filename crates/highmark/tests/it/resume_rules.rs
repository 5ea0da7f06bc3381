//! Which fits go on from which checkpoints, what must be there for it, and what does not matter.

use std::fs;

use highmark::{
    Callback, CallbackState, CheckpointConfig, EarlyStopping, Error, EventSet, Learner, LearnerConfig,
    LrFindConfig, Metric, Monitor, Mse, OptimizerConfig, Outcome, SaveBest, TabularConfig, TabularModel,
    Targets, metric,
};

use crate::resume::{leave, new_folder, weights};

#[test]
fn a_finished_fit_ends_again_or_is_extended() {
    let folder = new_folder("resume-extend");
    let start = |epochs: usize, resume: bool, name: &str| {
        let mut learn = crate::small_learner::with(LearnerConfig {
            batch_size: 4,
            checkpoint: Some(CheckpointConfig::new(folder.join(name))),
            callbacks: vec![Box::new(SaveBest::new(Monitor::new("valid_loss")).in_memory())],
            ..LearnerConfig::default()
        });
        if resume {
            assert!(learn.resume().unwrap().unwrap().finished);
        }
        let report = learn.fit(epochs, None).unwrap();
        assert_eq!((report.outcome, report.epochs_run), (Outcome::Completed, epochs));
        (weights(&learn), learn.history().losses.clone())
    };
    let short = start(2, false, "a");
    assert!(start(2, true, "a") == short);
    let long = start(5, false, "b");
    // At a constant rate the position in the fit decides nothing.
    assert!(start(5, true, "a") == long);
    assert_ne!(short.1.len(), long.1.len());
}

#[test]
fn what_does_not_fit_is_named() {
    let folder = new_folder("resume-refused");
    let base = || LearnerConfig {
        batch_size: 4,
        checkpoint: Some(CheckpointConfig::new(&folder)),
        ..LearnerConfig::default()
    };
    let mut learn = crate::small_learner::with(LearnerConfig { callbacks: vec![leave(3, false)], ..base() });
    assert_eq!(learn.fit(2, None).unwrap().outcome, Outcome::Interrupted);

    let refused = |config: LearnerConfig, fit: &dyn Fn(&mut Learner) -> highmark::Result<()>| {
        let mut learn = crate::small_learner::with(config);
        assert!(!learn.resume().unwrap().unwrap().finished);
        let before = weights(&learn);
        let error = fit(&mut learn).unwrap_err().to_string();
        assert!(error.contains("checkpoint.safetensors"), "{error}");
        assert_eq!(weights(&learn), before, "{error}");
        error
    };
    let flat = |learn: &mut Learner| learn.fit(2, None).map(drop);
    for (config, named) in [
        (LearnerConfig { seed: 7, ..base() }, "seed was 42 and is 7 now"),
        (LearnerConfig { batch_size: 2, ..base() }, "batch size was 4 and is 2 now"),
        (LearnerConfig { lr: 0.5, ..base() }, "learning rate was 0.001 and is 0.5 now"),
        (LearnerConfig { accumulate: 2, ..base() }, "accumulate was 1 and is 2 now"),
        (
            LearnerConfig { metrics: vec![metric("mae").unwrap()], ..base() },
            "metrics was [] and is [\"mae\"] now",
        ),
        (
            LearnerConfig {
                optimizer: OptimizerConfig { wd: Some(0.3), ..OptimizerConfig::default() },
                ..base()
            },
            "optimizer: wd was",
        ),
    ] {
        let error = refused(config, &flat);
        assert!(error.contains(named), "{error}");
    }
    let error = refused(base(), &|learn| learn.fit_one_cycle(2, &highmark::OneCycle::default()).map(drop));
    assert!(error.contains("schedule was {\"name\":\"flat\"} and is"), "{error}");
    let error = refused(base(), &|learn| learn.fit(5, None).map(drop));
    assert!(error.contains("2 epochs that has not ended"), "{error}");
    let error = refused(base(), &|learn| learn.fit(1, None).map(drop));
    assert!(error.contains("2 epochs, which cannot become 1"), "{error}");

    // Other data under the same settings.
    let model =
        TabularConfig { layers: vec![5], dropout: vec![0.2], embed_dropout: 0.1, ..TabularConfig::default() };
    let model = TabularModel::new(&model, &[("level".into(), 3)], 2, 1, 7).unwrap();
    let (train, valid) = (crate::small_learner::rows(8, 3), crate::small_learner::rows(4, 2));
    let mut learn = Learner::new(Box::new(model), Box::new(Mse), train, valid, base()).unwrap();
    learn.resume().unwrap();
    let error = learn.fit(2, None).unwrap_err().to_string();
    assert!(error.contains("training rows: as many as before, 8, but their contents differ"), "{error}");

    // After all that, the fit it is of.
    let mut learn = crate::small_learner::with(base());
    learn.resume().unwrap();
    assert_eq!(learn.fit(2, None).unwrap().outcome, Outcome::Completed);
}

#[test]
fn callbacks_must_be_the_same_until_the_fit_has_ended() {
    let folder = new_folder("resume-callback");
    let config = |callbacks| LearnerConfig {
        batch_size: 4,
        callbacks,
        checkpoint: Some(CheckpointConfig::new(&folder)),
        ..LearnerConfig::default()
    };
    let stopping = |patience| Box::new(EarlyStopping::new(Monitor::new("valid_loss")).patience(patience));
    let counts = || Box::new(Counts(3));
    let left = vec![stopping(1) as Box<dyn Callback>, counts(), leave(2, false)];
    crate::small_learner::with(config(left)).fit(2, None).unwrap();
    let resumed = |callbacks: Vec<Box<dyn Callback>>| {
        let mut learn = crate::small_learner::with(config(callbacks));
        learn.resume().unwrap();
        learn
    };
    let refused = |callbacks, named: &str| {
        let error = resumed(callbacks).fit(2, None).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    };
    refused(vec![counts()], "callback `early_stopping` is gone");
    refused(vec![counts(), stopping(2)], "callback `early_stopping`: patience was 1 and is 2 now");
    let best = SaveBest::new(Monitor::new("valid_loss")).in_memory();
    refused(vec![counts(), stopping(1), Box::new(best)], "callback `save_best` is new");
    // What it was made with is not known of one of a user's own.
    refused(vec![stopping(1)], "callback `counts`, which is not there now");

    // Put right, it is still the fit that was left.
    let mut learn = resumed(vec![counts()]);
    let error = learn.fit(2, Some(0.5)).unwrap_err().to_string();
    assert!(error.contains("is gone") && error.contains("learning rate was 0.001 and is 0.5 now"), "{error}");
    learn.callbacks_mut().add(stopping(1)).unwrap();
    learn.fit(2, None).unwrap();
    let mut whole =
        crate::small_learner::with(LearnerConfig { checkpoint: None, ..config(vec![stopping(1)]) });
    whole.fit(2, None).unwrap();
    assert_eq!(weights(&learn), weights(&whole));
    // It has ended, and may go on otherwise.
    resumed(vec![stopping(9)]).fit(4, None).unwrap();
    // One that watches something else has nothing to remember of it.
    let other = EarlyStopping::new(Monitor::new("train_loss").min_delta(1e6)).patience(2);
    let reason = resumed(vec![Box::new(other)]).fit(20, None).unwrap().stop_reason();
    assert!(reason.starts_with("early_stopping: train_loss has not improved for"), "{reason}");
}

/// A callback of a user's own, with a state.
struct Counts(usize);

impl Callback for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn save_state(&self) -> highmark::Result<CallbackState> {
        CallbackState::of(&self.0)
    }

    fn load_state(&mut self, state: &CallbackState) -> highmark::Result<()> {
        self.0 = state.read()?;
        Ok(())
    }
}

/// What metrics have gathered is part of a checkpoint only in the middle of a validation.
#[test]
fn metrics_are_saved_while_they_gather() {
    let folder = new_folder("resume-metrics");
    let saved = |after: usize| {
        let mut learn = crate::small_learner::with(LearnerConfig {
            batch_size: 4,
            metrics: vec![metric("mae").unwrap()],
            callbacks: vec![leave(after, false)],
            checkpoint: Some(CheckpointConfig::new(&folder)),
            ..LearnerConfig::default()
        });
        let report = learn.fit(2, None).unwrap();
        let file = fs::read(report.checkpoint.unwrap()).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
        (report.outcome, tensors.tensor("metric.mae").is_ok())
    };
    assert_eq!(saved(5), (Outcome::Interrupted, false));
    assert_eq!(saved(6), (Outcome::Interrupted, true));
    assert_eq!(saved(7), (Outcome::Completed, false));
}

/// A metric whose state cannot be saved costs the checkpoint in the middle of a validation, and nothing else.
#[test]
fn a_metric_that_cannot_be_saved_ends_no_fit() {
    struct Odd(Box<dyn Metric>);
    impl Metric for Odd {
        fn name(&self) -> &'static str {
            "odd"
        }
        fn direction(&self) -> highmark::Direction {
            self.0.direction()
        }
        fn reset(&mut self) {
            self.0.reset();
        }
        fn update(
            &mut self,
            predictions: &highmark::Predictions<'_>,
            targets: &Targets,
        ) -> highmark::Result<()> {
            self.0.update(predictions, targets)
        }
        fn value(&self) -> f64 {
            self.0.value()
        }
        fn check(&self, _: usize, _: highmark::Activation, _: &Targets) -> highmark::Result<()> {
            Ok(())
        }
        fn save_state(&self) -> highmark::Result<Vec<f64>> {
            Err(Error::data("not to be saved"))
        }
        fn load_state(&mut self, _: &[f64]) -> highmark::Result<()> {
            Ok(())
        }
    }
    let fit = |after: usize, name: &str| {
        let mut learn = crate::small_learner::with(LearnerConfig {
            batch_size: 4,
            metrics: vec![Box::new(Odd(metric("mae").unwrap()))],
            callbacks: vec![leave(after, false)],
            checkpoint: Some(CheckpointConfig {
                seconds: Some(1e-9),
                ..CheckpointConfig::new(new_folder(name))
            }),
            ..LearnerConfig::default()
        });
        let report = learn.fit(2, None).unwrap();
        (report.outcome, report.checkpoint.is_some())
    };
    assert_eq!(fit(100, "resume-odd-metric"), (Outcome::Completed, true));
    let outcome = fit(3, "resume-odd-metric-left").0;
    assert_eq!(outcome, Outcome::Interrupted);
}

/// Observers, `validate`, `lr_find` and predictions in between, and threads: none of it decides a bit.
#[test]
fn what_only_looks_on_changes_nothing() {
    struct Watch;
    impl Callback for Watch {
        fn name(&self) -> &'static str {
            "watch"
        }
        fn events(&self) -> EventSet {
            EventSet::ALL
        }
        fn save_state(&self) -> highmark::Result<highmark::CallbackState> {
            Ok(highmark::CallbackState::none())
        }
        fn load_state(&mut self, _: &highmark::CallbackState) -> highmark::Result<()> {
            Ok(())
        }
    }
    let folder = new_folder("resume-observers");
    let run = |name: &str, watched: bool, threads: usize, meddle: bool| {
        let mut pieces = vec![3, 8, 100];
        loop {
            let mut callbacks = vec![leave(pieces.remove(0), false)];
            if watched {
                callbacks.push(Box::new(Watch));
            }
            let mut learn = crate::small_learner::with(LearnerConfig {
                batch_size: 4,
                callbacks,
                threads,
                checkpoint: Some(CheckpointConfig::new(folder.join(name))),
                ..LearnerConfig::default()
            });
            learn.resume().unwrap();
            if meddle {
                learn.lr_find(&LrFindConfig { steps: 8, ..LrFindConfig::default() }).unwrap();
                learn.trainer().stop_flag().lower();
                learn.validate().unwrap();
                learn.predict_dataset(&crate::small_learner::rows(5, 5)).unwrap();
            }
            if learn.fit(4, None).unwrap().outcome == Outcome::Completed {
                return weights(&learn);
            }
        }
    };
    let plain = run("a", false, 1, false);
    assert!(run("b", true, 1, false) == plain);
    assert!(run("c", false, 3, true) == plain);
    assert!(run("d", true, 2, true) == plain);
}

/// The file of the best model follows it, and a process may end before: then the one that goes on writes it.
#[test]
fn a_model_file_that_was_left_behind_is_written_in_the_end() {
    let folder = new_folder("resume-stale-model");
    let file = folder.join("best.safetensors");
    let fit = |after: usize| {
        // Only the first epoch is ever the best.
        let best = SaveBest::new(Monitor::new("valid_loss").min_delta(1e9)).path(&file);
        let mut learn = crate::small_learner::with(LearnerConfig {
            batch_size: 4,
            callbacks: vec![Box::new(best), leave(after, false)],
            checkpoint: Some(CheckpointConfig::new(&folder)),
            ..LearnerConfig::default()
        });
        learn.resume().unwrap();
        let outcome = learn.fit(3, None).unwrap().outcome;
        let best = learn.callbacks().get::<SaveBest>().unwrap();
        assert_eq!((best.saved(), best.unwritten()), (&[file.clone()][..], None));
        (outcome, fs::read(&file).unwrap())
    };
    let (outcome, model) = fit(8);
    assert_eq!(outcome, Outcome::Interrupted);
    fs::write(&file, "an older one").unwrap();
    assert_eq!(fit(100), (Outcome::Completed, model));
}
