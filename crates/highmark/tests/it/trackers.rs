//! The decisions of fastai's and Keras's trackers, as `examples/trackers` replays them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use highmark::{
    CheckpointConfig, Direction, EarlyStopping, Learner, LearnerConfig, LrReduction, Monitor, Mse,
    ReduceLrOnPlateau, SaveBest, Schedule, TabularConfig, TabularModel, metric_fn,
};

use crate::trackers_example::tally;

#[test]
fn all_recorded_runs() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/trackers/trackers.json");
    let folder = std::env::temp_dir().join(format!("highmark-it-trackers-{}", std::process::id()));
    let tally = tally::run(&file, &folder).unwrap();
    assert_eq!(tally.failures, [""; 0]);
    // Five of Keras's runs begin with NaN.
    assert_eq!((tally.passed, tally.by_design), (235, BTreeMap::from([("nan-is-never-better", 5)])));
}

#[test]
fn every_difference_by_design_is_documented() {
    use crate::trackers_example::by_design::{NAN, NOTHING_SAVED};
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/differences.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    for name in [NAN, NOTHING_SAVED] {
        assert!(docs.contains(&format!("| `{name}` |")), "{name}");
    }
}

/// Whoever asks for more epochs of a fit that early stopping has ended wants more than one.
#[test]
fn a_fit_that_was_stopped_early_is_patient_anew_when_it_is_extended() {
    let folder = std::env::temp_dir().join(format!("highmark-it-patience-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    let fit = |epochs: usize, resume: bool| {
        // Nothing improves by so much.
        let monitor = Monitor::new("valid_loss").min_delta(1e6);
        let mut learn = crate::small_learner::with(LearnerConfig {
            batch_size: 4,
            checkpoint: Some(CheckpointConfig::new(&folder)),
            callbacks: vec![Box::new(EarlyStopping::new(monitor).patience(2))],
            ..LearnerConfig::default()
        });
        assert_eq!(learn.resume().unwrap().is_some(), resume);
        let report = learn.fit(epochs, None).unwrap();
        (report.epochs_run, report.stop_reason())
    };
    let ended = (3, "early_stopping: valid_loss has not improved for 2 epochs".to_string());
    assert_eq!(fit(10, false), ended);
    assert_eq!(fit(10, true), ended);
    assert_eq!(fit(20, true), (5, ended.1));
    std::fs::remove_dir_all(folder).unwrap();
}

/// Two batches an epoch: 500 batches are 250 epochs, more than the tenth of 600.
#[test]
fn a_patience_scaled_to_the_fit_counts_from_the_end_of_the_warm_up() {
    let epochs_run = |schedule: &Schedule, scaled: bool| {
        let monitor = Monitor::new("valid_loss").min_delta(1e6);
        let stopping = EarlyStopping::new(monitor).patience(2).scaled_to_fit(scaled);
        let mut learn = crate::small_learner::small(Vec::new());
        learn.fit_with(600, None, schedule, vec![Box::new(stopping)]).unwrap()
    };
    let report = epochs_run(&Schedule::one_cycle(), true);
    // The highest rate is met in the epoch after the first 150.
    assert_eq!(report.epochs_run, 151 + 250);
    assert_eq!(report.stop_reason(), "early_stopping: valid_loss has not improved for 400 epochs");
    assert_eq!(epochs_run(&Schedule::Flat, true).epochs_run, 1 + 250);
    assert_eq!(epochs_run(&Schedule::one_cycle(), false).epochs_run, 1 + 2);
}

#[test]
fn a_patience_scaled_to_the_fit_is_the_largest_of_three() {
    let stopping = EarlyStopping::new(Monitor::new("valid_loss")).patience(3);
    assert_eq!(stopping.waits(1000, 1), 3);
    let stopping = stopping.scaled_to_fit(true);
    for (epochs, batches, waits) in [(10, 505, 3), (41, 505, 5), (10, 100, 5), (10, 0, 500)] {
        assert_eq!(stopping.waits(epochs, batches), waits, "{epochs} epochs of {batches}");
    }
}

/// A metric that is the same in every epoch, as an accuracy over few rows may be.
#[test]
fn ties_are_decided_by_the_loss_where_that_is_asked_for() {
    let fit = |by_loss: bool| {
        let config = LearnerConfig {
            batch_size: 4,
            metrics: vec![Box::new(metric_fn("same", Direction::Higher, |_, _| 0.5))],
            callbacks: vec![Box::new(SaveBest::new(Monitor::new("same")).in_memory().ties_by_loss(by_loss))],
            ..LearnerConfig::default()
        };
        // It validates on what it learns by heart.
        let rows = crate::small_learner::rows(8, 1);
        let model = TabularConfig { layers: vec![5], ..TabularConfig::default() };
        let model = TabularModel::new(&model, &[("level".into(), 3)], 2, 1, 7).unwrap();
        let mut learn =
            Learner::new(Box::new(model), Box::new(Mse), Arc::clone(&rows), rows, config).unwrap();
        learn.quiet();
        learn.fit(6, Some(0.01)).unwrap();
        let epoch = learn.callbacks().get::<SaveBest>().unwrap().best_epoch();
        let loss = learn.validate().unwrap()[0].1;
        (epoch, loss, learn)
    };
    let (first, _, learn) = fit(false);
    assert_eq!((first, learn.history().best("same", Direction::Higher).unwrap().epoch), (Some(0), 0));
    let (epoch, loss, learn) = fit(true);
    let lowest = learn.history().best("valid_loss", Direction::Lower).unwrap();
    assert!(lowest.epoch > 0);
    assert_eq!((epoch, loss), (Some(lowest.epoch), lowest.value));
    assert_eq!(learn.history().best_then_loss("same", Direction::Higher).unwrap().epoch, lowest.epoch);
}

/// A second fit at a rate that ruins the model.
#[test]
fn a_best_that_is_not_forgotten_is_handed_back_by_a_later_fit() {
    let monitor = || Monitor::new("valid_loss");
    let kept: [Box<dyn highmark::Callback>; 2] = [
        Box::new(SaveBest::new(monitor()).in_memory().reset_on_fit(false)),
        Box::new(EarlyStopping::new(monitor()).patience(9).restore_best(true).reset_on_fit(false)),
    ];
    for callback in kept {
        let mut learn = crate::small_learner::small(vec![callback]);
        learn.fit(3, Some(1e-3)).unwrap();
        let best = learn.trainer().model.params().snapshot();
        learn.fit(2, Some(0.9)).unwrap();
        assert!(learn.history().best("valid_loss", Direction::Lower).unwrap().value > 2.0);
        assert_eq!(learn.trainer().model.params().snapshot(), best);
    }
}

/// As fastai, which takes the larger of the least rate and the lower one.
#[test]
fn a_plateau_raises_a_rate_up_to_the_least() {
    let monitor = Monitor::new("valid_loss").min_delta(1e6);
    let plateau = ReduceLrOnPlateau::new(monitor).min_lr(1e-2);
    let mut learn = crate::small_learner::small(vec![Box::new(plateau)]);
    learn.fit(4, Some(1e-3)).unwrap();
    let lrs = &learn.history().lrs;
    assert_eq!((lrs[0], lrs[lrs.len() - 1]), (1e-3, 1e-2));
}

/// The worst infinity is no improvement on nothing in fastai; in Keras the first value is the best so far.
#[test]
fn a_first_value_of_infinity_is_the_best_where_that_is_asked_for() {
    for (direction, worst) in [(Direction::Lower, f64::INFINITY), (Direction::Higher, f64::NEG_INFINITY)] {
        let monitor = Monitor::new("x").direction(direction);
        let fit = |monitor: Monitor| {
            let config = LearnerConfig {
                batch_size: 4,
                metrics: vec![Box::new(metric_fn("x", direction, move |_, _| worst))],
                callbacks: vec![Box::new(EarlyStopping::new(monitor).patience(1))],
                ..LearnerConfig::default()
            };
            crate::small_learner::with(config).fit(4, None).unwrap().epochs_run
        };
        assert_eq!(fit(monitor.clone()), 1);
        assert_eq!(fit(monitor.first_is_best(true)), 2);
    }
    let mut monitor = Monitor::new("x").first_is_best(true);
    assert!(!monitor.update(f64::NAN) && monitor.update(f64::INFINITY) && !monitor.update(f64::INFINITY));
    assert!(monitor.update(1.0) && !monitor.update(2.0));
}

#[test]
fn a_factor_that_does_not_lower_the_rate_is_told_in_words() {
    for (by, meant) in [
        (LrReduction::DivideBy(1.0), "factor: 1.0 does not lower the rate; it must be above 1"),
        (LrReduction::MultiplyBy(-0.5), "factor: -0.5 does not lower the rate; it must lie between 0 and 1"),
    ] {
        let plateau = ReduceLrOnPlateau::new(Monitor::new("valid_loss")).by(by);
        let error = crate::small_learner::small(vec![Box::new(plateau)]).fit(1, None).unwrap_err();
        assert!(error.to_string().contains(meant), "{error}");
    }
}
