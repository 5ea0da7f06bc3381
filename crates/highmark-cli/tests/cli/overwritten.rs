//! Which run a folder is whose, and what becomes of the one that was in it.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::folder::Folder;
use crate::run::run_and_interrupt_in;
use crate::samples::{QUICK, people};

/// The command, which waits for its data on its standard input.
fn waiting(folder: &Folder, arguments: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highmark"));
    command.args(arguments.split_whitespace()).current_dir(folder.path("")).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_run_that_has_come_meanwhile_is_not_replaced() {
    let csv = people(300);
    let folder = Folder::with("overwritten-meanwhile", "people.csv", &csv);
    let train = |data: &str| format!("train {data} --target answer {QUICK} --out new/run --quiet");
    let mut first = waiting(&folder, &train("-"));
    let begin = Instant::now();
    while !folder.path("new/run/run.lock").exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it does not take the folder before it reads");
        std::thread::sleep(Duration::from_millis(2));
    }
    // There is no run in it yet, and never two at work.
    folder.run(&train("people.csv")).failed(1, &["cannot lock new/run", &first.id().to_string()]);
    // These wait for the folder while the first comes to its end.
    let others = ["", "--resume auto"]
        .map(|option| waiting(&folder, &format!("{} --seed 7 {option}", train("people.csv"))));
    std::thread::sleep(Duration::from_millis(300));
    first.stdin.take().unwrap().write_all(csv.as_bytes()).unwrap();
    assert!(first.wait().unwrap().success());
    for (other, why) in others.into_iter().zip(["exists and is not empty", "its data is"]) {
        let output = other.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        // On a machine that is very busy the first takes longer than they wait.
        assert!(error.contains(why) || error.contains("cannot lock"), "{error}");
    }
    assert_eq!(folder.json("new/run/report.json")["seed"], 42);
    // One whose data is no good leaves nothing behind.
    folder.run_on("train - --target none --out other/run", &csv).failed(1, &["none"]);
    assert!(!folder.path("other").exists());
}

/// A process that is killed right after it has begun its run leaves this.
#[test]
fn a_beginning_is_no_run_to_come_back_to() {
    let folder = Folder::with("overwritten-beginning", "people.csv", &people(200));
    // Breaks down in its second step.
    let train = "train people.csv --target price --ignore answer,grade --schedule flat --bs 16 --layers 8 --lr 1e30 --out run";
    let broken = folder.run(train).failed(1, &["training broke down (run folder run)"]);
    let (files, told) = (folder.list("run"), broken.err);
    for again in ["resume run".to_string(), format!("{train} --resume auto")] {
        for file in files.iter().filter(|file| *file != "config.toml") {
            fs::remove_file(folder.path("run").join(file)).unwrap();
        }
        folder.write("run/events.jsonl", "");
        assert_eq!(folder.run(&again).failed(1, &[]).err, told);
        assert_eq!(folder.list("run"), files);
    }
}

#[test]
fn a_run_that_overwrites_another_and_has_lost_its_config_has_it_from_its_checkpoint() {
    let folder = Folder::with("overwritten-config", "people.csv", &people(300));
    let train = format!("train people.csv --target answer {QUICK} --quiet --out");
    for old in ["", "--no-checkpoint"] {
        folder.run(&format!("{train} run --overwrite {old}")).done();
        let files = folder.list("run");
        let new = format!("{train} run --overwrite --seed 7");
        run_and_interrupt_in(&folder.path(""), &new).failed(75, &["highmark resume run"]);
        let events = folder.read("run/events.jsonl");
        fs::remove_file(folder.path("run/config.toml")).unwrap();
        folder.run("resume run --quiet").done();
        assert_eq!(folder.json("run/report.json")["seed"], 7);
        assert!(folder.read("run/events.jsonl").starts_with(events.lines().next().unwrap()));
        assert!(!folder.path("run/overwritten").exists() && folder.list("run").len() >= files.len());
    }
}

/// The moments at which a part of it was put aside already.
#[test]
fn a_run_that_was_partly_put_aside_is_there_whole() {
    let folder = Folder::with("overwritten-partly", "people.csv", &people(300));
    folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet")).done();
    let (files, model) = (folder.list("run"), folder.bytes("run/best.safetensors"));
    let order = ["history.csv", "events.jsonl", "report.json", "best.safetensors", "checkpoint.safetensors"];
    for moved in 1..=order.len() {
        fs::create_dir(folder.path("run/overwritten")).unwrap();
        for file in &order[..moved] {
            let aside = folder.path("run/overwritten").join(file);
            fs::rename(folder.path("run").join(file), aside).unwrap();
        }
        let ran = folder.run("resume run").done();
        assert!(ran.out.starts_with("The run in run has ended; "), "{ran:?}");
        assert_eq!(
            (folder.list("run"), folder.bytes("run/best.safetensors")),
            (files.clone(), model.clone())
        );
    }
    // What lies there and is not missing from the run is not of it.
    let events = folder.read("run/events.jsonl");
    fs::create_dir(folder.path("run/overwritten")).unwrap();
    folder.write("run/overwritten/events.jsonl", "");
    folder.run("resume run").done();
    assert_eq!((folder.read("run/events.jsonl"), folder.list("run")), (events, files));
}

#[test]
fn files_that_were_begun_go_with_the_next_look_at_the_run() {
    let folder = Folder::with("overwritten-begun", "people.csv", &people(300));
    folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet")).done();
    let files = folder.list("run");
    for file in ["checkpoint.safetensors.part", "best.safetensors.part", "report.json.part"] {
        folder.write(&format!("run/{file}"), "begun");
    }
    folder.run("resume run").done();
    assert_eq!(folder.list("run"), files);
}
