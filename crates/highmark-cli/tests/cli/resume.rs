//! `highmark resume`, `train --resume auto`, and what can befall a run's folder.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::folder::Folder;
use crate::samples::{QUICK, people};

/// A training that takes no time, for as many epochs as are asked for.
const SHORT: &str = "--layers 8 --bs 16 --lr 0.01";

/// Starts a run that takes some seconds, and waits until the file is there.
pub(crate) fn start(folder: &Folder, arguments: &str, until: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highmark"));
    command.args(arguments.split_whitespace()).current_dir(folder.path(""));
    // What it has to keep elsewhere goes with the folder.
    command.env("TMPDIR", folder.path(""));
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while !folder.path(until).exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "no {until}");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

pub(crate) const LONG: &str =
    "--target answer --layers 64,32 --bs 8 --epochs 30 --no-early-stopping --quiet --checkpoint-steps 5";

#[cfg(unix)]
#[test]
fn a_killed_run_is_resumed_and_a_second_process_is_kept_out() {
    let folder = Folder::with("resume-killed", "people.csv", &people(2000));
    folder.run(&format!("train people.csv {LONG} --out alone")).done();
    let mut child =
        start(&folder, &format!("train people.csv {LONG} --out run"), "run/checkpoint.safetensors");
    let id = child.id().to_string();
    // It holds the folder however long the others wait.
    assert!(Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
    for arguments in ["resume run".to_string(), format!("train people.csv {LONG} --out run --overwrite")] {
        folder
            .run(&arguments)
            .failed(1, &["another process, number ", &id, "cannot lock run", "wait for its end"]);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Its lock is of no process any more, and neither is a file that it had begun.
    assert!(folder.path("run/run.lock").exists());
    folder.write("run/checkpoint.safetensors.part", "torn");
    folder
        .run(&format!("train people.csv {LONG} --out run"))
        .failed(1, &["has not ended", "highmark resume"]);
    let ran = folder.run("resume run").done();
    assert!(ran.out.contains("\nresumed    in epoch ") && ran.out.contains("after batch "), "{}", ran.out);
    assert_eq!(folder.bytes("run/best.safetensors"), folder.bytes("alone/best.safetensors"));
    let files = [
        "best.safetensors",
        "checkpoint.safetensors",
        "config.toml",
        "events.jsonl",
        "history.csv",
        "report.json",
    ];
    assert_eq!(folder.list("run"), files);
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before() {
    let folder = Folder::with("resume-damaged", "people.csv", &people(2000));
    folder.run(&format!("train people.csv {LONG} --out alone")).done();
    let mut child =
        start(&folder, &format!("train people.csv {LONG} --out run"), "run/checkpoint-previous.safetensors");
    child.kill().unwrap();
    child.wait().unwrap();
    if !folder.path("run/checkpoint.safetensors").exists() {
        // Killed between the two renames.
        fs::copy(
            folder.path("run/checkpoint-previous.safetensors"),
            folder.path("run/checkpoint.safetensors"),
        )
        .unwrap();
    }
    let mut bytes = folder.bytes("run/checkpoint.safetensors");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(folder.path("run/checkpoint.safetensors"), &bytes).unwrap();
    let ran = folder.run("resume run").done();
    for part in
        ["note       run/checkpoint.safetensors: damaged", "going on from the one before", "\nresumed    "]
    {
        assert!(ran.out.contains(part), "{}", ran.out);
    }
    assert_eq!(folder.bytes("run/best.safetensors"), folder.bytes("alone/best.safetensors"));
    // Both of them: nothing is begun anew over a run without being asked.
    fs::remove_file(folder.path("run/report.json")).unwrap();
    fs::write(folder.path("run/checkpoint.safetensors"), &bytes[..100]).unwrap();
    folder.run("resume run").failed(1, &["checkpoint.safetensors", "damaged", "move it away"]);
}

#[test]
fn a_finished_run_is_shown_or_extended() {
    let folder = Folder::with("resume-extend", "people.csv", &people(300));
    let train = format!("train people.csv --target answer {SHORT} --schedule flat --no-early-stopping");
    folder.run(&format!("{train} --epochs 5 --out long")).done();
    folder.run(&format!("{train} --epochs 2 --out run")).done();
    let report = folder.json("run/report.json");
    let again = folder.run("resume run").done();
    assert!(again.out.contains("has ended; --epochs N trains it for more"), "{}", again.out);
    assert!(again.out.contains("all 2 epochs ran"), "{}", again.out);
    assert_eq!(folder.run("resume run --quiet --json").done().json(), report);

    folder
        .run("resume run --epochs 1")
        .failed(1, &["epochs: the run in run is one of 2 epochs, which cannot become 1", "without --epochs"]);
    let ran = folder.run("resume run --epochs 5").done();
    assert!(ran.out.contains("\nresumed    after its 2 epochs"), "{}", ran.out);
    // At a constant rate it is the run of 5 epochs.
    for file in ["best.safetensors", "config.toml"] {
        assert_eq!(folder.bytes(&format!("run/{file}")), folder.bytes(&format!("long/{file}")), "{file}");
    }
    assert_eq!(folder.read("run/history.csv").lines().count(), 6);
    assert_eq!(folder.json("run/report.json")["epochs_run"], 5);
    // Killed before the report was written.
    fs::remove_file(folder.path("run/report.json")).unwrap();
    let model = folder.bytes("run/best.safetensors");
    folder.run("resume run --quiet").done();
    assert_eq!(
        (folder.json("run/report.json")["epochs_run"].clone(), folder.bytes("run/best.safetensors")),
        (5.into(), model)
    );
}

#[test]
fn the_same_command_again_and_again() {
    let folder = Folder::with("resume-auto", "people.csv", &people(300));
    let train = format!("train people.csv --target answer {SHORT} --out run --resume auto");
    folder.run(&format!("{train} --epochs 2")).done();
    let files = folder.list("run");
    let again = folder.run(&format!("{train} --epochs 2")).done();
    assert!(again.out.contains("has ended"), "{}", again.out);
    assert_eq!(folder.list("run"), files);
    folder
        .run(&format!("{train} --epochs 2 --seed 7"))
        .failed(1, &["another one", "its seed is 42, not 7", "--out"]);
    folder.run(&format!("{train} --threads 1 --epochs 4")).done();
    assert_eq!(folder.json("run/report.json")["epochs_run"], 4);
    folder.run(&format!("{train} --overwrite")).failed(2, &["--overwrite"]);
    folder
        .run(&format!("train people.csv --target answer {QUICK} --resume auto"))
        .failed(2, &["resume", "--out"]);
    folder.run("resume people.csv").failed(1, &["not the folder of a run"]);
    folder.run("resume none").failed(1, &["there is no none"]);
    fs::create_dir(folder.path("early")).unwrap();
    folder.write("early/run.lock", "1");
    folder.run("resume early").failed(1, &["no run in early yet", "highmark train"]);
    fs::remove_file(folder.path("run/config.toml")).unwrap();
    folder.run(&format!("{train} --epochs 4")).done();
    assert_eq!(folder.list("run"), files, "the checkpoint has it too");
    fs::remove_file(folder.path("run/config.toml")).unwrap();
    folder.write("run/checkpoint.safetensors", "torn");
    folder.run("resume run").failed(1, &["run has lost its config.toml"]);
}

#[test]
fn other_data_and_other_settings_are_refused_and_nothing_is_lost() {
    let folder = Folder::with("resume-other", "people.csv", &people(300));
    folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet")).done();
    let (model, checkpoint) =
        (folder.bytes("run/best.safetensors"), folder.bytes("run/checkpoint.safetensors"));
    let people_then = folder.read("people.csv");
    folder.write("people.csv", &people(301));
    folder.run("resume run --epochs 5").failed(
        1,
        &[
            "checkpoint.safetensors",
            "another run",
            "training rows: 240 then, 241 now",
            "people.csv, run folder run",
        ],
    );
    folder.write("people.csv", &people_then);
    let config = folder.read("run/config.toml");
    assert!(config.contains("epochs = 3"), "what is refused is not remembered: {config}");
    let config = config.replace("bs = 16", "bs = 8");
    folder.write("run/config.toml", &config);
    folder.run("resume run --epochs 5").failed(1, &["batch size was 16 and is 8 now"]);
    // The seed also decides the split, and it is the seed that was changed.
    folder.write("run/config.toml", &config.replace("bs = 8", "bs = 16").replace("seed = 42", "seed = 7"));
    folder.run("resume run --epochs 5").failed(
        1,
        &["training rows: as many as before, 240, but their contents differ", "seed was 42 and is 7 now"],
    );
    fs::remove_file(folder.path("people.csv")).unwrap();
    folder.run("resume run --epochs 5").failed(1, &["there is no file people.csv;"]);
    assert_eq!(folder.bytes("run/best.safetensors"), model);
    assert_eq!(folder.bytes("run/checkpoint.safetensors"), checkpoint);
}

#[test]
fn a_run_that_has_ended_without_a_checkpoint_is_not_begun_anew_over_its_model() {
    let folder = Folder::with("resume-without", "people.csv", &people(300));
    let train = format!("train people.csv --target answer {SHORT} --no-checkpoint --out run");
    folder.run(&format!("{train} --epochs 2 --quiet")).done();
    let model = folder.bytes("run/best.safetensors");
    folder.run("resume run --epochs 9").failed(1, &["run in run has ended", "no checkpoint", "--out"]);
    folder.run(&format!("{train} --resume auto --epochs 9")).failed(1, &["has ended", "no checkpoint"]);
    assert_eq!(folder.bytes("run/best.safetensors"), model);
    folder.run("resume run").done();
}

/// The paths in the config are from the run's folder, so that the whole can be carried elsewhere.
#[test]
fn a_run_is_carried_elsewhere_and_resumed() {
    let folder = Folder::new("resume-carried");
    fs::create_dir(folder.path("here")).unwrap();
    folder.write("here/people.csv", &people(300));
    let train =
        format!("train people.csv --target answer {SHORT} --schedule flat --no-early-stopping --quiet");
    crate::run::run_in(&folder.path("here"), &format!("{train} --epochs 2")).done();
    let config = folder.read("here/runs/people-1/config.toml");
    assert!(config.contains("data = \"../../people.csv\""), "{config}");
    fs::rename(folder.path("here"), folder.path("there")).unwrap();
    folder.run("validate there/runs/people-1").done();
    folder.run("resume there/runs/people-1 --epochs 3").done();
    assert_eq!(folder.json("there/runs/people-1/report.json")["epochs_run"], 3);
    let alone = format!("{train} --epochs 3 --out alone");
    crate::run::run_in(&folder.path("there"), &alone).done();
    let model = folder.bytes("there/runs/people-1/best.safetensors");
    assert_eq!(
        model,
        folder.bytes("there/alone/best.safetensors"),
        "as of its epoch, though its file had gone"
    );
    // With nothing but the checkpoint, what the run had left is there again.
    let (history, config) =
        (folder.read("there/runs/people-1/history.csv"), folder.read("there/runs/people-1/config.toml"));
    for file in ["history.csv", "events.jsonl", "report.json", "best.safetensors", "config.toml"] {
        fs::remove_file(folder.path(&format!("there/runs/people-1/{file}"))).unwrap();
    }
    folder.run("resume there/runs/people-1").done();
    assert_eq!(folder.read("there/runs/people-1/history.csv"), history);
    assert_eq!(folder.read("there/runs/people-1/config.toml"), config);
    assert_eq!(folder.bytes("there/runs/people-1/best.safetensors"), model);
}

#[test]
fn a_run_that_is_overwritten_comes_back_when_the_new_one_comes_to_nothing() {
    let folder = Folder::with("resume-overwritten", "people.csv", &people(2000));
    folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet")).done();
    let model = folder.bytes("run/best.safetensors");
    let train = format!("train people.csv {LONG} --out run --overwrite --seed 3");
    // Killed: the old run is whole beside the new one, and goes when that has ended.
    let mut child = start(&folder, &train, "run/checkpoint.safetensors.part");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(folder.bytes("run/overwritten/best.safetensors"), model);
    assert!(folder.path("run/overwritten/config.toml").exists());
    folder.run("predict run/overwritten people.csv -o out.csv").done();
    folder.run("resume run --quiet").done();
    assert!(!folder.path("run/overwritten").exists());
    assert_ne!(folder.bytes("run/best.safetensors"), model);
}

/// The moments of overwriting a run at which neither the old one nor the new one has its config in place.
#[test]
fn a_run_whose_overwriting_was_killed_is_there_whole() {
    let folder = Folder::with("resume-aside", "people.csv", &people(300));
    let train = format!("train people.csv --target answer {QUICK} --out run --quiet");
    folder.run(&train).done();
    let (files, model) = (folder.list("run"), folder.bytes("run/best.safetensors"));
    let put_aside = |left: &[&str]| {
        fs::create_dir(folder.path("run/overwritten")).unwrap();
        for file in files.iter().filter(|file| !left.contains(&file.as_str())) {
            let aside = folder.path(&format!("run/overwritten/{file}"));
            fs::rename(folder.path(&format!("run/{file}")), aside).unwrap();
        }
    };
    for left in [&[][..], &["history.csv", "events.jsonl"], &["best.safetensors"]] {
        for again in ["resume run --quiet".to_string(), format!("{train} --resume auto")] {
            put_aside(left);
            folder.run(&train).failed(1, &["--overwrite"]);
            folder.run(&again).done();
            assert_eq!(folder.list("run"), files, "{left:?} {again}");
            assert_eq!(folder.bytes("run/best.safetensors"), model, "{left:?} {again}");
        }
    }
    put_aside(&[]);
    // The new run had begun its first file.
    folder.write("run/events.jsonl", "");
    folder.run(&format!("{train} --overwrite --seed 7")).done();
    assert_eq!(folder.list("run"), files);
    assert_ne!(folder.bytes("run/best.safetensors"), model);
}

/// Files may grow to some size only: enough for the model, not for a checkpoint.
#[cfg(unix)]
#[test]
fn checkpoints_that_do_not_fit_on_the_disk_stop_no_training() {
    let folder = Folder::with("resume-full", "people.csv", &people(300));
    let program = env!("CARGO_BIN_EXE_highmark");
    let train = format!("train people.csv --target answer {QUICK} --layers 200,100 --out run");
    let script = format!("ulimit -f 300; exec {program} {train}");
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path("")).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    // The first time, and of the last one, after which none is tried.
    assert_eq!(out.matches("no checkpoint: cannot write run/checkpoint.safetensors").count(), 2, "{out}");
    assert_eq!(out.matches("training goes on").count(), 1, "{out}");
    let files = ["best.safetensors", "config.toml", "events.jsonl", "history.csv", "report.json"];
    assert_eq!(folder.list("run"), files);
    // Also where nothing but errors is to be shown.
    let script = format!("ulimit -f 300; exec {program} {train} --overwrite --quiet");
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path("")).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), err.lines().count()), (Some(0), 1), "{err}");
    assert!(err.contains("no checkpoint could be saved in run"), "{err}");
    folder
        .run(&format!("train people.csv --target answer {QUICK} --layers 200,100 --out alone --quiet"))
        .done();
    assert_eq!(folder.bytes("run/best.safetensors"), folder.bytes("alone/best.safetensors"));
}

