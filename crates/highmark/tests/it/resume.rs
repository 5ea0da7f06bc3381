//! A fit that is left anywhere and resumed is, to the bit, the fit that was never left. Random configurations, every
//! built-in callback, every schedule; left by the stop flag at an exact batch, or by a crash after which work since the
//! last checkpoint is done again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highmark::{
    Accuracy, Callback, CheckpointConfig, Clip, CrossEntropy, CsvLogger, Curve, Dataset, EarlyStopping,
    Error, Event, EventLog, Learner, LearnerConfig, Loss, LossKind, LrReduction, Metric, Monitor, Mse,
    Optimizer, OptimizerConfig, OptimizerKind, Order, Outcome, ParamScheduler, ProgressBar, Random,
    ReduceLrOnPlateau, SaveBest, SaveWhen, Schedule, Span, Stream, TabularConfig, TabularModel, Targets,
    TerminateOnNan, metric, on,
};

use crate::small_learner::noise;

/// Draws the same configuration again from the same case number.
struct Draw(Random);

impl Draw {
    fn new(case: u64) -> Self {
        Self(Random::new(case, Stream::User, 0))
    }

    fn below(&mut self, n: u32) -> usize {
        self.0.below(n) as usize
    }

    fn chance(&mut self) -> bool {
        self.below(2) == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u32)].clone()
    }
}

/// What a fit is called with.
struct Plan {
    epochs: usize,
    lr: f64,
    schedule: Schedule,
}

const TRAIN: usize = 34;
const VALID: usize = 13;

fn rows(count: usize, seed: u32, classes: bool) -> Arc<Dataset> {
    let codes = (0..count).map(|row| row as u32 % 3).collect();
    let numbers = noise(count * 2, seed);
    let targets = if classes {
        Targets::Classes(numbers.chunks(2).map(|x| u32::from(x[0] + 0.3 * x[1] > 0.0)).collect())
    } else {
        Targets::Values { values: noise(count, seed + 1), width: 1 }
    };
    Arc::new(Dataset::new(1, 2, codes, numbers, Some(targets)).unwrap())
}

fn schedule(draw: &mut Draw, case: u64) -> Schedule {
    // Every schedule in turn, the rest at random.
    match case % 6 {
        0 => Schedule::Flat,
        1 => Schedule::one_cycle(),
        2 => Schedule::FlatCos { div_final: 1e4, pct_start: 0.5 },
        3 => Schedule::Cosine,
        4 => Schedule::CosineRestarts { cycle_len: 1 + draw.below(2), cycle_mult: 1 + draw.below(2) },
        _ => Schedule::Custom {
            lr: Curve::Linear { start: 1e-2, end: 1e-4 },
            mom: Some(Curve::Cosine { start: 0.9, end: 0.8 }),
        },
    }
}

/// Every built-in callback, now with these options and now with those.
fn callbacks(draw: &mut Draw, folder: &Path, flat: bool) -> Vec<Box<dyn Callback>> {
    let monitor = |draw: &mut Draw| {
        Monitor::new(draw.pick(&["train_loss", "valid_loss"])).min_delta(draw.pick(&[0.0, 0.01, -0.01]))
    };
    let stopping =
        EarlyStopping::new(monitor(draw)).patience(1 + draw.below(4)).scaled_to_fit(draw.below(4) == 0);
    let saving = SaveBest::new(monitor(draw)).path(folder.join("best.safetensors"));
    let when = draw.pick(&[SaveWhen::Best, SaveWhen::Best, SaveWhen::AtEnd, SaveWhen::EveryEpoch(2)]);
    let saving = saving
        .when(when)
        .with_optimizer(draw.chance())
        .hand_back(draw.below(4) > 0)
        .ties_by_loss(draw.chance());
    let mut callbacks: Vec<Box<dyn Callback>> = vec![
        Box::new(stopping.restore_best(draw.chance()).start_from_epoch(draw.below(2))),
        Box::new(saving),
        Box::new(CsvLogger::new(folder.join("history.csv"))),
        Box::new(EventLog::new(folder.join("events.jsonl"))),
        Box::new(ProgressBar),
        Box::new(TerminateOnNan),
    ];
    let by = draw.pick(&[LrReduction::DivideBy(3.0), LrReduction::MultiplyBy(0.5)]);
    let plateau = ReduceLrOnPlateau::new(monitor(draw)).patience(1 + draw.below(2)).by(by);
    callbacks.push(Box::new(plateau.cooldown(draw.below(3))));
    if flat && draw.chance() {
        callbacks.push(Box::new(ParamScheduler::new(Curve::Linear { start: 0.02, end: 0.001 }, None)));
    }
    callbacks
}

