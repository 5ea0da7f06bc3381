//! Fits that are resumed with another limit of time than they had, or without one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use highmark::{
    Budget, CheckpointConfig, Event, Learner, Outcome, Phase, Report, Result, Schedule, Span, on,
};

use crate::budget::{EVEN, learner_with, slowed};
use crate::small_learner::bits;

/// An epoch takes 5.5 s: 100 training batches of 50 ms, 20 validation batches of 20 ms, and 100 ms for the files.
const EPOCH: f64 = 5.5;

/// At which event the stop flag goes up, and after how many training batches of the fit.
type Stop = (Event, Phase, usize);

const fn in_training(batches: usize) -> Stop {
    (Event::After(Span::Batch), Phase::Train, batches)
}

/// Epochs as the fit had planned them, at the end of each: early stopping goes by them.
type Planned = Arc<Mutex<Vec<usize>>>;

struct Fit {
    folder: PathBuf,
    epochs: usize,
    planned: Planned,
}

impl Fit {
    fn new(name: &str, epochs: usize) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        drop(fs::remove_dir_all(&folder));
        Self { folder, epochs, planned: Planned::default() }
    }

    /// A process that begins the fit or goes on with it; with what its clock shows at the end. Without a limit it has begun
    /// `loading` seconds ago.
    fn process(
        &self,
        limit: Option<f64>,
        loading: u64,
        stop: Option<Stop>,
    ) -> (Learner, Result<Report>, f64) {
        let clock = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&clock);
        let shown = move || Duration::from_micros(shown.load(Ordering::Relaxed));
        let budget = limit.map(|limit| Budget::with_clock(Duration::from_secs_f64(limit), shown).unwrap());
        let mut learn = learner_with(Some(CheckpointConfig::new(&self.folder)));
        learn.set_budget(budget);
        learn.count_from(Instant::now().checked_sub(Duration::from_secs(loading)).unwrap());
        learn.resume().unwrap();
        let mut callbacks = slowed(&clock, EVEN);
        callbacks.push(plans_seen(&self.planned));
        if let Some((event, phase, batches)) = stop {
            callbacks.push(on("stop", event, move |t| {
                if (t.phase(), t.progress().train_iter) == (phase, batches) {
                    t.stop_flag().raise();
                }
                Ok(())
            }));
        }
        let report = learn.fit_with(self.epochs, Some(0.01), &Schedule::one_cycle(), callbacks);
        (learn, report, clock.load(Ordering::Relaxed) as f64 / 1e6)
    }

    fn interrupted(&self, limit: Option<f64>, loading: u64, stop: Stop) -> f64 {
        let (_, report, used) = self.process(limit, loading, Some(stop));
        assert_eq!(report.unwrap().outcome, Outcome::Interrupted);
        used
    }

    fn checkpoint(&self) -> Vec<u8> {
        fs::read(self.folder.join("checkpoint.safetensors")).unwrap()
    }

    /// The schedule is complete and never went back, every epoch was finished, and the plans alone give the same bits.
    #[track_caller]
    fn check(&self, learn: &Learner, report: &Report) {
        assert_eq!(report.outcome, Outcome::Completed);
        let history = learn.history();
        assert!(history.rows.iter().all(|row| row.valid_loss.is_some()), "{:?}", history.rows);
        let peak = history.lrs.iter().position(|lr| *lr >= 0.0099).unwrap();
        assert!(history.lrs[..peak].windows(2).all(|lrs| lrs[1] >= lrs[0]));
        assert!(history.lrs[peak..].windows(2).all(|lrs| lrs[1] <= lrs[0] || lrs[0] >= 0.0099));
        assert!(*history.lrs.last().unwrap() < 1e-5, "the last rate is {:?}", history.lrs.last());

        let (mut again, planned) = (learner_with(None), Planned::default());
        again.set_budget(Some(Budget::replay(&history.plans).unwrap()));
        let callbacks = vec![plans_seen(&planned)];
        again.fit_with(self.epochs, Some(0.01), &Schedule::one_cycle(), callbacks).unwrap();
        assert_eq!((bits(learn), &history.losses), (bits(&again), &again.history().losses));
        assert_eq!((&history.lrs, &history.plans), (&again.history().lrs, &again.history().plans));
        assert_eq!(*self.planned.lock().unwrap(), *planned.lock().unwrap());
    }
}

