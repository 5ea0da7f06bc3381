//! `highmark train` and what it leaves behind.

use crate::folder::Folder;
use crate::samples::{QUICK, people};

#[test]
fn a_run_of_two_classes() {
    let folder = Folder::with("two-classes", "people.csv", &people(300));
    let ran =
        folder.run(&format!("train people.csv --target answer --ignore grade,price,tall,old {QUICK}")).done();
    for part in [
        "300 rows, 240 to train on, 60 to validate on",
        "classification of answer in 2 classes: no ",
        "continuous age, height",
        "categories city (4), age_na (3)",
        "parameters",
        "loss cross-entropy",
        "monitor    accuracy: run all epochs, too few to stop early, keep the best model",
        "run        runs/people-1",
        "epoch     train_loss  valid_loss  accuracy  time",
        "Better model found at epoch 0 with accuracy value: ",
        "\nstopped    all 3 epochs ran\n",
        "\nbest       accuracy 0.",
        "\nlast       accuracy 0.",
        "\nsaved      ",
        "\ntime       ",
        "\nmodel      runs/people-1/best.safetensors: the best, accuracy 0.",
    ] {
        assert!(ran.out.contains(part), "`{part}` is not in: {}", ran.out);
    }
    assert_eq!(ran.err, "");
    let files = [
        "best.safetensors",
        "checkpoint.safetensors",
        "config.toml",
        "events.jsonl",
        "history.csv",
        "report.json",
    ];
    assert_eq!(folder.list("runs/people-1"), files);

    let report = folder.json("runs/people-1/report.json");
    assert_eq!((&report["stop_reason"], &report["monitor"]), (&"completed".into(), &"accuracy".into()));
    assert_eq!((&report["epochs_planned"], &report["epochs_run"]), (&3.into(), &3.into()));
    assert_eq!((&report["usd"], &report["usd_saved"], &report["seed"]), (&().into(), &().into(), &42.into()));
    assert_eq!(report["final_metrics"]["accuracy"], report["best_value"]);
    for key in ["best_epoch", "last_value", "seconds", "seconds_saved", "threads"] {
        assert!(report[key].is_number(), "{key}: {report}");
    }
    for phase in ["load", "prepare", "train", "validate", "save"] {
        assert!(report["seconds_by_phase"][phase].is_number(), "{phase}: {report}");
    }
    assert!(report["final_metrics"]["valid_loss"].is_number() && report["version"].is_string());

    let history = folder.read("runs/people-1/history.csv");
    let lines: Vec<_> = history.lines().collect();
    assert_eq!((lines[0], lines.len()), ("epoch,train_loss,valid_loss,accuracy,time", 4));
    assert!(folder.read("runs/people-1/events.jsonl").lines().count() >= 5);
    // The next one gets the next number.
    folder.run(&format!("train people.csv --target answer {QUICK} --quiet")).done();
    assert_eq!(folder.list("runs"), ["people-1", "people-2"]);
}

#[test]
fn other_tasks() {
    let folder = Folder::with("other-tasks", "people.csv", &people(300));
    for (options, task, monitor, metric) in [
        (
            "--target grade --ignore answer,price,tall,old",
            "classification of grade in 3 classes",
            "accuracy",
            "accuracy",
        ),
        ("--target price --ignore answer,grade,tall,old", "regression of price", "valid_loss", "rmse"),
        (
            "--target tall,old --ignore answer,grade,price",
            "multi-label of 2 labels: tall",
            "accuracy",
            "accuracy",
        ),
        ("--target price,height --y-range 0,250", "regression of price, height", "valid_loss", "rmse"),
    ] {
        let ran = folder.run(&format!("train people.csv {options} {QUICK} --out run --overwrite")).done();
        assert!(ran.out.contains(task), "{}", ran.out);
        let report = folder.json("run/report.json");
        assert_eq!(report["monitor"], monitor);
        assert!(report["final_metrics"][metric].is_number(), "{report}");
    }
}

