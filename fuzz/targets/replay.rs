//! The recorded plans of a budget: refused, or followed by a fit to its end, which records what it followed.

use highmark::{Budget, Plan, Schedule};

pub(crate) fn run(data: &[u8]) {
    let Ok(plans) = serde_json::from_slice::<Vec<Plan>>(data) else { return };
    let Ok(budget) = Budget::replay(&plans) else { return };
    let mut learn = super::small_learner(None);
    learn.set_budget(Some(budget));
    let report =
        learn.fit_with(3, Some(0.01), &Schedule::one_cycle(), Vec::new()).expect("plans cannot break a fit");
    assert!(report.epochs_run <= 3);
    assert!(learn.history().lrs.iter().all(|lr| (0.0..=0.01).contains(lr)));
}