/// The learner of a case, and what to fit it with; the same each time.
fn learner(case: u64, folder: &Path, extra: Vec<Box<dyn Callback>>) -> (Learner, Plan) {
    let mut draw = Draw::new(case);
    let classes = draw.chance();
    let kind =
        draw.pick(&[OptimizerKind::Adam, OptimizerKind::Sgd, OptimizerKind::RmsProp, OptimizerKind::RAdam]);
    let clip = draw.pick(&[None, Some(Clip::Norm(0.5)), Some(Clip::Value(0.1))]);
    let mom = draw.pick(&[None, Some(0.8)]);
    let plan = Plan { epochs: 3 + draw.below(3), lr: 0.02, schedule: schedule(&mut draw, case) };
    let mut callbacks = callbacks(&mut draw, folder, plan.schedule == Schedule::Flat);
    callbacks.extend(extra);
    let names: &[&str] = if classes { &["accuracy", "roc_auc", "f1"] } else { &["mae", "r2"] };
    let mut metrics: Vec<Box<dyn Metric>> = names.iter().map(|name| metric(name).unwrap()).collect();
    if classes {
        metrics[0] = Box::new(Accuracy::default());
    }
    let seed = u64::from(draw.0.next_u32());
    let order =
        draw.pick(&[None, Some((Order::Sequential, false)), Some((Order::Shuffled { seed: 9 }, false))]);
    let config = LearnerConfig {
        batch_size: 4 + draw.below(3),
        optimizer: OptimizerConfig { kind, clip, mom, ..OptimizerConfig::default() },
        loss: Some(if classes { LossKind::parse("cross-entropy").unwrap() } else { LossKind::Mse }),
        metrics,
        callbacks,
        accumulate: 1 + draw.below(3),
        seed,
        order,
        threads: 1 + draw.below(2),
        checkpoint: Some(CheckpointConfig {
            steps: draw.pick(&[None, Some(1), Some(3), Some(7)]),
            seconds: None,
            epochs: draw.pick(&[None, Some(1), Some(2)]),
            ..CheckpointConfig::new(folder)
        }),
        ..LearnerConfig::default()
    };
    let model = TabularConfig {
        layers: vec![6, 5],
        dropout: vec![0.2, 0.1],
        embed_dropout: 0.1,
        ..TabularConfig::default()
    };
    let outputs = if classes { 2 } else { 1 };
    let model = TabularModel::new(&model, &[("level".into(), 3)], 2, outputs, seed).unwrap();
    let loss: Box<dyn Loss> = if classes { Box::new(CrossEntropy::default()) } else { Box::new(Mse) };
    let (train, valid) = (rows(TRAIN, 1, classes), rows(VALID, 77, classes));
    let mut learn = Learner::new(Box::new(model), loss, train, valid, config).unwrap();
    learn.quiet();
    (learn, plan)
}

/// All that a fit leaves behind, with bits for numbers and without times.
#[derive(Debug, PartialEq)]
struct Left {
    outcome: String,
    weights: Vec<u32>,
    optimizer: String,
    history: Vec<String>,
    model: Option<Vec<u8>>,
    csv: Vec<String>,
    events: Vec<String>,
    next: Vec<u32>,
}

impl Left {
    fn assert_is(&self, expected: &Self, what: &str) {
        let Self { outcome, weights, optimizer, history, model, csv, events, next } = self;
        assert_eq!(outcome, &expected.outcome, "{what}");
        assert_eq!(csv, &expected.csv, "{what}");
        assert_eq!(events, &expected.events, "{what}");
        assert!(history == &expected.history, "{what}: {history:?}\n{:?}", expected.history);
        assert!(optimizer == &expected.optimizer, "{what}: the optimizer differs");
        assert!(weights == &expected.weights, "{what}: the weights differ");
        assert!(model == &expected.model, "{what}: the model files differ");
        assert!(next == &expected.next, "{what}: the next fit differs");
    }
}

fn bits(numbers: impl IntoIterator<Item = f32>) -> Vec<u32> {
    numbers.into_iter().map(f32::to_bits).collect()
}

pub(crate) fn weights(learn: &Learner) -> Vec<u32> {
    let params = learn.trainer().model.params();
    bits(params.values.iter().chain(&params.buffers).copied())
}

fn optimizer(optimizer: &Optimizer) -> String {
    let tensors: Vec<_> =
        optimizer.tensors().into_iter().map(|(name, x)| (name, bits(x.iter().copied()))).collect();
    format!("{} {:?} {tensors:?}", optimizer.steps(), optimizer.groups())
}