#[test]
fn stopping_and_keeping() {
    let folder = Folder::with("stopping", "people.csv", &people(300));
    let train = |options: &str| {
        let quick = "--layers 8 --bs 16 --lr 0.01 --epochs 12 --schedule flat --usd-per-hour 3.6";
        let ran = folder.run(&format!("train people.csv --target answer {quick} --json {options}")).done();
        (ran.json(), ran)
    };
    // Nothing improves by more than 1.
    let (report, ran) = train("--min-delta 1 --patience 2");
    assert_eq!((&report["stop_reason"], &report["epochs_run"]), (&"early_stopping".into(), &3.into()));
    assert_eq!(report["epochs_saved"], 9);
    assert_eq!(report["final_metrics"]["accuracy"], report["best_value"]);
    assert!(report["seconds_saved"].as_f64() > Some(0.0), "{report}");
    let usd = |seconds: &str| report[seconds].as_f64().unwrap() * 0.001;
    assert!((report["usd"].as_f64().unwrap() - usd("seconds")).abs() < 1e-12);
    assert!((report["usd_saved"].as_f64().unwrap() - usd("seconds_saved")).abs() < 1e-12);
    assert!(ran.err.contains("No improvement since epoch 0: early stopping"), "{}", ran.err);
    assert!(report["stop_detail"].as_str().unwrap().contains("has not improved for 2 epochs by more than 1"));

    let (report, ran) = train("--no-early-stopping --no-save-best");
    assert_eq!((&report["stop_reason"], &report["epochs_run"]), (&"completed".into(), &12.into()));
    assert_eq!(report["final_metrics"]["accuracy"], report["last_value"]);
    assert!(!ran.err.contains("Better model found"), "{}", ran.err);

    let (_, ran) = train("--quiet");
    assert_eq!(ran.err, "");
    let quiet = folder.run(&format!("train people.csv --target answer {QUICK} --quiet")).done();
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}

/// A few batches an epoch: ten epochs would be next to no training, and three without improvement say nothing.
#[test]
fn small_tables_are_trained_long_enough() {
    let folder = Folder::with("small", "people.csv", &people(200));
    let ran = folder.run("train people.csv --target answer --ignore grade,price,tall,old --out run").done();
    assert!(ran.out.contains("\ntraining   100 epochs, 64 rows a batch"), "{}", ran.out);
    assert!(ran.out.contains("run all epochs, too few to stop early"), "{}", ran.out);
    let report = folder.json("run/report.json");
    assert!(report["best_value"].as_f64() > Some(0.9), "{report}");
    assert!(report["constant_metrics"]["accuracy"].as_f64() < Some(0.7), "{report}");
    assert_eq!(report["notes"], serde_json::Value::Null);
    assert!(folder.read("run/config.toml").contains("\nepochs = 100\n"));
}

#[test]
fn what_to_think_of_a_result() {
    let folder = Folder::with("notes", "people.csv", &people(200));
    let features = "--target answer --ignore grade,price,tall,old --layers 8 --bs 16 --epochs 2";
    // A rate that moves nothing: the model answers the same as at the start.
    let ran =
        folder.run(&format!("train people.csv {features} --monitor valid_loss --lr 1e-9 --out a")).done();
    let note = "note       it has learnt nothing that shows: always giving the same answer has valid_loss";
    assert!(ran.out.contains(note), "{}", ran.out);
    let ran =
        folder.run(&format!("train people.csv {features} --monitor valid_loss --lr 0.01 --out b")).done();
    let note = "note       the last epoch was the best; with more epochs it might get better: resume it with --epochs 4";
    assert!(ran.out.contains(note) && !ran.out.contains("learnt nothing"), "{}", ran.out);
    assert!(folder.run("inspect b").done().out.contains(note));
}

