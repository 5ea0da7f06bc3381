//! Losses and gradients that are not numbers, under every policy.

use std::sync::{Arc, Mutex};

use highmark::{
    Callback, Event, LearnerConfig, NonFinite, NonFiniteCounts, Outcome, Phase, SaveBest, Schedule, Span,
    Targets, Trainer, on,
};

use crate::small_learner::{bits, with};

const ROLLBACK: NonFinite = NonFinite::Rollback { every: 2, factor: 0.5 };

fn learner(non_finite: NonFinite, accumulate: usize, callbacks: Vec<Box<dyn Callback>>) -> highmark::Learner {
    with(LearnerConfig { batch_size: 2, accumulate, non_finite, callbacks, ..LearnerConfig::default() })
}

/// Spoils the numbers of these training batches of the fit (4 an epoch), before the model sees them.
fn spoil(batches: &'static [usize], with: f32) -> Box<dyn Callback> {
    on("spoil", Event::Before(Span::Batch), move |t| {
        if t.phase() == Phase::Train && batches.contains(&t.progress().train_iter) {
            spoil_targets(t, with);
            t.batch.x_cont[0] = with;
        }
        Ok(())
    })
}

fn spoil_targets(t: &mut Trainer, with: f32) {
    if let Some(Targets::Values { values, .. }) = &mut t.batch.targets {
        values[0] = with;
    }
}

/// Everything that a step changes.
fn state(t: &Trainer) -> (Vec<u32>, Vec<u32>, u64) {
    let params = t.model.params();
    let moments = t.optimizer.tensors().into_iter().flat_map(|(_, tensor)| tensor.to_vec());
    (
        params.values.iter().chain(&params.buffers).map(|x| x.to_bits()).collect(),
        moments.map(f32::to_bits).collect(),
        t.optimizer.steps(),
    )
}

type States = Arc<Mutex<Vec<(Vec<u32>, Vec<u32>, u64)>>>;

/// Records the state before each training batch.
fn record(states: &States) -> Box<dyn Callback> {
    let states = Arc::clone(states);
    on("record", Event::Before(Span::Batch), move |t| {
        if t.phase() == Phase::Train {
            states.lock().unwrap().push(state(t));
        }
        Ok(())
    })
}

#[test]
fn without_such_values_no_policy_changes_a_bit() {
    let run = |policy, accumulate| {
        let mut learn = learner(policy, accumulate, Vec::new());
        let report = learn.fit(3, Some(0.01)).unwrap();
        assert!(report.non_finite.is_empty());
        bits(&learn)
    };
    for accumulate in [1, 3] {
        let stop = run(NonFinite::Stop, accumulate);
        assert_eq!(stop, run(NonFinite::Skip, accumulate));
        assert_eq!(stop, run(ROLLBACK, accumulate));
    }
}

#[test]
fn stop_leaves_the_last_sound_model() {
    for bad in [f32::NAN, f32::INFINITY] {
        let states = States::default();
        let mut learn = learner(NonFinite::Stop, 1, vec![record(&states), spoil(&[5], bad)]);
        let report = learn.fit(3, Some(0.01)).unwrap();
        let Outcome::Cancelled(cancel) = &report.outcome else { panic!("{report:?}") };
        assert_eq!((cancel.by.as_str(), cancel.span, cancel.epoch), ("non_finite", Span::Fit, 1));
        assert!(
            // In the norm an infinite number becomes none.
            cancel.reason.starts_with("the loss is NaN at batch 1 of epoch 1 (training)"),
            "{}",
            cancel.reason
        );
        assert_eq!((report.epochs_run, states.lock().unwrap().len()), (1, 6));
        assert_eq!(states.lock().unwrap()[5], state(learn.trainer()));
        assert!(learn.validate().unwrap().iter().all(|(_, value)| value.is_finite()));
    }
    // The best model is handed back as after any other end.
    let best = SaveBest::new(highmark::Monitor::new("valid_loss")).in_memory();
    let mut learn = learner(NonFinite::Stop, 1, vec![spoil(&[9], f32::NAN), Box::new(best)]);
    learn.fit(3, Some(0.01)).unwrap();
    let best = learn.history().best("valid_loss", highmark::Direction::Lower).unwrap();
    assert_eq!(learn.validate().unwrap()[0].1, best.value);
}

