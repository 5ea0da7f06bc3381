//! The stop flag, raised in every pass of a run.

use highmark::{ErrorKind, Event, LrFindConfig, Outcome, Phase, Span, on};

use crate::small_learner::small;

#[test]
fn a_raised_flag_ends_the_pass_after_its_batch() {
    for phase in [Phase::Train, Phase::Validate] {
        let raise = on("raise", Event::After(Span::Batch), move |t| {
            if t.phase() == phase {
                t.stop_flag().raise();
            }
            Ok(())
        });
        let mut learn = small(vec![raise]);
        let report = learn.fit(3, None).unwrap();
        assert_eq!((report.outcome, report.epochs_run), (Outcome::Interrupted, 0));
        let at = learn.trainer().progress();
        assert_eq!((at.epoch, at.iter), (0, 1), "{phase:?}");
        assert!(learn.trainer().stop_flag().is_raised());

        let error = learn.validate().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Interrupted("validate")), "{error}");
        let before = learn.trainer().model.params().values.clone();
        let error = learn.lr_find(&LrFindConfig::default()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Interrupted("lr_find")), "{error}");
        assert_eq!(learn.trainer().model.params().values, before);
    }
}

#[test]
fn a_flag_raised_after_an_epoch_ends_the_fit_there() {
    let raise = on("raise", Event::After(Span::Epoch), |t| {
        t.stop_flag().raise();
        Ok(())
    });
    let mut learn = small(vec![raise]);
    let report = learn.fit(3, None).unwrap();
    assert_eq!((report.outcome, report.epochs_run), (Outcome::Interrupted, 1));
    learn.trainer().stop_flag().lower();
    assert!(learn.validate().is_ok());
}
