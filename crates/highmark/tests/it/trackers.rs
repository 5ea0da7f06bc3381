//! The decisions of fastai's and Keras's trackers, as `examples/trackers` replays them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::trackers_example::tally;

#[test]
fn all_recorded_runs() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/trackers/trackers.json");
    let folder = std::env::temp_dir().join(format!("highmark-it-trackers-{}", std::process::id()));
    let tally = tally::run(&file, &folder).unwrap();
    assert_eq!(tally.failures, [""; 0]);
    // Five of Keras's runs begin with NaN.
    assert_eq!((tally.passed, tally.by_design), (235, BTreeMap::from([("nan-is-never-better", 5)])));
}

#[test]
fn every_difference_by_design_is_documented() {
    use crate::trackers_example::by_design::{NAN, NOTHING_SAVED};
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/differences.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    for name in [NAN, NOTHING_SAVED] {
        assert!(docs.contains(&format!("| `{name}` |")), "{name}");
    }
}
