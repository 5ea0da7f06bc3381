//! Runs that are gone on with, or asked to be, for longer or shorter than they were begun.

use std::fs;

use crate::folder::Folder;
use crate::run::run_and_interrupt_in;
use crate::samples::{QUICK, people};

#[test]
fn an_interrupted_run_is_not_begun_anew_without_checkpoints() {
    let folder = Folder::with("limits-checkpoint", "people.csv", &people(300));
    let train = format!("train people.csv --target answer {QUICK} --out run --resume auto");
    run_and_interrupt_in(&folder.path(""), &train).failed(75, &["highmark resume run"]);
    let (longer, checkpoint) =
        (train.replace("--epochs 3", "--epochs 5"), folder.bytes("run/checkpoint.safetensors"));
    let refused = ["no-checkpoint: the run in run has a checkpoint", "--out"];
    folder.run(&format!("{train} --no-checkpoint")).failed(1, &refused);
    assert_eq!(folder.bytes("run/checkpoint.safetensors"), checkpoint);
    folder.run(&train).done();
    // One that has ended is shown all the same, and refused when it would be trained.
    let shown = folder.run(&format!("{train} --no-checkpoint")).done();
    assert!(shown.out.contains("has ended; --epochs N"), "{shown:?}");
    folder.run(&format!("{longer} --no-checkpoint")).failed(1, &refused);
    folder.run(&longer).done();
}

#[test]
fn a_run_that_left_no_checkpoint_of_its_end_is_not_said_to_be_extended() {
    let folder = Folder::with("limits-end", "people.csv", &people(300));
    let train = format!("train people.csv --target answer {QUICK} --out run");
    run_and_interrupt_in(&folder.path(""), &train).failed(75, &["highmark resume run"]);
    let early = folder.bytes("run/checkpoint.safetensors");
    folder.run("resume run --quiet").done();
    let model = folder.bytes("run/best.safetensors");
    // As on a disk without room for the later ones.
    fs::write(folder.path("run/checkpoint.safetensors"), early).unwrap();
    let why = "it left no checkpoint of its end, so it cannot be trained for more epochs; once its report.json is moved away";
    let shown = folder.run("resume run").done();
    assert!(shown.out.contains(why), "{shown:?}");
    folder.run("resume run --epochs 9").failed(1, &["the run in run has ended, but ", why]);
    // What it says can be done.
    fs::remove_file(folder.path("run/report.json")).unwrap();
    folder.run("resume run --quiet").done();
    assert_eq!(folder.bytes("run/best.safetensors"), model);
    folder.run("resume run --epochs 9 --quiet").done();
    assert_eq!(folder.json("run/report.json")["epochs_run"], 9);
    // An extension that has not ended does not count as such.
    run_and_interrupt_in(&folder.path(""), "resume run --epochs 12").failed(75, &["highmark resume run"]);
    folder.run("resume run --epochs 15").failed(1, &["12 epochs that has not ended; resume it to its end"]);
    // None at all.
    folder.run(&format!("{train} --no-checkpoint --overwrite --quiet")).done();
    let shown = folder.run("resume run").done();
    assert!(shown.out.contains("has ended; it left no checkpoint of its end"), "{shown:?}");
}

#[test]
fn epochs_that_do_not_become_fewer_are_told() {
    let folder = Folder::with("limits-fewer", "people.csv", &people(300));
    let train = format!("train people.csv --target answer {QUICK} --out run --resume auto");
    run_and_interrupt_in(&folder.path(""), &train.replace("--epochs 3", "--epochs 6"))
        .failed(75, &["resume run"]);
    let ran = folder.run(&train).done();
    assert!(ran.out.contains("The run in run is one of 6 epochs, and stays so"), "{ran:?}");
    assert_eq!(folder.json("run/report.json")["epochs_planned"], 6);
}

#[test]
fn another_limit_is_remembered_when_the_run_goes_on_with_it() {
    let folder = Folder::with("limits-remembered", "people.csv", &people(300));
    let here = folder.path("");
    let train = "train people.csv --target answer --layers 8 --bs 16 --epochs 100000 --max-time 1h --out run";
    run_and_interrupt_in(&here, train).failed(75, &["highmark resume run"]);
    folder.run("resume run --max-time 0.001s").failed(1, &["is over already"]);
    assert!(folder.read("run/config.toml").contains("max-time = \"1h\""));
    run_and_interrupt_in(&here, "resume run --max-time 2h").failed(75, &["highmark resume run"]);
    assert!(folder.read("run/config.toml").contains("max-time = \"2h\""));
    let again = run_and_interrupt_in(&here, "resume run").failed(75, &["highmark resume run"]);
    assert!(again.out.contains("at most 2h"), "{again:?}");
}