impl Drop for Fit {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn plans_seen(planned: &Planned) -> Box<dyn highmark::Callback> {
    let planned = Arc::clone(planned);
    on("plans_seen", Event::After(Span::Epoch), move |t| {
        planned.lock().unwrap().push(t.progress().n_epoch);
        Ok(())
    })
}

const STOPS: [Stop; 5] = [
    in_training(3),
    in_training(250),
    in_training(300),
    (Event::After(Span::Batch), Phase::Validate, 300),
    (Event::After(Span::Epoch), Phase::Validate, 300),
];

#[test]
fn a_fit_without_a_limit_is_given_one() {
    for stop in STOPS {
        let fit = Fit::new("limit-given", 60);
        fit.interrupted(None, 30, stop);
        let (learn, report, used) = fit.process(Some(120.0), 0, None);
        let report = report.unwrap();
        // The 30 s of the process before count too.
        assert!((88.8..=90.0).contains(&used), "{stop:?}: {used} {report:?}");
        assert!(report.budget.unwrap().ended && report.epochs_run > 10, "{stop:?}: {report:?}");
        fit.check(&learn, &report);
    }
}

#[test]
fn a_limit_that_is_changed() {
    for stop in STOPS {
        for limit in [40.0, 240.0] {
            let fit = Fit::new("limit-changed", usize::MAX);
            let before = fit.interrupted(Some(120.0), 0, stop);
            let (learn, report, used) = fit.process(Some(limit), 0, None);
            let (report, used) = (report.unwrap(), before + used);
            assert!((0.985 * limit..=limit).contains(&used), "{stop:?}: {used} of {limit} {report:?}");
            fit.check(&learn, &report);
        }
        // And taken away.
        let fit = Fit::new("limit-lifted", 30);
        fit.interrupted(Some(120.0), 0, stop);
        let (learn, report, used) = fit.process(None, 0, None);
        let report = report.unwrap();
        assert_eq!((report.epochs_run, report.epochs_planned, report.budget), (30, 30, None), "{stop:?}");
        assert!(used > 25.0 * EPOCH, "{stop:?}: {used}");
        fit.check(&learn, &report);
    }
}

/// What was to be gone on from is still there, and more time is enough.
#[test]
fn a_limit_that_is_too_small_loses_nothing() {
    for limited in [Some(20.0), None] {
        let fit = Fit::new("limit-small", 60);
        let before = fit.interrupted(limited, 3, in_training(50));
        let checkpoint = fit.checkpoint();
        let mut small = vec![(0.5, "the limit of 0.500 s is over already: the fit has used ")];
        if limited.is_some() {
            // No time for a batch; for two of the validation.
            small.extend([0.01, 0.05].map(|more| (before + more, "before a model could be trained")));
        }
        for (limit, says) in small {
            let (_, report, _) = fit.process(Some(limit), 0, None);
            let error = report.unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("allow more"), "{limit}: {error}");
            assert_eq!(fit.checkpoint(), checkpoint, "{limit}");
        }
        fit.planned.lock().unwrap().clear();
        let (learn, report, _) = fit.process(Some(20.0), 0, None);
        fit.check(&learn, &report.unwrap());
    }
}

/// Its schedule goes on from where epoch k of N lies, as that of any fit that is extended.
#[test]
fn a_fit_that_its_limit_has_ended_is_extended() {
    let mut fit = Fit::new("limit-extended", 10);
    let (_, report, _) = fit.process(Some(20.0), 0, None);
    let ended = report.unwrap().epochs_run;
    assert!(ended < 10, "{ended}");
    fit.epochs = 20;
    let (learn, report, _) = fit.process(None, 0, None);
    assert_eq!(report.unwrap().epochs_run, 20);
    let history = learn.history();
    let rate = history.lrs[history.iters[ended - 1]];
    assert!(rate > 0.005 && *history.lrs.last().unwrap() < 1e-5, "{rate}");
}
