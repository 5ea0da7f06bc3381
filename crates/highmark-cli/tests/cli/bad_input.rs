//! Wrong arguments and data that cannot be used: an exit code, one clear message, and nothing lost or left behind.

use crate::folder::Folder;
use crate::samples::{QUICK, people};

#[test]
fn wrong_usage() {
    let folder = Folder::with("usage", "people.csv", &people(60));
    for (options, parts) in [
        ("--epochs 0", &["epochs", "from 1"][..]),
        ("--epochs -1", &["--epochs"]),
        ("--bs 0", &["bs", "at least 1"]),
        ("--bs 1", &["bs", "2 rows"]),
        ("--lr -1", &["lr", "above 0"]),
        ("--lr nan", &["lr"]),
        ("--threads 0", &["threads", "1 to 1024"]),
        ("--patience 0", &["patience"]),
        ("--accumulate 0", &["accumulate"]),
        ("--dropout 2", &["dropout", "2"]),
        ("--dropout 0.1,0.2,0.3", &["dropout", "2 hidden layers"]),
        ("--embed-dropout -0.5", &["embed-dropout"]),
        ("--layers 0", &["layers"]),
        ("--layers a", &["--layers"]),
        ("--layers 1000000000", &["layers", "at most 65536"]),
        ("--layers 60000,60000", &["layers", "weights"]),
        ("--metrics f1,f1", &["`f1` is there twice"]),
        ("--y-range 5,1", &["y-range"]),
        ("--y-range 5", &["y-range", "two numbers"]),
        ("--valid-rows 5..1", &["valid-rows", "5..1"]),
        ("--valid-rows 5", &["valid-rows", "1024..1260"]),
        ("--valid-frac 1.5", &["valid-frac", "between 0 and 1"]),
        ("--valid-file people.csv --valid-rows 1..5", &["--valid-file", "--valid-rows"]),
        ("--valid-frac 0.2 --valid-rows 1..5", &["--valid-frac", "--valid-rows"]),
        ("--valid-rows 1..5 --stratify", &["--stratify"]),
        ("--wd -1", &["wd"]),
        ("--clip 0", &["clip"]),
        ("--label-smoothing 1", &["label-smoothing"]),
        ("--label-smoothing 0.1 --loss bce", &["label-smoothing", "cross-entropy"]),
        ("--label-smoothing 0.1 --loss focal", &["label-smoothing", "cross-entropy"]),
        ("--class-weights -1,1", &["class-weights"]),
        ("--class-weights 1,1 --loss mse", &["class-weights", "cross-entropy and focal"]),
        ("--class-weights balance", &["class-weights: must be balanced", "not `balance`"]),
        ("--class-weights 1,x", &["class-weights: `x` is not a number"]),
        (
            "--layers 200 100",
            &["unexpected argument '100'", "hint: the values of --layers", "--layers 200,100"],
        ),
        ("--usd-per-hour -1", &["usd-per-hour"]),
        ("--min-delta inf", &["min-delta"]),
        ("--metrics acuracy", &["`acuracy`", "did you mean `accuracy`?"]),
        ("--loss cross_entropi", &["loss", "cross-entropy"]),
        ("--optimizer adamw", &["did you mean `adam`?"]),
        ("--schedule onecycle", &["did you mean `one-cycle`?"]),
        ("--activation rely", &["did you mean `relu`?"]),
        ("--procs normalise", &["did you mean `normalize`?"]),
        ("--task clasification", &["did you mean `classification`?"]),
        ("--delimiter ab", &["delimiter"]),
        ("--monitor acuracy", &["no monitor `acuracy`", "did you mean `accuracy`?", "valid_loss"]),
        ("--cat city,answer", &["cat: `answer` is the column to predict"]),
        ("--also-cat answer", &["also-cat: `answer` is the column to predict"]),
        ("--also-cat age --cat city", &["--also-cat", "--cat"]),
        ("--cont answer", &["cont: `answer` is the column to predict", "out of --cont"]),
        ("--ignore city,answer", &["ignore: `answer` is the column to predict", "out of --ignore"]),
        ("--max-time 1ms", &["max-time: `1ms` is no time", "d, h, m and s"]),
        ("--max-time 0s", &["max-time: must be above 0, not 0s"]),
        ("--nonsense", &["--nonsense"]),
    ] {
        folder.run(&format!("train people.csv --target answer {options}")).failed(2, parts);
    }
    folder.run("train people.csv").failed(2, &["--target", "age, city, height"]);
    folder.run("train - --target answer --valid-file -").failed(2, &["valid-file", "name a file"]);
    folder.run("trian people.csv").failed(2, &["train"]);
    assert_eq!(folder.list(""), ["people.csv"]);
}