#[test]
fn a_skipped_step_leaves_no_trace() {
    let fused = |inside: bool| {
        let states = States::default();
        let mut callbacks = vec![record(&states), spoil(&[2, 3, 9], f32::NAN)];
        if inside {
            callbacks.push(on("inside", Event::After(Span::Step), |_| Ok(())));
        }
        let mut learn = learner(NonFinite::Skip, 1, callbacks);
        let report = learn.fit(3, Some(0.01)).unwrap();
        assert_eq!((&report.outcome, report.non_finite.skipped), (&Outcome::Completed, 3));
        let states = states.lock().unwrap();
        // Not even the running statistics, which the forward pass moves, nor the optimizer's count.
        assert!(states[2] == states[3] && states[3] == states[4] && states[4] != states[5]);
        assert!(states[9] == states[10] && states[1] != states[2]);
        assert_eq!(state(learn.trainer()).2, 12 - 3);
        let history = learn.history();
        assert!(history.losses[2].is_nan() && history.smooth_loss().is_finite());
        assert!(history.rows.iter().all(|row| row.train_loss.unwrap().is_finite()));
        bits(&learn)
    };
    assert_eq!(fused(false), fused(true));
}

#[test]
fn gradients_alone_and_those_that_wait() {
    // The loss is finite, its gradient is not; with 2 batches a step, the second of a pair and the first.
    for (batch, accumulate, same) in [(2, 1, (2, 3)), (3, 2, (2, 4)), (2, 2, (2, 4))] {
        let states = States::default();
        let spoil = on("spoil", Event::AfterLoss, move |t| {
            if t.phase() == Phase::Train && t.progress().train_iter == batch {
                t.grad[1] = f32::INFINITY;
            }
            Ok(())
        });
        let mut learn = learner(NonFinite::Skip, accumulate, vec![record(&states), spoil]);
        let report = learn.fit(2, Some(0.01)).unwrap();
        assert_eq!(report.non_finite, NonFiniteCounts { skipped: 1, ..NonFiniteCounts::default() });
        let states = states.lock().unwrap();
        assert_eq!(states[same.0].0[..10], states[same.1].0[..10], "batch {batch} of {accumulate}");
        assert_eq!((&states[same.0].1, states[same.0].2), (&states[same.1].1, states[same.1].2));
        assert!(state(learn.trainer()).0.iter().all(|bits| f32::from_bits(*bits).is_finite()));
    }
    let spoil = on("spoil", Event::After(Span::Backward), |t| {
        let range = t.model.params().list()[1].range.clone();
        t.model.params_mut().grads[range.start] = f32::NAN;
        Ok(())
    });
    let mut learn = learner(NonFinite::Stop, 1, vec![spoil]);
    let name = learn.trainer().model.params().list()[1].name.clone();
    let reason = learn.fit(1, Some(0.01)).unwrap().stop_reason();
    assert!(reason.contains(&format!("the gradient of {name} is not finite at batch 0")), "{reason}");
}

#[test]
fn rollback_goes_back_and_on_at_a_lower_rate() {
    for schedule in [Schedule::Flat, Schedule::one_cycle()] {
        let run = |spoilt: &'static [usize]| {
            let states = States::default();
            let mut learn = learner(ROLLBACK, 1, vec![record(&states), spoil(spoilt, f32::NAN)]);
            let report = learn.fit_with(3, Some(0.01), &schedule, Vec::new()).unwrap();
            let states = std::mem::take(&mut *states.lock().unwrap());
            (learn, report, states)
        };
        let (sound, _, _) = run(&[]);
        let (learn, report, states) = run(&[7, 9]);
        assert_eq!(
            (report.non_finite.rolled_back, report.non_finite.skipped, &report.outcome),
            (2, 2, &Outcome::Completed)
        );
        // Copies are taken before steps 0, 2, 4, 6, and 8 + 2: step 8 is the first sound one after the first rollback.
        assert_eq!(states[8], states[6]);
        assert_eq!(states[10], states[8]);
        let (lrs, before) = (&learn.history().lrs, &sound.history().lrs);
        for (i, scale) in [(6, 1.0), (7, 1.0), (8, 0.5), (9, 0.5), (10, 0.25), (11, 0.25)] {
            assert_eq!(lrs[i], before[i] * scale, "batch {i}");
        }
        // The rate that schedules and callbacks see is the full one, and the next fit's is, too.
        assert_eq!(learn.trainer().optimizer.lr(), sound.trainer().optimizer.lr());
        assert_eq!(bits(&learn), bits(&run(&[7, 9]).0));
    }
}

