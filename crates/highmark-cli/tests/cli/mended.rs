//! Files of a run that are lost or damaged, and what `resume` makes of them.

use std::fs;

use crate::folder::Folder;
use crate::samples::{QUICK, people};

/// A folder with a run that has ended in `run`.
fn ended(test: &str) -> Folder {
    let folder = Folder::with(test, "people.csv", &people(300));
    folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet")).done();
    folder
}

/// `text` with one digit of its middle line changed.
fn altered(text: &str) -> String {
    let at = text.len() / 2 + text[text.len() / 2..].find(|c: char| c.is_ascii_digit()).unwrap();
    let digit = if &text[at..=at] == "7" { "8" } else { "7" };
    format!("{}{digit}{}", &text[..at], &text[at + 1..])
}

#[test]
fn a_run_that_has_ended_is_mended_from_its_checkpoint() {
    let folder = ended("mended");
    let (model, history) = (folder.bytes("run/best.safetensors"), folder.read("run/history.csv"));
    let events = folder.read("run/events.jsonl");
    let epochs = |events: &str| -> Vec<String> {
        events.lines().filter(|line| line.contains("\"epoch\"")).map(String::from).collect()
    };
    let mut flipped = model.clone();
    let last = flipped.len() - 5;
    flipped[last] ^= 16;
    let zeroed = "\0".repeat(history.len());
    for (file, damaged) in [
        ("best.safetensors", None),
        ("best.safetensors", Some(&b""[..])),
        ("best.safetensors", Some(&flipped)),
        ("history.csv", None),
        ("history.csv", Some(b"")),
        ("history.csv", Some(zeroed.as_bytes())),
        ("history.csv", Some(altered(&history).as_bytes())),
        ("events.jsonl", None),
        ("events.jsonl", Some(b"")),
    ] {
        let path = folder.path("run").join(file);
        match damaged {
            None => fs::remove_file(path).unwrap(),
            Some(bytes) => fs::write(path, bytes).unwrap(),
        }
        let ran = folder.run("resume run").done();
        assert!(ran.out.contains(&format!("not all of it is there: {file},")), "{file}: {}", ran.out);
        assert_eq!(folder.bytes("run/best.safetensors"), model, "{file}");
        assert_eq!(folder.read("run/history.csv"), history, "{file}");
        assert_eq!(epochs(&folder.read("run/events.jsonl")), epochs(&events), "{file}");
        let again = folder.run("resume run").done();
        assert!(again.out.contains("has ended; --epochs N"), "{}", again.out);
    }
    // Also while more epochs are asked for.
    folder.write("run/history.csv", &altered(&history));
    folder.run("resume run --epochs 4 --quiet").done();
    assert!(folder.read("run/history.csv").starts_with(&history));
}

/// What was planned, and so what stopping has saved, is not known from the command alone then.
#[test]
fn a_run_under_a_limit_is_mended_to_the_same_report() {
    let folder = Folder::with("mended-limit", "people.csv", &people(300));
    for (run, limit) in [("a", "--max-time 20s --patience 2"), ("b", "--epochs 300 --max-time 0.4s")] {
        let quick = "--layers 8 --bs 32 --monitor valid_loss --min-delta 0.05 --quiet";
        folder.run(&format!("train people.csv --target answer {quick} {limit} --out {run}")).done();
        let said = |folder: &Folder| {
            let report: serde_json::Value =
                serde_json::from_str(&folder.read(&format!("{run}/report.json"))).unwrap();
            ["epochs_planned", "epochs_run", "epochs_saved", "stop_reason"].map(|key| report[key].clone())
        };
        let before = said(&folder);
        for file in ["history.csv", "report.json"] {
            fs::remove_file(folder.path(run).join(file)).unwrap();
            folder.run(&format!("resume {run} --quiet")).done();
            assert_eq!(said(&folder), before, "{run}: {file}");
        }
    }
}

#[test]
fn a_model_that_is_lost_without_a_checkpoint_is_told() {
    let folder = Folder::with("mended-without", "people.csv", &people(300));
    folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet --no-checkpoint")).done();
    fs::remove_file(folder.path("run/best.safetensors")).unwrap();
    folder.run("resume run").failed(1, &["best.safetensors is missing", "no checkpoint", "run/config.toml"]);
}