#[test]
fn unusable_data() {
    let folder = Folder::with("data", "people.csv", &people(60));
    for (options, parts) in [
        ("--target anser", &["no column `anser`", "did you mean `answer`?", "age, city"][..]),
        (
            "--target price --class-weights 1,2",
            &["class-weights", "price makes this a regression", "leave it out"],
        ),
        (
            "--target answer --class-weights 1",
            &["class-weights: 1 given for 2 classes", "no, yes", "balanced"],
        ),
        ("--target answer --cont city", &["`city`: holds words, such as `Oslo`", "categorical"]),
        ("--target answer --task regression", &["`answer`: holds words", "make it a classification"]),
        ("--target answer --cat citi", &["`citi`", "did you mean `city`?"]),
        ("--target answer --also-cat citi", &["`citi`", "did you mean `city`?"]),
        ("--target answer --ignore x", &["`x`"]),
        ("--target answer --y-range 0,1", &["y-range", "answer is classification", "--task regression"]),
        ("--target answer --bs 64", &["bs", "48 training rows", "--bs 48"]),
        ("--target answer --valid-rows 50..70", &["50..70", "60 rows"]),
        ("--target price --stratify", &["stratify"]),
        ("--target price --metrics accuracy --bs 16", &["accuracy", "rmse"]),
        ("--target answer,grade --task classification", &["one target", "multi-label"]),
        ("--target price --loss cross-entropy --bs 16", &["class"]),
        ("--target answer --class-weights 1,2,3 --bs 16", &["class-weights: 3 given for 2 classes"]),
        ("--target price --class-weights balanced", &["class-weights", "price makes this a regression"]),
        ("--target answer --valid-file none.csv", &["none.csv"]),
    ] {
        folder.run(&format!("train people.csv {options}")).failed(1, parts);
    }
    for (name, text, parts) in [
        ("empty.csv", "", &["empty.csv"][..]),
        ("bare.csv", "a,answer\n", &["bare.csv", "no rows"]),
        ("ragged.csv", "a,answer\n1,x\n2,y,z\n", &["ragged.csv", "line 3"]),
        ("one-class.csv", "a,answer\n1.5,x\n2.5,x\n3.5,x\n4.5,x\n5.5,x\n6.5,x\n", &["answer", "`x`"]),
        (
            "missing.csv",
            "a,b,answer\n1.5,,x\n2.5,,y\n3.5,,x\n4.5,,y\n5.5,,x\n6.5,,x\n7.5,,y\n8.5,,y\n9.5,,x\n",
            &["`b`", "missing"],
        ),
        (
            "inf.csv",
            "a,answer\n1.5,x\ninf,y\n3.5,x\n4.5,y\n5.5,x\n6.5,x\n7.5,y\n8.5,y\n9.5,x\n",
            &["`a`", "inf"],
        ),
    ] {
        folder.write(name, text);
        folder.run(&format!("train {name} --target answer --bs 2 --epochs 1")).failed(1, parts);
    }
    std::fs::write(folder.path("latin.csv"), b"a,answer\n1,caf\xe9\n").unwrap();
    folder.run("train latin.csv --target answer").failed(1, &["latin.csv", "UTF-8"]);
    std::fs::write(folder.path("foreign.parquet"), b"not parquet at all").unwrap();
    folder.run("train foreign.parquet --target answer").failed(1, &["foreign.parquet"]);
    folder.run("train none.csv --target answer").failed(1, &["none.csv", "adult"]);
    folder.run("train . --target answer").failed(1, &["is a folder; name a CSV"]);
    folder.run("train none.toml").failed(1, &["none.toml"]);
    folder.write("wrong.toml", "data = \"people.csv\"\nbs = 3.5\n");
    folder
        .run("train wrong.toml")
        .failed(2, &["wrong.toml: line 2: bs: must be a whole number from 0, not 3.5"]);
    folder.run("show wrong.toml").failed(1, &["wrong.toml is an experiment, not data"]);
    assert!(folder.list("runs").is_empty() && !folder.path("runs").exists());
}

