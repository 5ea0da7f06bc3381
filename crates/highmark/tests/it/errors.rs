//! A callback that fails ends the fit, is named, and takes nobody's `after_fit` away.

use highmark::{Error, ErrorKind, Event, Outcome, Span, Stage};

use crate::small_learner::small;
use crate::trace::{Act, Trace};

#[test]
fn at_every_event() {
    for at in Event::all() {
        let mut fails = Trace::new("fails");
        if let Event::AfterCancel(span) = at {
            fails.plan.push((Event::Before(span), Act::Cancel(span)));
        }
        fails.plan.push((at, Act::Fail));
        let first = Trace { stage: Some(Stage::Guard), ..Trace::new("first") };
        let last = Trace { stage: Some(Stage::Persist), ..Trace::new("last") };
        let mut learn = small(vec![Box::new(first), Box::new(fails), Box::new(last)]);
        let error = learn.fit(2, None).unwrap_err();
        let (by, event) = callback_of(&error);
        assert_eq!((by, event), ("fails", at.to_string().as_str()));
        assert_eq!(error.to_string(), format!("callback `fails` at {at}: as planned"));
        assert!(
            matches!(learn.trainer().outcome(), Outcome::Failed(message) if *message == error.to_string()),
            "{at}"
        );
        for name in ["first", "fails", "last"] {
            let callback = learn.callbacks_mut().remove(name).unwrap();
            let trace = (callback as Box<dyn std::any::Any>).downcast::<Trace>().unwrap();
            assert_eq!(trace.count(Event::After(Span::Fit)), 1, "{name} when {at} fails");
        }
        // What was open is closed: the learner can be used again.
        assert_eq!(learn.fit(1, None).unwrap().outcome, Outcome::Completed, "{at}");
    }
}

fn callback_of(error: &Error) -> (&str, &str) {
    match error.kind() {
        ErrorKind::Callback { callback, event, .. } => (callback, event),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_error_is_the_one_to_tell() {
    let mut fails = Trace::new("fails");
    fails.plan.push((Event::AfterLoss, Act::Fail));
    fails.plan.push((Event::After(Span::Fit), Act::Fail));
    let error = small(vec![Box::new(fails)]).fit(1, None).unwrap_err();
    assert_eq!(callback_of(&error), ("fails", "after_loss"));
}

#[test]
fn names_are_unique() {
    let mut learn = small(vec![Box::new(Trace::new("twice"))]);
    let error = learn.callbacks_mut().add(Box::new(Trace::new("twice"))).unwrap_err();
    assert!(error.to_string().contains("`twice`"), "{error}");
}
