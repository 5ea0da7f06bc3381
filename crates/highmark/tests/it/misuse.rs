//! What would spoil a model, or a checkpoint, and is refused or does no harm.

use std::any::Any;
use std::path::{Path, PathBuf};

use highmark::{
    ActivationFn, Callback, CallbackState, CheckpointConfig, Console, Curve, DataConfig, ErrorKind, Event,
    Learner, LearnerConfig, LrFindConfig, Monitor, Mse, Named, NonFinite, OneCycle, Order, Output,
    ParamScheduler, Result, RunsOn, SaveBest, SavedModel, Schedule, Span, StopFlag, TabularConfig,
    TabularData, TabularModel, TaskKind, on,
};

use crate::resume::new_folder;
use crate::small_learner::{bits, rows, small, with};

/// Remembers one number under a key.
struct Keeps {
    name: &'static str,
    key: &'static str,
    number: f32,
}

impl Callback for Keeps {
    fn name(&self) -> &str {
        self.name
    }

    fn runs_on(&self) -> RunsOn {
        RunsOn::Everything
    }

    fn before_batch(&mut self, _: &mut highmark::Trainer) -> highmark::Flow {
        assert!(self.name != "panics", "as it shall");
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        if self.name == "unsaved" {
            return Err(highmark::Error::user("no state today"));
        }
        let mut state = CallbackState::none();
        state.tensors.insert(self.key.into(), vec![self.number].into());
        Ok(state)
    }

    fn load_state(&mut self, state: &CallbackState) -> Result<()> {
        assert_eq!(state.tensors.len(), 1, "{state:?}");
        self.number = state.tensors[self.key][0];
        Ok(())
    }
}

fn keeps(name: &'static str, key: &'static str, number: f32) -> Box<dyn Callback> {
    Box::new(Keeps { name, key, number })
}

fn said<T>(result: Result<T>) -> String {
    result.err().expect("it is refused").to_string()
}

