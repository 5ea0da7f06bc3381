//! Fits with a limit of time, by a clock that batches move on: what a loader costs is set, to the microsecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use highmark::{
    Budget, Callback, CheckpointConfig, Event, Learner, LearnerConfig, Mse, Outcome, Phase, Plan, Report,
    Schedule, Span, TabularConfig, TabularModel, on,
};

use crate::small_learner::{bits, noise, rows};

/// Microseconds that the loader, the validation and the files take.
#[derive(Clone, Copy)]
pub(crate) struct Costs {
    /// A training batch, by its number.
    pub(crate) train: fn(usize) -> u64,
    pub(crate) valid: u64,
    /// After each epoch.
    pub(crate) save: u64,
    /// Before the fit.
    pub(crate) load: u64,
}

pub(crate) const EVEN: Costs = Costs { train: |_| 50_000, valid: 20_000, save: 100_000, load: 0 };

/// 100 training batches and 20 validation batches an epoch.
fn learner() -> Learner {
    learner_with(None)
}

pub(crate) fn learner_with(checkpoint: Option<CheckpointConfig>) -> Learner {
    let model = TabularConfig { layers: vec![4], dropout: vec![0.2], ..TabularConfig::default() };
    let model = TabularModel::new(&model, &[("level".into(), 3)], 2, 1, 7).unwrap();
    let config = LearnerConfig { batch_size: 2, checkpoint, ..LearnerConfig::default() };
    let mut learn = Learner::new(Box::new(model), Box::new(Mse), rows(200, 1), rows(40, 2), config).unwrap();
    learn.quiet();
    learn
}

pub(crate) fn slowed(clock: &Arc<AtomicU64>, costs: Costs) -> Vec<Box<dyn Callback>> {
    let (in_batch, after) = (Arc::clone(clock), Arc::clone(clock));
    vec![
        on("slow_loader", Event::Before(Span::Batch), move |t| {
            let training = t.phase() == Phase::Train;
            let cost = if training { (costs.train)(t.progress().train_iter) } else { costs.valid };
            in_batch.fetch_add(cost, Ordering::Relaxed);
            Ok(())
        }),
        on("slow_disk", Event::After(Span::Epoch), move |_| {
            after.fetch_add(costs.save, Ordering::Relaxed);
            Ok(())
        }),
    ]
}

/// A fit of at most `epochs` in `seconds`; returns what the clock showed at its end.
fn fit(seconds: u64, epochs: usize, costs: Costs) -> (Learner, Report, f64) {
    let clock = Arc::new(AtomicU64::new(costs.load));
    let mut learn = learner();
    let shown = Arc::clone(&clock);
    let shown = move || Duration::from_micros(shown.load(Ordering::Relaxed));
    learn.set_budget(Some(Budget::with_clock(Duration::from_secs(seconds), shown).unwrap()));
    let report = learn.fit_with(epochs, Some(0.01), &Schedule::one_cycle(), slowed(&clock, costs)).unwrap();
    let used = clock.load(Ordering::Relaxed) as f64 / 1e6;
    (learn, report, used)
}

/// Fits in pieces: raises the stop flag after each of these training batches, or in the validation after them, and resumes.
fn in_pieces(
    name: &str,
    stops: &[(usize, Phase)],
    budget: impl Fn(&Arc<AtomicU64>) -> Budget,
    costs: Costs,
) -> (Learner, Report, u64) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(std::fs::remove_dir_all(&folder));
    let mut used = 0;
    for piece in 0..=stops.len() {
        // Every process has its own clock.
        let clock = Arc::new(AtomicU64::new(if piece == 0 { costs.load } else { 0 }));
        let mut learn = learner_with(Some(CheckpointConfig::new(&folder)));
        learn.set_budget(Some(budget(&clock)));
        assert_eq!(learn.resume().unwrap().is_some(), piece > 0);
        let mut callbacks = slowed(&clock, costs);
        if let Some(at) = stops.get(piece).copied() {
            callbacks.push(on("stop", Event::After(Span::Batch), move |t| {
                if (t.progress().train_iter, t.phase()) == at {
                    t.stop_flag().raise();
                }
                Ok(())
            }));
        }
        let report = learn.fit_with(usize::MAX, Some(0.01), &Schedule::one_cycle(), callbacks).unwrap();
        used += clock.load(Ordering::Relaxed);
        if piece == stops.len() {
            std::fs::remove_dir_all(&folder).unwrap();
            return (learn, report, used);
        }
        assert_eq!(report.outcome, Outcome::Interrupted);
    }
    unreachable!()
}