#[test]
fn a_model_that_its_folder_does_not_take_is_kept_elsewhere() {
    let folder = Folder::with("resume-elsewhere", "people.csv", &people(300));
    let train = format!("train people.csv --target answer {QUICK} --quiet --no-checkpoint");
    folder.run(&format!("{train} --out alone")).done();
    for (out, options, model) in [("best", "", "alone"), ("last", "--no-save-best", "alone-last")] {
        folder.run(&format!("{train} {options} --out {model} --overwrite")).done();
        // In the place of the file that is written first.
        fs::create_dir_all(folder.path(&format!("{out}/best.safetensors.part"))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_highmark"));
        command.args(format!("{train} {options} --out {out}").split_whitespace());
        let kept = folder.path(&format!("kept-{out}"));
        fs::create_dir(&kept).unwrap();
        let output = command.current_dir(folder.path("")).env("TMPDIR", &kept).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("cannot write") && error.contains("the model is kept in"), "{error}");
        let [own] = &folder.list(&format!("kept-{out}"))[..] else { panic!("{error}") };
        assert!(error.contains(&format!("{own}/best.safetensors")), "{error}");
        let kept = folder.bytes(&format!("kept-{out}/{own}/best.safetensors"));
        assert_eq!(kept, folder.bytes(&format!("{model}/best.safetensors")), "{out}");
    }
}