fn left(learn: &mut Learner, folder: &Path) -> Left {
    let history = learn.history();
    let rows = history.rows.iter().map(|row| {
        let (train, valid) = (row.train_loss.map(f64::to_bits), row.valid_loss.map(f64::to_bits));
        let metrics: Vec<_> = row.metrics.iter().map(|m| m.map(f64::to_bits)).collect();
        format!("{} {train:?} {valid:?} {metrics:?}", row.epoch)
    });
    let series = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        bits(history.losses.iter().copied()),
        bits(history.smooth_losses.iter().copied()),
        history.lrs,
        history.moms,
        history.iters
    );
    let history = rows.chain([series]).collect();
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let csv = text("history.csv").lines().map(|l| l.rsplit_once(',').unwrap().0.to_string()).collect();
    let lines = text("events.jsonl");
    let events = lines.lines().map(|line| {
        let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
        event.as_object_mut().unwrap().remove("seconds");
        event.to_string()
    });
    let (csv, events): (_, Vec<String>) = (csv, events.collect());
    let outcome = format!("{:?} {:?}", learn.trainer().outcome(), learn.trainer().cancels());
    let model = fs::read(folder.join("best.safetensors")).ok();
    let (weights, optimizer) = (weights(learn), optimizer(&learn.trainer().optimizer));
    // What comes after draws on the same random streams.
    let names: Vec<String> = learn.callbacks().iter().map(|c| c.name().to_string()).collect();
    names.iter().for_each(|name| drop(learn.callbacks_mut().remove(name)));
    learn.fit(1, None).unwrap();
    Left { outcome, weights, optimizer, history, model, csv, events, next: self::weights(learn) }
}

/// Counts batches of both kinds, and leaves the fit after the given one.
pub(crate) fn leave(after: usize, crash: bool) -> Box<dyn Callback> {
    let mut batches = 0;
    on("leave", Event::After(Span::Batch), move |t| {
        batches += 1;
        if batches == after {
            if crash {
                return Err(Error::training("a crash").into());
            }
            t.stop_flag().raise();
        }
        Ok(())
    })
}

fn fit(learn: &mut Learner, plan: &Plan) -> highmark::Result<Outcome> {
    learn.fit_with(plan.epochs, Some(plan.lr), &plan.schedule, Vec::new()).map(|report| report.outcome)
}

pub(crate) fn new_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a case in pieces that are left at random batches; returns how many there were.
fn in_pieces(case: u64, folder: &Path, draw: &mut Draw) -> (Learner, usize) {
    for piece in 1.. {
        let (after, crash) = (1 + draw.below(25), draw.chance());
        let (mut learn, plan) = learner(case, folder, vec![leave(after, crash)]);
        if learn.resume().unwrap().is_none() {
            // It crashed before the first checkpoint, and the event log appends.
            drop(fs::remove_file(folder.join("events.jsonl")));
        }
        if draw.chance() {
            // Leaves no trace, before a resume neither.
            learn.validate().unwrap();
            learn.trainer().stop_flag().lower();
        }
        match fit(&mut learn, &plan) {
            Ok(Outcome::Interrupted) | Err(_) => {}
            Ok(_) => return (learn, piece),
        }
        assert!(piece < 500, "case {case} does not end");
    }
    unreachable!()
}

#[test]
fn left_anywhere_and_resumed_is_never_left() {
    let cases = std::env::var("HIGHMARK_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(36);
    let (whole, cut) = (new_folder("resume-whole"), new_folder("resume-cut"));
    let mut pieces = 0;
    for case in 0..cases {
        for folder in [&whole, &cut] {
            fs::remove_dir_all(folder).unwrap();
            fs::create_dir_all(folder).unwrap();
        }
        let (mut learn, plan) = learner(case, &whole, Vec::new());
        fit(&mut learn, &plan).unwrap();
        let expected = left(&mut learn, &whole);
        let mut draw = Draw(Random::new(case, Stream::User, 1));
        let (mut learn, count) = in_pieces(case, &cut, &mut draw);
        pieces += count;
        let found = left(&mut learn, &cut);
        found.assert_is(&expected, &format!("case {case} in {count} pieces"));
    }
    assert!(pieces as u64 > 2 * cases, "the fits were hardly ever left: {pieces} pieces");
}

/// Left after every single batch in turn, of training and of validation.
#[test]
fn every_batch_is_a_place_to_leave() {
    let (whole, cut) = (new_folder("resume-each-whole"), new_folder("resume-each-cut"));
    let case = 1;
    let (mut learn, plan) = learner(case, &whole, Vec::new());
    fit(&mut learn, &plan).unwrap();
    let expected = left(&mut learn, &whole);
    for after in 1.. {
        fs::remove_dir_all(&cut).unwrap();
        fs::create_dir_all(&cut).unwrap();
        let (mut learn, plan) = learner(case, &cut, vec![leave(after, false)]);
        if fit(&mut learn, &plan).unwrap() != Outcome::Interrupted {
            assert!(after > 20);
            break;
        }
        let at = learn.trainer().progress();
        let (mut learn, plan) = learner(case, &cut, Vec::new());
        let point = learn.resume().unwrap().unwrap();
        let (phase, done, of) = point.within.unwrap();
        assert_eq!((point.epoch, done, of), (at.epoch, at.iter, at.n_iter), "{phase:?}");
        fit(&mut learn, &plan).unwrap();
        left(&mut learn, &cut).assert_is(&expected, &format!("left after batch {after}"));
    }
}