#[test]
fn a_budget_counts_across_resumes() {
    let seconds = Duration::from_secs(120);
    let of_clock = |clock: &Arc<AtomicU64>| {
        let clock = Arc::clone(clock);
        Budget::with_clock(seconds, move || Duration::from_micros(clock.load(Ordering::Relaxed))).unwrap()
    };
    let costs = Costs { load: 5_000_000, ..EVEN };
    let stops = [(3, Phase::Train), (150, Phase::Train), (1300, Phase::Validate), (1999, Phase::Train)];
    let (learn, report, used) = in_pieces("budget-pieces", &stops, of_clock, costs);
    let used = used as f64 / 1e6;
    assert!((118.8..=120.0).contains(&used), "{used}: {report:?}");
    assert!(*learn.history().lrs.last().unwrap() < 1e-5);
    // The recorded plans give the same bits: at once, and in other pieces.
    let plans = &learn.history().plans;
    let replay = |_: &Arc<AtomicU64>| Budget::replay(plans).unwrap();
    for stops in
        [&[][..], &[(1, Phase::Train), (700, Phase::Validate), (701, Phase::Train), (1901, Phase::Train)]]
    {
        let (again, ..) = in_pieces("replay-pieces", stops, replay, EVEN);
        assert_eq!((bits(&learn), &learn.history().losses), (bits(&again), &again.history().losses));
        assert_eq!((&learn.history().lrs, plans), (&again.history().lrs, &again.history().plans));
    }
}

/// Within 1 % and never over; the schedule complete, never going back; the same bits from the plans alone.
#[track_caller]
fn check(seconds: u64, costs: Costs) -> (Learner, Report) {
    let (learn, report, used) = fit(seconds, usize::MAX, costs);
    let total = seconds as f64;
    assert!((0.99 * total..=total).contains(&used), "{used} s of {seconds} s: {report:?}");
    assert!(report.budget.unwrap().ended && report.stop_reason().contains("is used up"));
    let history = learn.history();
    assert_eq!(report.epochs_run, history.rows.len());
    assert_eq!(report.epochs_planned, report.epochs_run);
    // Every epoch that was begun was finished and validated.
    assert!(history.rows.iter().all(|row| row.valid_loss.is_some()), "{:?}", history.rows);
    let peak = history.lrs.iter().position(|lr| *lr >= 0.0099).unwrap();
    assert!(history.lrs[peak..].windows(2).all(|lrs| lrs[1] <= lrs[0] || lrs[0] >= 0.0099));
    assert!(*history.lrs.last().unwrap() < 1e-5, "the last rate is {}", history.lrs.last().unwrap());
    assert!(history.plans.windows(2).all(|plans| plans[0].position <= plans[1].position));
    assert!(history.plans.len() < 600, "{} plans", history.plans.len());

    // The record is enough, on a machine of any speed, also after a way through a file.
    let json = serde_json::to_string(&history.plans).unwrap();
    let plans: Vec<Plan> = serde_json::from_str(&json).unwrap();
    assert_eq!(plans, history.plans);
    let mut again = learner();
    again.set_budget(Some(Budget::replay(&plans).unwrap()));
    let replayed = again.fit_with(usize::MAX, Some(0.01), &Schedule::one_cycle(), Vec::new()).unwrap();
    assert_eq!(bits(&learn), bits(&again));
    assert_eq!(learn.history().losses, again.history().losses);
    assert_eq!(learn.history().lrs, again.history().lrs);
    assert_eq!(learn.history().plans, again.history().plans);
    assert_eq!(report.epochs_run, replayed.epochs_run);
    (learn, report)
}