#[test]
fn run_folders_are_not_overwritten() {
    let folder = Folder::with("overwrite", "people.csv", &people(60));
    let train = format!("train people.csv --target answer {QUICK} --out run");
    folder.run(&train).done();
    folder.write("run/notes.txt", "mine");
    let model = folder.bytes("run/best.safetensors");
    folder.run(&format!("{train} --seed 2")).failed(1, &["run", "not empty", "--overwrite"]);
    // Data that cannot be used loses nothing either.
    folder.run(&format!("{train} --overwrite --ignore x")).failed(1, &["`x`"]);
    assert_eq!(folder.bytes("run/best.safetensors"), model);
    folder.run(&format!("{train} --overwrite --seed 2")).done();
    assert_ne!(folder.bytes("run/best.safetensors"), model);
    assert_eq!(folder.read("run/notes.txt"), "mine");
    // Appended to by no earlier run.
    assert_eq!(
        folder.read("run/events.jsonl").lines().filter(|line| line.contains("\"event\":\"fit\"")).count(),
        1
    );
    folder.run("train people.csv --target answer --bs 16 --out people.csv").failed(1, &["is a file"]);
    let ran = folder
        .run("train people.csv --target answer --bs 16 --out people.csv/run")
        .failed(1, &["people.csv/run"]);
    assert!(!ran.out.contains("epoch "), "{}", ran.out);
    assert_eq!(folder.list(""), ["people.csv", "run"]);
}

/// While a run trains, the model of the run that it overwrites stays; and a folder of something else is not touched.
#[test]
fn overwriting_removes_no_more_than_it_replaces() {
    let folder = Folder::with("replaced", "people.csv", &people(60));
    let train = format!("train people.csv --target answer {QUICK} --quiet");
    folder.run(&format!("{train} --out run")).done();
    let model = folder.bytes("run/best.safetensors");
    #[cfg(target_os = "linux")]
    {
        // The disk is full when the folder has been made ready.
        std::os::unix::fs::symlink("/dev/full", folder.path("run/config.toml.part")).unwrap();
        let config = folder.read("run/config.toml");
        folder.run(&format!("{train} --out run --overwrite --seed 2")).failed(1, &["config.toml"]);
        assert_eq!(
            (folder.bytes("run/best.safetensors"), folder.read("run/config.toml")),
            (model.clone(), config)
        );
    }
    // Without keeping the best, the last model takes the old one's place.
    folder.run(&format!("{train} --out run --overwrite --no-save-best --seed 2")).done();
    assert_ne!(folder.bytes("run/best.safetensors"), model);
    assert_eq!(folder.list("run").len(), 6, "no half-written file is left");

    for (name, files) in [
        ("site", &[("config.toml", "title = \"mine\"\n"), ("report.json", "{}")][..]),
        ("notes", &[("best.safetensors", "mine"), ("events.jsonl", "mine")]),
        ("template", &[("config.toml", "# `highmark train` with this file repeats the run.\n")]),
    ] {
        std::fs::create_dir(folder.path(name)).unwrap();
        files.iter().for_each(|(file, text)| folder.write(&format!("{name}/{file}"), text));
        let ran = folder.run(&format!("{train} --out {name} --overwrite"));
        ran.failed(1, &[name, "other things than a run", "choose another --out"]);
        assert_eq!(folder.list(name).len(), files.len());
        files.iter().for_each(|(file, text)| assert_eq!(folder.read(&format!("{name}/{file}")), *text));
    }
}

#[test]
fn models_that_are_none() {
    let folder = Folder::with("models", "people.csv", &people(60));
    folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet")).done();
    let model = folder.bytes("run/best.safetensors");
    std::fs::write(folder.path("cut.safetensors"), &model[..model.len() / 2]).unwrap();
    folder.write("foreign.safetensors", "not a model");
    for file in ["cut.safetensors", "foreign.safetensors"] {
        folder.run(&format!("inspect {file}")).failed(1, &[file, "damaged"]);
        folder.run(&format!("predict {file} people.csv")).failed(1, &[file, "damaged"]);
    }
    for command in ["train run", "show run", "predict run run"] {
        folder.run(command).failed(
            1,
            &["run is the folder of a run", "`highmark inspect run`", "`highmark train run/config.toml`"],
        );
    }
    folder.run("inspect none").failed(1, &["there is no none"]);
    std::fs::create_dir(folder.path("bare")).unwrap();
    folder.run("validate bare").failed(1, &["bare", "not the folder of a run"]);
    folder.run("predict run people.csv --threads 0").failed(2, &["threads"]);
    folder.run("predict run people.csv -o none/out.csv").failed(1, &["no folder none"]);
}
