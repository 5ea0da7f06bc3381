//! Every input that fuzzing has found worth keeping, again: `cargo xtask fuzz` finds them, `fuzz/corpus` holds them.

use std::fs;
use std::path::Path;

/// The functions that are fuzzed.
#[path = "../../../../fuzz/targets/mod.rs"]
mod targets;

#[track_caller]
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 2, "{} inputs for {target}", files.len());
    files.iter().for_each(|file| run(&fs::read(file).unwrap()));
    drop(fs::remove_dir_all(targets::scratch(target)));
}

#[test]
fn model_files() {
    replay("model", targets::model::run);
}

#[test]
fn checkpoints() {
    replay("checkpoint", targets::checkpoint::run);
}

#[test]
fn csv() {
    replay("csv", targets::csv::run);
}

#[test]
fn replayed_plans() {
    replay("replay", targets::replay::run);
}