#[test]
fn a_batch_of_one_row_leaves_batch_norm_sound() {
    for non_finite in [NonFinite::Stop, NonFinite::Skip] {
        // 33 rows in batches of 8, the last one kept.
        let config = LearnerConfig {
            batch_size: 8,
            order: Some((Order::Shuffled { seed: 1 }, false)),
            non_finite,
            ..LearnerConfig::default()
        };
        let model = TabularModel::new(&TabularConfig::default(), &[("level".into(), 3)], 2, 1, 1).unwrap();
        let mut learn =
            Learner::new(Box::new(model), Box::new(Mse), rows(33, 1), rows(9, 2), config).unwrap();
        learn.quiet();
        let report = learn.fit(3, None).unwrap();
        assert!(report.non_finite.is_empty(), "{:?}", report.non_finite);
        assert!(learn.validate().unwrap()[0].1.is_finite());
        let buffers = &learn.trainer().model.params().buffers;
        assert!(buffers.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn a_batch_size_of_one_is_refused_where_anything_is_normalised() {
    let table = highmark::NamedData::Adult.table().unwrap().slice(0, 300);
    let config = DataConfig { targets: vec!["salary".into()], ..DataConfig::default() };
    let data = TabularData::new(&table, &config).unwrap();
    let learner = |bn_cont| {
        let model = TabularConfig { batch_norm: false, bn_cont, ..TabularConfig::default() };
        Learner::tabular(&data, LearnerConfig { model, batch_size: 1, ..LearnerConfig::default() })
    };
    assert!(said(learner(true)).contains("at least 2 rows"));
    learner(false).unwrap();
}

#[test]
fn states_of_callbacks_with_dots_in_their_names_are_kept_apart() {
    for (first, second) in [("slow.w", "w"), ("w", "w")] {
        let folder = new_folder("misuse-dots");
        let learner = |numbers: [f32; 2]| {
            with(LearnerConfig {
                callbacks: vec![keeps("ema", first, numbers[0]), keeps("ema.slow", second, numbers[1])],
                checkpoint: Some(CheckpointConfig::new(&folder)),
                batch_size: 4,
                ..LearnerConfig::default()
            })
        };
        learner([1.0, 2.0]).fit(1, None).unwrap();
        let mut learn = learner([0.0, 0.0]);
        learn.resume().unwrap();
        learn.fit(2, None).unwrap();
        let numbers: Vec<f32> = (learn.callbacks().iter())
            .filter_map(|callback| (callback as &dyn Any).downcast_ref::<Keeps>())
            .map(|keeps| keeps.number)
            .collect();
        assert_eq!(numbers, [1.0, 2.0]);
    }
}

#[test]
fn a_state_that_cannot_be_saved_is_told_with_its_owner() {
    let folder = new_folder("misuse-unsaved");
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&lines);
    let mut learn = with(LearnerConfig {
        callbacks: vec![keeps("unsaved", "w", 0.0)],
        checkpoint: Some(CheckpointConfig::new(&folder)),
        batch_size: 4,
        ..LearnerConfig::default()
    });
    let show = move |line: &str| heard.lock().unwrap().push(line.to_string());
    learn.trainer_mut().console = Console::new(Output::Lines(Box::new(show)));
    assert!(learn.fit(1, None).unwrap().checkpoint.is_none());
    let lines = lines.lock().unwrap().join("\n");
    assert!(lines.contains("unsaved") && lines.contains("no state today"), "{lines}");
}

#[test]
fn rates_and_gradients_with_which_no_step_can_be_made() {
    let curves = [
        (Curve::Exponential { start: 0.0, end: 1.0 }, None),
        (Curve::Pieces(Vec::new()), None),
        (Curve::Constant(f64::NAN), None),
        (Curve::Linear { start: 0.1, end: -0.1 }, None),
        (Curve::Constant(0.1), Some(Curve::Cosine { start: 0.9, end: 1.0 })),
    ];
    for (lr, mom) in curves {
        let mut learn = small(vec![Box::new(ParamScheduler::new(lr.clone(), mom.clone()))]);
        let before = bits(&learn);
        assert!(learn.fit(1, None).is_err(), "{lr:?} {mom:?}");
        assert_eq!(bits(&learn), before);
        let custom = Schedule::Custom { lr, mom };
        assert!(small(Vec::new()).fit_with(1, None, &custom, Vec::new()).is_err(), "{custom:?}");
    }
    for event in [Event::Before(Span::Batch), Event::Before(Span::Step)] {
        let mut learn = small(vec![on("nan", event, |t| {
            t.optimizer.set_lr(f64::NAN);
            Ok(())
        })]);
        let before = learn.trainer().model.params().values.clone();
        assert!(said(learn.fit(1, None)).contains("`lr` was set to NaN"));
        assert_eq!(learn.trainer().model.params().values, before);
    }
    let mut learn = small(vec![on("short", Event::Before(Span::Step), |t| {
        t.model.params_mut().grads = vec![0.0; 3];
        Ok(())
    })]);
    assert!(said(learn.fit(1, None)).contains("3 gradients for"));
}

#[test]
fn a_schedule_beside_that_of_the_fit() {
    let scheduler = || Box::new(ParamScheduler::new(Curve::Constant(0.01), None));
    for callback in [scheduler() as Box<dyn Callback>, Box::new(Named::new("mine", scheduler()))] {
        let mut learn = small(vec![callback]);
        let message = said(learn.fit_one_cycle(1, &OneCycle::default()));
        assert!(message.contains("schedule of its own"), "{message}");
        learn.fit(1, None).unwrap();
    }
}

#[test]
fn two_that_save_to_one_file() {
    let best = || SaveBest::new(Monitor::new("valid_loss"));
    let second = |best| Box::new(Named::new("second", Box::new(best)));
    let mut learn = small(vec![Box::new(best()), second(best())]);
    let message = said(learn.fit(1, None));
    assert!(message.contains("model.safetensors"), "{message}");
    let mut learn = small(vec![Box::new(best().in_memory()), second(best().in_memory())]);
    learn.fit(1, None).unwrap();
    // One under another name is found, and can be changed.
    let mut learn = small(vec![second(best().in_memory())]);
    learn.fit(1, None).unwrap();
    assert_eq!(learn.callbacks().get::<SaveBest>().and_then(SaveBest::best_epoch), Some(0));
    let found = learn.callbacks_mut().get_mut::<SaveBest>().unwrap();
    *found = best().path(std::env::temp_dir());
    let message = said(learn.fit(1, None));
    assert!(message.contains("is a folder"), "{message}");
}

#[test]
fn a_tabular_model_of_ones_own_is_saved_as_it_is() {
    let options = TabularConfig {
        layers: vec![6],
        activation: ActivationFn::Tanh,
        y_range: Some((0.0, 1.0)),
        ..TabularConfig::default()
    };
    let model = TabularModel::new(&options, &[("level".into(), 3)], 2, 1, 1).unwrap();
    let folder = new_folder("misuse-own-tabular");
    let config = LearnerConfig { batch_size: 8, model_dir: folder, ..LearnerConfig::default() };
    let mut learn = Learner::new(Box::new(model), Box::new(Mse), rows(32, 1), rows(8, 2), config).unwrap();
    learn.quiet();
    learn.fit(1, None).unwrap();
    let path: PathBuf = learn.save("own").unwrap();
    let mut saved = SavedModel::load(Path::new(&path)).unwrap();
    assert_eq!(saved.description().config, options);
    let (new, predicted) = (rows(5, 3), learn.predict_dataset(&rows(5, 3)).unwrap());
    let mut loader = highmark::Loader::new(new, 5, Order::Sequential, false).unwrap();
    loader.start(0);
    let mut batch = loader.empty_batch();
    loader.load(0, &mut batch);
    let mut predictions = Vec::new();
    highmark::Model::forward(saved.model_mut(), &batch, highmark::Mode::Eval, &mut predictions).unwrap();
    assert_eq!(predictions, predicted);
}

#[test]
fn an_interrupted_learner_says_what_is_in_its_way() {
    let stop = StopFlag::default();
    let mut learn = with(LearnerConfig { stop: stop.clone(), batch_size: 4, ..LearnerConfig::default() });
    stop.raise();
    assert_eq!(learn.fit(1, None).unwrap().stop_reason(), "interrupted, without a checkpoint");
    let error = learn.validate().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Interrupted("validate")));
    assert!(error.to_string().contains("until it is lowered"), "{error}");
    stop.lower();
    learn.validate().unwrap();
}

