//! What follows a cancel: every span, cancelled at every event.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use highmark::{
    Callback, CallbackState, CheckpointConfig, Event, Flow, Outcome, Result, RunsOn, Span, Trainer, on,
};

use crate::small_learner::{bits, small};
use crate::snapshot::assert_snapshot;
use crate::trace::{Act, Trace, brief};

/// Cancels `span` at the first `at` of one epoch, and tells what came then.
fn after_cancel(at: Event, span: Span) -> String {
    let mut trace = Trace::new("trace");
    if let Event::AfterCancel(cancelled) = at {
        trace.plan.push((Event::Before(cancelled), Act::Cancel(cancelled)));
    }
    trace.plan.push((at, Act::Cancel(span)));
    let mut learn = small(vec![Box::new(trace)]);
    let result = learn.fit(1, None);
    let trace = learn.callbacks().get::<Trace>().unwrap();
    let then = brief(&trace.events[trace.done_at.unwrap()..]);
    let end = match (&result, learn.trainer().outcome()) {
        (Err(error), Outcome::Failed(_)) => format!("error: {error}"),
        (Ok(_), Outcome::Completed) => "completed".into(),
        (Ok(_), Outcome::Cancelled(cancel)) => format!("cancelled by {} at {}", cancel.by, cancel.at),
        (result, outcome) => panic!("{result:?} {outcome:?}"),
    };
    format!("{then} -> {end}")
}

#[test]
fn every_span_at_every_event() {
    let mut text = String::new();
    for at in Event::all() {
        writeln!(text, "{at}").unwrap();
        for span in Span::ALL {
            writeln!(text, "  cancel {:<9} {}", format!("{span:?}").to_lowercase(), after_cancel(at, span))
                .unwrap();
        }
    }
    assert_snapshot("cancels", &text);
}

#[test]
fn a_fit_after_a_cancelled_one_is_whole() {
    for at in Event::all().filter(|at| !matches!(at, Event::AfterCancel(_) | Event::After(Span::Fit))) {
        let mut trace = Trace::new("trace");
        trace.plan.push((at, Act::Cancel(Span::Fit)));
        let mut learn = small(vec![Box::new(trace)]);
        let report = learn.fit(1, None).unwrap();
        assert!(matches!(report.outcome, Outcome::Cancelled(_)), "{at}");
        let report = learn.fit(1, None).unwrap();
        assert_eq!((report.outcome, report.epochs_run), (Outcome::Completed, 1), "{at}");
        assert_eq!(learn.history().losses.len(), 2, "{at}");
        assert!(learn.history().this_epoch("mae").is_some(), "{at}");
    }
}

#[test]
fn a_cancelled_step_leaves_the_parameters() {
    let mut trace = Trace::new("trace");
    for _ in 0..2 {
        trace.plan.push((Event::Before(Span::Step), Act::Cancel(Span::Step)));
    }
    let mut learn = small(vec![Box::new(trace)]);
    let before = learn.trainer().model.params().values.clone();
    learn.fit(1, None).unwrap();
    assert_eq!(learn.trainer().model.params().values, before);
    // Running statistics are of the forward pass, not of the step.
    let after = bits(&learn);
    learn.fit(1, None).unwrap();
    assert_ne!(bits(&learn), after);
}

#[test]
fn a_cancelled_validation_is_not_compared_with_whole_ones() {
    let mut trace = Trace::new("trace");
    trace.plan.push((Event::After(Span::Batch), Act::Cancel(Span::Epoch)));
    trace.plan.push((Event::Before(Span::Validate), Act::Cancel(Span::Validate)));
    let mut learn = small(vec![Box::new(trace)]);
    learn.fit(3, None).unwrap();
    let known: Vec<_> =
        learn.history().rows.iter().map(|row| (row.train_loss.is_some(), row.valid_loss.is_some())).collect();
    assert_eq!(known, [(false, false), (true, false), (true, true)]);
    let spans: Vec<_> = learn.trainer().cancels().iter().map(|cancel| (cancel.span, cancel.epoch)).collect();
    assert_eq!(spans, [(Span::Epoch, 0), (Span::Validate, 1)]);
}

/// Cancels every validation, also one that is no fit's.
struct Veto(Span);

impl Callback for Veto {
    fn name(&self) -> &'static str {
        "veto"
    }

    fn runs_on(&self) -> RunsOn {
        RunsOn::Everything
    }

    fn before_validate(&mut self, t: &mut Trainer) -> Flow {
        t.cancel(self.0, "not now")
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_validation_that_is_cancelled_has_no_result() {
    for span in [Span::Validate, Span::Fit] {
        let error = small(vec![Box::new(Veto(span))]).validate().unwrap_err().to_string();
        assert!(error.contains("`veto` has cancelled the validation: not now"), "{error}");
    }
}

#[test]
fn what_ends_a_fit_by_a_panic_leaves_a_learner_that_fits_again() {
    let mut learn = small(vec![]);
    let folder = crate::resume::new_folder("panics");
    learn.set_checkpoint(Some(CheckpointConfig::new(&folder))).unwrap();
    let panics = || highmark::on("panics", Event::After(Span::Epoch), |_| panic!("as it shall"));
    let cycle = highmark::OneCycle::default();
    let fit = std::panic::AssertUnwindSafe(|| learn.fit_one_cycle_with(1, &cycle, vec![panics()]));
    assert!(std::panic::catch_unwind(fit).is_err());
    learn.set_checkpoint(None).unwrap();
    assert_eq!(learn.fit_one_cycle(1, &cycle).unwrap().outcome, Outcome::Completed);
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        0,
        "of another fit than the one that had the folder"
    );
    let error = learn.fit(usize::MAX, None).unwrap_err().to_string();
    assert!(error.contains("more than can be counted"), "{error}");
}

/// Ends the fit at the end of the first epoch, and another after it does too.
#[test]
fn all_see_the_end_of_an_epoch_where_that_is_asked_for() {
    let fit = |all: bool| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let ends = |name: &'static str| {
            let seen = Arc::clone(&seen);
            on(name, Event::After(Span::Epoch), move |t| {
                seen.lock().unwrap().push(name);
                t.cancel(Span::Fit, format!("{name} has seen enough"))
            })
        };
        let mut learn = small(vec![ends("first"), ends("second")]);
        learn.set_all_see_epochs_end(all);
        let report = learn.fit(3, None).unwrap();
        assert_eq!((report.epochs_run, report.stop_reason()), (1, "first: first has seen enough".into()));
        std::mem::take(&mut *seen.lock().unwrap())
    };
    assert_eq!(fit(false), ["first"]);
    assert_eq!(fit(true), ["first", "second"]);
}

/// It is no end of a fit like another.
#[test]
fn an_error_at_the_end_of_an_epoch_is_not_lost_behind_a_cancel() {
    let end = on("end", Event::After(Span::Epoch), |t| t.cancel(Span::Fit, "enough"));
    let fail = on("fail", Event::After(Span::Epoch), |_| Err(highmark::Error::data("broken").into()));
    let mut learn = small(vec![end, fail]);
    learn.set_all_see_epochs_end(true);
    let error = learn.fit(3, None).unwrap_err().to_string();
    assert!(error.contains("fail") && matches!(learn.trainer().outcome(), Outcome::Failed(_)), "{error}");
}