#[test]
fn an_even_loader() {
    let (_, report) = check(120, EVEN);
    // 5.5 s an epoch.
    assert_eq!(report.epochs_run, 22);
    // Loading counts.
    let (_, report) = check(120, Costs { load: 60_000_000, ..EVEN });
    assert_eq!(report.epochs_run, 11);
}

#[test]
fn a_loader_that_changes() {
    // Three times as slow from a third on; much faster; a pause of five seconds; noise.
    check(120, Costs { train: |i| if i < 700 { 50_000 } else { 150_000 }, ..EVEN });
    check(120, Costs { train: |i| if i < 700 { 50_000 } else { 10_000 }, ..EVEN });
    check(120, Costs { train: |i| if i == 900 { 5_000_000 } else { 50_000 }, ..EVEN });
    check(300, Costs { train: |i| (40_000.0 + 20_000.0 * f64::from(noise(1, i as u32)[0])) as u64, ..EVEN });
    // The first batches are slow.
    check(61, Costs { train: |i| if i < 20 { 400_000 } else { 20_000 }, ..EVEN });
}

#[test]
fn long_epochs_and_long_validations() {
    // An epoch is longer than the budget.
    let (_, report) = check(90, Costs { train: |_| 300_000, ..EVEN });
    assert!(report.epochs_run <= 5, "{report:?}");
    let (_, report) = check(90, Costs { train: |_| 1_500_000 / 4, valid: 500_000, ..EVEN });
    assert!(report.epochs_run >= 2, "{report:?}");
    // Validation and saving take nearly as long as training.
    check(200, Costs { train: |_| 20_000, valid: 60_000, save: 500_000, load: 1_000_000 });
    // Longer than two epochs of training: up to one of them is left over.
    let costs = Costs { train: |_| 20_000, valid: 150_000, save: 2_000_000, load: 1_000_000 };
    let (_, report, used) = fit(200, usize::MAX, costs);
    assert!((193.0..200.0).contains(&used), "{used}: {report:?}");
}

/// Time that turns out to be left at the end is not cut into many epochs of next to nothing, which would use up the patience
/// of early stopping.
#[test]
fn the_end_is_not_cut_into_scraps() {
    // Batches and epochs' ends that are each a little faster or slower than the last, as on a real machine.
    fn noisy(at: usize, micros: f64) -> u64 {
        (micros * (0.6 + 0.8 * f64::from(noise(1, at as u32)[0].abs()))) as u64
    }
    for (micros, train) in [
        (200_000, (|i| noisy(i, 400.0)) as fn(usize) -> u64),
        (1_000_000, |i| noisy(i, 400.0)),
        (1_000_000, |i| if i < 500 { 700 } else { 300 }),
        (3_000_000, |i| noisy(i, 400.0)),
        (3_000_000, |i| if i % 100 < 50 { 300 } else { 600 }),
    ] {
        for seed in 0..10 {
            let clock = Arc::new(AtomicU64::new(1000 * seed));
            let mut learn = learner();
            let shown = Arc::clone(&clock);
            let shown = move || Duration::from_micros(shown.load(Ordering::Relaxed));
            learn.set_budget(Some(Budget::with_clock(Duration::from_micros(micros), shown).unwrap()));
            let costs = Costs { train, valid: 100, save: 0, load: 0 };
            let mut callbacks = slowed(&clock, costs);
            let after = Arc::clone(&clock);
            callbacks.push(on("uneven_disk", Event::After(Span::Epoch), move |t| {
                let cost = noisy(t.progress().epoch + 1000 * seed as usize, 3000.0);
                after.fetch_add(cost, Ordering::Relaxed);
                Ok(())
            }));
            learn.fit_with(usize::MAX, Some(0.01), &Schedule::one_cycle(), callbacks).unwrap();
            let (used, mut begun) = (clock.load(Ordering::Relaxed), 0);
            let lengths: Vec<_> =
                learn.history().iters.iter().map(|end| *end - std::mem::replace(&mut begun, *end)).collect();
            let of = |most: usize| lengths.iter().filter(|batches| **batches < most).count();
            // Two of half an epoch each, where there is no time for one more validation; or one of any length.
            assert!(of(50) <= 1 && of(100) <= 2, "{micros} {seed}: {lengths:?}");
            assert!(used <= micros && used + 40_000 > micros * 9 / 10, "{micros} {seed}: {used} {lengths:?}");
            let mut again = learner();
            again.set_budget(Some(Budget::replay(&learn.history().plans).unwrap()));
            again.fit_with(usize::MAX, Some(0.01), &Schedule::one_cycle(), Vec::new()).unwrap();
            assert_eq!((bits(&learn), &learn.history().plans), (bits(&again), &again.history().plans));
        }
    }
}