#[test]
fn a_panic_in_a_rate_finder_leaves_no_trace() {
    let mut learn = small(Vec::new());
    learn.fit(1, None).unwrap();
    let (before, lr, steps) = (bits(&learn), learn.trainer().optimizer.lr(), learn.history().losses.len());
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        learn.lr_find_with(&LrFindConfig::default(), vec![keeps("panics", "w", 0.0)]).map(drop)
    }));
    assert!(panics.is_err());
    assert_eq!(bits(&learn), before);
    assert_eq!((learn.trainer().optimizer.lr(), learn.history().losses.len()), (lr, steps));
}

#[test]
fn truth_values_beside_zeros_and_ones_are_labels() {
    let text = "x,a,b\n1,true,0\n2,false,1\n3,true,1\n4,false,0\n5,true,1\n6,false,0\n";
    let table =
        highmark::read_csv_from(Path::new("t.csv"), text.as_bytes(), &highmark::CsvOptions::default());
    let table = table.unwrap();
    let config = DataConfig { targets: vec!["a".into(), "b".into()], ..DataConfig::default() };
    let data = TabularData::new(&table, &config).unwrap();
    assert_eq!(data.pipeline.task().kind(), TaskKind::MultiLabel);
    let learn = Learner::tabular(&data, LearnerConfig { batch_size: 2, ..LearnerConfig::default() });
    let mut learn = learn.unwrap();
    assert_eq!(learn.predict(&table).unwrap().0.classes(), None);
}
