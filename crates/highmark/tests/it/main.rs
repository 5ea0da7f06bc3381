//! Tests of the library from the outside, in one binary.

// Helpers of tests fail by panicking, too; clippy only knows functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod budget;
mod by_level;
mod cancels;
mod deferred_steps;
mod errors;
mod events;
mod fused_step;
mod fuzz_corpus;
mod golden;
mod gradients;
mod look_ahead;
mod misuse;
mod model_files;
mod no_trace;
mod non_finite;
mod own_model;
mod resume;
mod resume_limit;
mod resume_rules;
mod same_bits;
mod scaled_target;
mod small_learner;
mod snapshot;
mod stop;
mod threshold;
mod trace;
mod trackers;

/// What the example of this name compares with.
#[allow(dead_code, reason = "some of it is only for the example's command line")]
#[path = "../../examples/golden"]
mod golden_example {
    pub(crate) mod case;
    pub(crate) mod check;
    pub(crate) mod quantity;
}

/// Likewise.
#[allow(dead_code, reason = "some of it is only for the example's command line")]
#[path = "../../examples/trackers"]
mod trackers_example {
    pub(crate) mod by_design;
    pub(crate) mod case;
    pub(crate) mod replay;
    pub(crate) mod tally;
}
