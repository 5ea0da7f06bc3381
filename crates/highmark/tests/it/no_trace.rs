//! Whatever only looks leaves everything as it was.

use highmark::{
    CallbackState, EarlyStopping, History, Hypers, Learner, LearnerConfig, LrFindConfig, MeanAbsoluteError,
    Monitor, ReduceLrOnPlateau, SaveBest,
};

use crate::small_learner::{bits, rows, with};

fn learner() -> Learner {
    let monitor = || Monitor::new("mae").min_delta(0.001);
    with(LearnerConfig {
        batch_size: 4,
        lr: 0.02,
        metrics: vec![Box::new(MeanAbsoluteError::default())],
        callbacks: vec![
            Box::new(EarlyStopping::new(monitor()).patience(50).reset_on_fit(false)),
            Box::new(ReduceLrOnPlateau::new(monitor()).patience(2).reset_on_fit(false)),
            Box::new(SaveBest::new(monitor()).in_memory().reset_on_fit(false)),
        ],
        ..LearnerConfig::default()
    })
}

type Everything = (Vec<u32>, History, u64, Vec<Vec<f32>>, Vec<Hypers>, Vec<CallbackState>);

/// All that a later fit depends on, as far as it can be seen.
fn everything(learn: &Learner) -> Everything {
    let optimizer = &learn.trainer().optimizer;
    let mut history = learn.history().clone();
    history.rows.iter_mut().for_each(|row| row.seconds = 0.0);
    (
        bits(learn),
        history,
        optimizer.steps(),
        optimizer.tensors().into_iter().map(|(_, numbers)| numbers.to_vec()).collect(),
        optimizer.groups().iter().map(|group| group.hypers.clone()).collect(),
        learn.callbacks().iter().map(|callback| callback.save_state().unwrap()).collect(),
    )
}

fn check(what: &str, look: impl Fn(&mut Learner)) {
    let (mut looked, mut plain) = (learner(), learner());
    // Before the first fit, between two fits, and after the last.
    for epochs in [3, 2, 1] {
        let before = everything(&looked);
        look(&mut looked);
        assert_eq!(everything(&looked), before, "{what}");
        looked.fit(epochs, None).unwrap();
        plain.fit(epochs, None).unwrap();
        assert_eq!(everything(&looked), everything(&plain), "{what}, then a fit");
    }
}

#[test]
fn validate() {
    check("validate", |learn| assert_eq!(learn.validate().unwrap().len(), 2));
}

#[test]
fn predict() {
    check("predict", |learn| assert_eq!(learn.predict_dataset(&rows(11, 5)).unwrap().len(), 11));
}

#[test]
fn lr_find() {
    check("lr_find", |learn| {
        let found = learn
            .lr_find(&LrFindConfig { steps: 9, stop_diverging: false, ..LrFindConfig::default() })
            .unwrap();
        assert_eq!(found.lrs.len(), 9);
    });
    check("lr_find that diverges", |learn| {
        learn.lr_find(&LrFindConfig { start_lr: 10.0, end_lr: 1e6, ..LrFindConfig::default() }).unwrap();
    });
}

#[test]
fn validate_gives_what_the_fit_saw() {
    let mut learn = learner();
    learn.callbacks_mut().remove("save_best");
    learn.fit(2, None).unwrap();
    let history = learn.history().clone();
    for (name, value) in learn.validate().unwrap() {
        assert_eq!(history.this_epoch(&name), Some(value), "{name}");
    }
}