#[test]
fn a_damaged_model_is_refused() {
    let folder = ended("mended-model");
    let model = folder.bytes("run/best.safetensors");
    // A weight, and a number of how columns are prepared.
    let text = String::from_utf8_lossy(&model).into_owned();
    let mean = text.find("means").unwrap() + 12;
    for at in [model.len() - 3, mean] {
        let mut damaged = model.clone();
        damaged[at] ^= 1;
        fs::write(folder.path("run/best.safetensors"), &damaged).unwrap();
        for command in ["predict run people.csv", "validate run", "inspect run/best.safetensors"] {
            folder.run(command).failed(1, &["best.safetensors", "damaged"]);
        }
    }
    folder.run("resume run --quiet").done();
    assert_eq!(folder.bytes("run/best.safetensors"), model);
}

#[test]
fn a_damaged_report_is_written_again() {
    let folder = ended("mended-report");
    let report = folder.json("run/report.json");
    let text = folder.read("run/report.json");
    for damaged in ["", "\0\0\0\0", "no report", &text[..text.len() / 2]] {
        for command in [
            "resume run",
            "train people.csv --target answer --layers 16 --bs 16 --epochs 3 --lr 0.01 --out run --resume auto",
        ] {
            folder.write("run/report.json", damaged);
            folder.run("inspect run").done();
            let ran = folder.run(command).done();
            assert!(ran.err.contains("run/report.json is damaged"), "{ran:?}");
            assert_eq!(folder.json("run/report.json")["final_metrics"], report["final_metrics"]);
        }
    }
    // Not text at all.
    fs::write(folder.path("run/report.json"), [0xff, 0xfe]).unwrap();
    folder.run("resume run --quiet").done();
    assert_eq!(folder.json("run/report.json")["epochs_run"], 3);
    // Nothing to have it from, and a model that must not be trained over.
    fs::remove_file(folder.path("run/checkpoint.safetensors")).unwrap();
    folder.write("run/report.json", "");
    folder.run("resume run").failed(1, &["report.json: not the report of a run"]);
}

#[test]
fn an_empty_config_is_taken_from_the_checkpoint() {
    let folder = ended("mended-config");
    let config = folder.read("run/config.toml");
    for damaged in [String::new(), "\n".into(), "\0".repeat(config.len())] {
        folder.write("run/config.toml", &damaged);
        folder.run("resume run").done();
        assert_eq!(folder.read("run/config.toml"), config);
    }
    // Somebody has put something else there: it is not taken for a run's, and not replaced.
    folder.write("run/config.toml", "[other]\nkey = 1\n");
    folder.run("resume run").failed(1, &["run/config.toml is not the config of a run; move it away"]);
    assert_eq!(folder.read("run/config.toml"), "[other]\nkey = 1\n");
    // What cannot be read is not lost.
    fs::remove_file(folder.path("run/config.toml")).unwrap();
    fs::create_dir(folder.path("run/config.toml")).unwrap();
    folder.run("resume run").failed(1, &["cannot read run/config.toml: "]);
}

#[test]
fn the_first_command_again_after_an_extension_shows_the_run() {
    let folder = ended("mended-extended");
    folder.run("resume run --epochs 5 --quiet").done();
    let report = folder.read("run/report.json");
    let train = format!("train people.csv --target answer {QUICK} --out run --resume auto");
    let ran = folder.run(&train).done();
    assert!(ran.out.contains("has ended") && ran.out.contains("all 5 epochs ran"), "{}", ran.out);
    assert_eq!(folder.read("run/report.json"), report);
    // Killed before the extension had its report.
    fs::remove_file(folder.path("run/report.json")).unwrap();
    folder.run(&train).done();
    assert_eq!(folder.json("run/report.json")["epochs_run"], 5);
}

#[test]
fn columns_that_differ_are_named() {
    let folder = ended("mended-columns");
    let csv = folder.read("people.csv");
    folder.write("people.csv", &csv.replacen("height", "size", 1));
    let ran = folder.run("resume run --epochs 5");
    let ran = ran.failed(1, &["columns: `height` is gone, `size` is new", "people.csv"]);
    assert!(!ran.err.contains("pipeline") && !ran.err.contains("parameters"), "{}", ran.err);
    // A scale that follows from the data is not shown as numbers.
    folder.write("people.csv", &csv);
    folder.run(&format!("train people.csv --target price {QUICK} --out price --quiet")).done();
    folder.write("people.csv", &csv.replacen("Oslo", "Rome", 1));
    let ran = folder.run("resume price --epochs 5").failed(1, &["`city` is of other values"]);
    assert!(!ran.err.contains("output_scale"), "{}", ran.err);
}