#[test]
fn epochs_are_a_limit_too() {
    let (learn, report, used) = fit(120, 3, EVEN);
    assert_eq!((report.epochs_run, report.epochs_planned), (3, 3));
    assert!(used < 20.0 && !report.budget.unwrap().ended);
    assert_eq!(report.stop_reason(), "all 3 epochs ran");
    // The same as without a budget.
    let mut free = learner();
    free.fit_with(3, Some(0.01), &Schedule::one_cycle(), Vec::new()).unwrap();
    let close = |a: &f64, b: &f64| (a - b).abs() <= 1e-6 * b;
    assert!(learn.history().lrs.iter().zip(&free.history().lrs).all(|(a, b)| close(a, b)));
}

#[test]
fn time_runs_out_in_a_validation() {
    // Nobody could have known: validation 40 times as slow as training.
    let costs = Costs { train: |_| 10_000, valid: 5_000_000, ..EVEN };
    let (learn, report, used) = fit(60, usize::MAX, costs);
    assert!((55.0..=65.0).contains(&used), "{used}");
    assert_eq!((report.epochs_run, learn.history().rows[0].valid_loss), (1, None));
    assert!(learn.history().plans.last().unwrap().validated.is_some());
    let mut again = learner();
    again.set_budget(Some(Budget::replay(&learn.history().plans).unwrap()));
    again.fit_with(usize::MAX, Some(0.01), &Schedule::one_cycle(), Vec::new()).unwrap();
    assert_eq!((bits(&learn), &learn.history().plans), (bits(&again), &again.history().plans));
    assert_eq!(again.history().rows[0].valid_loss, None);
}

#[test]
fn budgets_and_plans_that_make_no_sense() {
    assert!(Budget::new(Duration::ZERO).is_err());
    let plan = Plan { epoch: 0, step: 0, position: 0.0, total: 10, last: 10, validated: None };
    assert!(Budget::replay(&[plan]).is_ok());
    for plans in [
        vec![],
        vec![Plan { step: 3, ..plan }],
        vec![Plan { position: f64::NAN, ..plan }],
        vec![Plan { last: 11, ..plan }],
        vec![plan, Plan { step: 11, ..plan }],
        vec![plan, Plan { position: 0.5, ..plan }, Plan { step: 5, position: 0.4, ..plan }],
    ] {
        assert!(Budget::replay(&plans).is_err(), "{plans:?}");
    }
    let mut learn = learner();
    learn.set_budget(Some(Budget::new(Duration::from_secs(9)).unwrap()));
    let restarts = Schedule::parse("cosine-restarts").unwrap();
    let error = learn.fit_with(usize::MAX, None, &restarts, Vec::new()).unwrap_err();
    assert!(error.to_string().contains("cycles"), "{error}");
}