#[test]
fn a_loss_that_is_no_number() {
    let folder = Folder::with("nan", "people.csv", &people(200));
    let options = "--target price --ignore answer,grade --schedule flat --bs 16 --layers 8";
    // Whatever is asked to be kept.
    for keep in ["", "--no-save-best"] {
        let ran = folder.run(&format!("train people.csv {options} --out run --overwrite --lr 1e30 {keep}"));
        assert!(ran.out.contains("\nmodel      none"), "{}", ran.out);
        // Why is told once, when it happens.
        assert_eq!(ran.out.matches("lower learning rate").count(), 1, "{}", ran.out);
        let ran = ran.failed(1, &["training broke down (run folder run"]);
        assert!(!ran.err.contains("lower learning rate"), "{}", ran.err);
        let report = folder.json("run/report.json");
        assert_eq!((&report["stop_reason"], &report["best_epoch"]), (&"non_finite".into(), &().into()));
        assert_eq!((&report["last_value"], &report["kept_best"]), (&().into(), &false.into()));
        assert_eq!(report["final_metrics"], serde_json::json!({}));
        assert_eq!(report["seconds_saved"].to_string(), "0.0");
        assert!(report["stop_detail"].as_str().unwrap().contains("lower learning rate"), "{report}");
        assert!(!folder.path("run/best.safetensors").exists());
    }
    let ran = folder.run(&format!("train people.csv {options} --out run --overwrite --lr 1e30 --json"));
    assert_eq!((ran.code, &ran.json()["stop_reason"]), (Some(1), &"non_finite".into()));
    let ran = folder.run(&format!("train people.csv {options} --out run --overwrite --lr 1e30 --quiet"));
    ran.failed(1, &["training broke down", "lower learning rate", "no model worth keeping"]);
    for command in ["predict run people.csv", "inspect run", "validate run"] {
        let ran =
            folder.run(command).failed(1, &["training broke down", "lower learning rate", "train anew"]);
        assert!(!ran.err.contains("highmark resume"), "{}", ran.err);
    }
}

#[test]
fn a_run_comes_back_when_the_one_that_overwrites_it_breaks_down() {
    let folder = Folder::with("nan-overwrite", "people.csv", &people(200));
    let options = "--target price --ignore answer,grade --schedule flat --bs 16 --layers 8 --out run";
    folder.run(&format!("train people.csv {options} --epochs 1 --quiet")).done();
    let (files, model) = (folder.list("run"), folder.bytes("run/best.safetensors"));
    let (report, config) = (folder.bytes("run/report.json"), folder.bytes("run/config.toml"));
    for keep in ["", "--no-save-best", "--no-checkpoint"] {
        let ran = folder.run(&format!("train people.csv {options} --overwrite --lr 1e30 {keep}"));
        ran.failed(1, &["training broke down", "the run that was in it before is back"]);
        assert_eq!(
            (folder.list("run"), folder.bytes("run/best.safetensors")),
            (files.clone(), model.clone())
        );
        assert_eq!(folder.bytes("run/report.json"), report);
        assert_eq!(folder.bytes("run/config.toml"), config);
    }
    folder.run("predict run people.csv -o out.csv").done();
}

#[test]
fn a_best_model_outlives_a_breakdown() {
    let folder = Folder::with("breakdown", "people.csv", &people(200));
    // Steps that are too long by a little: every one takes the weights further away, until they are no numbers.
    folder.write(
        "late.toml",
        "data = \"people.csv\"\ntarget = \"price\"\ncat = []\ncont = [\"height\"]\nlayers = []\nbatch-norm = false\n\
         bn-cont = false\nbs = 16\nepochs = 50\nearly-stopping = false\nlr = 1.5\nschedule = \"flat\"\noptimizer = \"sgd\"\n",
    );
    let ran = folder.run("train late.toml --out run").done();
    let report = folder.json("run/report.json");
    assert_eq!((&report["stop_reason"], &report["kept_best"]), (&"non_finite".into(), &true.into()));
    let detail = format!("the best model, that of epoch {}, is kept", report["best_epoch"]);
    assert!(report["stop_detail"].as_str().unwrap().contains(&detail), "{report}");
    assert_eq!(report["final_metrics"]["valid_loss"], report["best_value"]);
    assert!(ran.out.contains("best.safetensors: the best, "), "{}", ran.out);
}