/// Each of these states a process leaves that is killed at some moment before its run has begun.
#[test]
fn what_is_left_of_a_run_that_had_not_begun_is_no_obstacle() {
    let folder = Folder::with("resume-leftovers", "people.csv", &people(300));
    let train = format!("train people.csv --target answer {QUICK} --quiet");
    let left = ["run.lock", "events.jsonl", "config.toml.part", "overwritten/events.jsonl"];
    for (case, options) in [(1, ""), (2, "--resume auto"), (3, "--overwrite"), (4, "--resume auto")] {
        let run = format!("run-{case}");
        fs::create_dir_all(folder.path(&format!("{run}/overwritten"))).unwrap();
        left[..case].iter().for_each(|file| folder.write(&format!("{run}/{file}"), ""));
        folder.run(&format!("{train} {options} --out {run}")).done();
        assert!(!folder.path(&format!("{run}/overwritten")).exists(), "{case}");
        folder.run(&format!("inspect {run}")).done();
    }
}

#[test]
fn a_run_of_which_only_the_checkpoint_is_left_comes_back_whole() {
    let folder = Folder::with("resume-only-checkpoint", "people.csv", &people(200));
    let options =
        "--target price --ignore answer,grade --schedule flat --bs 16 --layers 8 --epochs 2 --quiet";
    folder.run(&format!("train people.csv {options} --out run")).done();
    let checkpoint = folder.bytes("run/checkpoint.safetensors");
    fs::create_dir(folder.path("carried")).unwrap();
    fs::write(folder.path("carried/checkpoint.safetensors"), &checkpoint).unwrap();
    let over = format!("train people.csv {options} --out carried --overwrite");
    folder.run(&format!("{over} --lr 1e30")).failed(1, &["the run that was in it before is back"]);
    assert_eq!(folder.list("carried"), ["checkpoint.safetensors", "config.toml"]);
    assert_eq!(folder.bytes("carried/checkpoint.safetensors"), checkpoint);
    folder.run("resume carried --quiet").done();
    // A damaged one is no run to be put aside, nor nothing.
    fs::create_dir(folder.path("damaged")).unwrap();
    let torn = &checkpoint[..checkpoint.len() - 9];
    fs::write(folder.path("damaged/checkpoint.safetensors"), torn).unwrap();
    folder.run(&over.replace("carried", "damaged")).failed(1, &["checkpoint.safetensors", "damaged"]);
    folder.run("resume damaged").failed(1, &["checkpoint.safetensors", "damaged"]);
    assert_eq!(folder.bytes("damaged/checkpoint.safetensors"), torn);
}

#[test]
fn a_run_without_a_model_yet() {
    let folder = Folder::with("resume-no-model", "people.csv", &people(300));
    folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet")).done();
    for file in ["best.safetensors", "report.json"] {
        fs::remove_file(folder.path("run").join(file)).unwrap();
    }
    let go_on = ["no best.safetensors yet; go on with it by `highmark resume run`"];
    folder.run("predict run people.csv").failed(1, &go_on);
    folder.run("resume run --epochs 9 --quiet").done();
    folder.run("predict run people.csv -o out.csv").done();
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_removed_while_the_run_goes_on() {
    let folder = Folder::with("resume-removed", "people.csv", &people(2000));
    folder.run(&format!("train people.csv {LONG} --out alone")).done();
    let child = start(&folder, &format!("train people.csv {LONG} --out run"), "run/checkpoint.safetensors");
    fs::rename(folder.path("run"), folder.path("gone")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(folder.bytes("run/best.safetensors"), folder.bytes("alone/best.safetensors"));
    assert_eq!(folder.json("run/report.json")["epochs_run"], 30);
    folder.run("resume run").done();
}
