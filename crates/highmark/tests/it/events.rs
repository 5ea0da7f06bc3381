//! The order of events.

use std::fmt::Write;

use highmark::{
    Callback, EarlyStopping, Event, Monitor, ProgressBar, ReduceLrOnPlateau, SaveBest, Stage, TerminateOnNan,
};

use crate::small_learner::small;
use crate::snapshot::assert_snapshot;
use crate::trace::Trace;

#[test]
fn two_epochs_of_two_batches() {
    let mut learn = small(vec![Box::new(Trace::new("trace"))]);
    learn.fit(2, None).unwrap();
    let trace = learn.callbacks().get::<Trace>().unwrap();
    let mut depth = 0;
    let mut text = String::new();
    for event in &trace.events {
        depth -= usize::from(matches!(event, Event::After(_)));
        writeln!(text, "{}{event}", "  ".repeat(depth)).unwrap();
        depth += usize::from(matches!(event, Event::Before(_)));
    }
    assert_snapshot("event_order", &text);
}

#[test]
fn callbacks_run_by_stage_whatever_the_order_of_adding() {
    let late = Trace { stage: Some(Stage::Persist), ..Trace::new("late") };
    let early = Trace { stage: Some(Stage::Guard), ..Trace::new("early") };
    let callbacks: Vec<Box<dyn Callback>> = vec![
        Box::new(late),
        Box::new(EarlyStopping::new(Monitor::new("mae"))),
        Box::new(ReduceLrOnPlateau::new(Monitor::new("mae"))),
        Box::new(SaveBest::new(Monitor::new("mae")).in_memory()),
        Box::new(ProgressBar),
        Box::new(Trace::new("second")),
        Box::new(TerminateOnNan),
        Box::new(early),
    ];
    assert_snapshot("describe_loop", &small(callbacks).describe_loop());
}