/// `history.csv` without its times.
fn timeless(history: &str) -> Vec<&str> {
    history.lines().filter_map(|line| line.rsplit_once(',')).map(|(values, _)| values).collect()
}

#[test]
fn the_same_seed_and_the_written_config_repeat_a_run() {
    let folder = Folder::with("repeat", "people.csv", &people(300));
    let options =
        format!("--target answer --ignore grade,price {QUICK} --dropout 0.1 --metrics accuracy,roc_auc");
    folder.run(&format!("train people.csv {options} --out a --threads 1")).done();
    folder.run(&format!("train people.csv {options} --out b --threads 2")).done();
    folder.run("train a/config.toml --out c").done();
    folder.run("train a/config.toml --out d --seed 7").done();
    for other in ["b", "c"] {
        assert_eq!(
            folder.bytes("a/best.safetensors"),
            folder.bytes(&format!("{other}/best.safetensors")),
            "{other}"
        );
        let histories = (folder.read("a/history.csv"), folder.read(&format!("{other}/history.csv")));
        assert_eq!(timeless(&histories.0), timeless(&histories.1), "{other}");
    }
    assert_eq!(folder.read("a/config.toml"), folder.read("c/config.toml"));
    assert!(folder.read("a/history.csv").starts_with("epoch,train_loss,valid_loss,accuracy,roc_auc,time\n"));
    assert_ne!(folder.bytes("a/best.safetensors"), folder.bytes("d/best.safetensors"));
    // From another folder too.
    std::fs::create_dir(folder.path("elsewhere")).unwrap();
    crate::run::run_in(&folder.path("elsewhere"), "train ../a/config.toml --out e").done();
    assert_eq!(folder.bytes("a/best.safetensors"), folder.bytes("elsewhere/e/best.safetensors"));
}

#[test]
fn an_experiment_from_a_file() {
    let folder = Folder::with("experiment", "people.csv", &people(200));
    folder.write(
        "experiment.toml",
        "data = \"people.csv\"\ntarget = \"answer\"\nignore = [\"grade\", \"price\"]\nlayers = [8]\nbs = 16\n\
         epochs = 2\nmin_delta = 0.5\nschedule = { name = \"one-cycle\", pct_start = 0.5 }\n\
         optimizer = { kind = \"sgd\", mom = 0.9 }\nearly-stopping = false\n[embedding-sizes]\ncity = 3\n",
    );
    let ran = folder.run("train experiment.toml --epochs 1").done();
    assert!(ran.out.contains("sgd (lr 0.001, wd 0)") && ran.out.contains("run all epochs"), "{}", ran.out);
    assert_eq!(folder.json("runs/people-1/report.json")["epochs_planned"], 1);
    let ran = folder.run("train experiment.toml --early-stopping --patience 1 --out x").done();
    assert!(ran.out.contains("improvement of more than 0.5"), "{}", ran.out);
    folder.write("wrong.toml", "data = \"people.csv\"\ntarget = \"answer\"\nepohcs = 2\n");
    folder.run("train wrong.toml").failed(2, &["wrong.toml", "`epohcs`", "did you mean `epochs`?"]);
    folder.write("wrong.toml", "data = \"people.csv\"\ntarget = \"answer\"\nepochs = \"two\"\n");
    folder
        .run("train wrong.toml")
        .failed(2, &["wrong.toml: line 3: epochs: must be a whole number from 0, not \"two\""]);
    folder.write("wrong.toml", "data = \"people.csv\"\ntarget \"answer\"\n");
    folder.run("train wrong.toml").failed(2, &["wrong.toml", "line 2"]);
    folder.write("wrong.toml", "target = \"answer\"\n");
    folder.run("train wrong.toml").failed(2, &["names no data"]);
}