#[test]
fn a_resumed_fit_goes_on_with_scale_counts_and_copy() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("non-finite-resume");
    for (policy, accumulate) in
        [(ROLLBACK, 1), (ROLLBACK, 2), (NonFinite::Skip, 2), (ROLLBACK, 3), (NonFinite::Skip, 3)]
    {
        let run = |stop: Option<usize>, resume: bool| {
            // The first and the last of those that make a step together, and one between.
            let callbacks = vec![spoil(&[3, 4, 9, 13], f32::NAN)];
            let checkpoint = Some(highmark::CheckpointConfig::new(&folder));
            let config = LearnerConfig {
                batch_size: 2,
                accumulate,
                non_finite: policy,
                callbacks,
                checkpoint,
                ..LearnerConfig::default()
            };
            let mut learn = with(config);
            if resume {
                assert!(learn.resume().unwrap().is_some());
            }
            let stop = on("stop", Event::After(Span::Batch), move |t| {
                if t.phase() == Phase::Train && Some(t.progress().train_iter) == stop {
                    t.stop_flag().raise();
                }
                Ok(())
            });
            let report = learn.fit_with(4, Some(0.01), &Schedule::one_cycle(), vec![stop]).unwrap();
            let smooth: Vec<_> = learn.history().smooth_losses.iter().map(|x| x.to_bits()).collect();
            (state(learn.trainer()), smooth, learn.history().lrs.clone(), report.non_finite)
        };
        drop(std::fs::remove_dir_all(&folder));
        let whole = run(None, false);
        for stop in 1..16 {
            drop(std::fs::remove_dir_all(&folder));
            run(Some(stop), false);
            assert!(
                run(None, true) == whole,
                "{policy:?}, {accumulate} batches a step, left after batch {stop}"
            );
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn ten_in_a_row_are_the_end() {
    const ALL: &[usize] = &[4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];
    for policy in [NonFinite::Skip, ROLLBACK] {
        let mut learn = learner(policy, 1, vec![spoil(ALL, f32::NAN)]);
        let report = learn.fit(5, Some(0.01)).unwrap();
        let reason = report.stop_reason();
        assert!(reason.starts_with("non_finite: ") && reason.contains("10 such steps in a row"), "{reason}");
        assert_eq!((report.non_finite.skipped, learn.history().losses.len()), (10, 14));
        assert!(bits(&learn).iter().all(|bits| f32::from_bits(*bits).is_finite()));
        // A fit that follows starts anew.
        learn.callbacks_mut().remove("spoil");
        assert!(learn.fit(1, Some(0.01)).unwrap().non_finite.is_empty());
    }
}

#[test]
fn a_validation_that_is_not_finite() {
    let run = |policy| {
        let spoil = on("spoil_validation", Event::Before(Span::Batch), |t| {
            if t.phase() == Phase::Validate && t.progress().epoch == 1 {
                spoil_targets(t, f32::INFINITY);
            }
            Ok(())
        });
        let mut learn = learner(policy, 1, vec![spoil]);
        let report = learn.fit(3, Some(0.01)).unwrap();
        (learn, report)
    };
    let (_, report) = run(NonFinite::Stop);
    assert!(
        report.stop_reason().contains("the loss is inf at batch 0 of epoch 1 (validation)"),
        "{report:?}"
    );
    let (_, report) = run(NonFinite::Skip);
    assert_eq!((report.non_finite.validations, report.non_finite.rolled_back), (1, 0));
    let (learn, report) = run(ROLLBACK);
    assert_eq!((report.non_finite.validations, report.non_finite.rolled_back), (1, 1));
    assert_eq!((learn.history().lrs[7], learn.history().lrs[8]), (0.01, 0.005));
}

#[test]
fn lr_find_and_validate_are_not_guarded() {
    let mut learn = learner(NonFinite::Stop, 1, vec![spoil(&[3], f32::NAN)]);
    let wild =
        highmark::LrFindConfig { end_lr: 1e30, stop_diverging: false, ..highmark::LrFindConfig::default() };
    let found = learn.lr_find(&wild).unwrap();
    assert_eq!(found.losses.len(), 100);
    assert!(learn.trainer().non_finite().is_empty());
}