#[test]
fn the_built_in_data() {
    let folder = Folder::new("adult");
    let ran =
        folder.run("train adult --epochs 1 --layers 10 --bs 1024 --no-early-stopping --no-save-best").done();
    assert!(ran.out.contains("32,325 to train on, 236 to validate on (rows 1024..1260)"), "{}", ran.out);
    assert_eq!(folder.list("runs"), ["adult-1"]);
    let config = folder.read("runs/adult-1/config.toml");
    for line in ["data = \"adult\"", "target = [\"salary\"]", "monitor = \"accuracy\"", "save-best = false"] {
        assert!(config.contains(line), "{config}");
    }
    let train = "train adult-train --epochs 1 --layers 10 --bs 1024";
    let ran = folder.run(train).done();
    assert!(
        ran.out.contains("26,049 to train on, 6,512 to validate on (share 0.2 drawn by seed 42, stratified)"),
        "{}",
        ran.out
    );
    let ran = folder.run(&format!("{train} --valid-file adult-test")).done();
    assert!(ran.out.contains("32,561 to train on, 16,281 to validate on (adult-test)"), "{}", ran.out);
}

#[test]
fn a_value_that_swamps_its_column_is_told() {
    let mut text = people(300);
    // The height of one row.
    let line = text.lines().nth(7).unwrap().to_string();
    let column = text.lines().next().unwrap().split(',').position(|name| name == "height").unwrap();
    let mut values: Vec<&str> = line.split(',').collect();
    values[column] = "1e30";
    text = text.replacen(&line, &values.join(","), 1);
    let folder = Folder::with("swamped", "people.csv", &text);
    let ran = folder.run(&format!("train people.csv --target answer {QUICK} --valid-rows 200..300")).done();
    assert!(
        ran.out.contains("\nwarning    column `height`: 1e30 in line 8 of people.csv is so far"),
        "{}",
        ran.out
    );
}

#[test]
fn accuracy_does_not_decide_where_a_class_is_rare() {
    let row = |i: usize| format!("{},{}\n", i % 17, if i.is_multiple_of(40) { "yes" } else { "no" });
    let text = format!("x,y\n{}", (0..400).map(row).collect::<String>());
    let folder = Folder::with("rare-class", "rare.csv", &text);
    let ran = folder.run(&format!("train rare.csv --target y {QUICK}")).done();
    for part in [
        "\nmonitor    valid_loss: ",
        "keep the best model; accuracy says little where one class has 97.5%\n",
        "\nbest       valid_loss 0.",
    ] {
        assert!(ran.out.contains(part), "`{part}` is not in: {}", ran.out);
    }
    for (options, monitor) in [("--monitor accuracy", "accuracy"), ("--metrics f1,accuracy", "f1")] {
        let ran = folder.run(&format!("train rare.csv --target y {QUICK} {options}")).done();
        assert!(ran.out.contains(&format!("\nmonitor    {monitor}: ")), "{}", ran.out);
        assert!(!ran.out.contains("says little"), "{}", ran.out);
    }
}

/// All but the numbers: the last digits depend on the processor and the mathematical library.
#[test]
fn the_readme_shows_what_is_printed() {
    let shape = |text: &str| -> Vec<String> {
        let words = |line: &str| line.split(|c: char| c.is_ascii_digit()).collect::<String>();
        let lines = text.lines().filter(|line| !line.starts_with(|c: char| c.is_ascii_digit()));
        lines.map(words).filter(|line| !line.starts_with("Better") && !line.starts_with("No impr")).collect()
    };
    let readme = include_str!("../../../../README.md");
    let shown = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let ran = Folder::new("readme").run("train adult").done();
    assert_eq!(shape(shown), shape(&ran.out));
}
