//! The commands about models that exist: validate, predict, inspect; and about data: show, lr-find.

use crate::folder::Folder;
use crate::samples::{QUICK, people};

/// A folder with a run of people.csv in `run`.
fn trained(test: &str, target: &str) -> Folder {
    let folder = Folder::with(test, "people.csv", &people(200));
    let others: Vec<_> = ["answer", "grade", "price", "tall", "old"]
        .into_iter()
        .filter(|name| !target.contains(name))
        .collect();
    let ignore = others.join(",");
    folder
        .run(&format!("train people.csv --target {target} --ignore {ignore} {QUICK} --out run --quiet"))
        .done();
    folder
}

#[test]
fn validating_gives_the_numbers_of_the_report() {
    let folder = trained("validate", "answer");
    let report = folder.json("run/report.json");
    let scores = folder.run("validate run --json").done().json();
    for name in ["valid_loss", "accuracy"] {
        assert_eq!(scores[name], report["final_metrics"][name]);
    }
    assert_eq!(scores["rows"], 40);
    let scores = folder.run("validate run people.csv --metrics f1,roc_auc --json").done().json();
    assert!(scores["f1"].is_number() && scores["roc_auc"].is_number() && scores["rows"] == 200, "{scores}");
    let ran = folder.run("validate run/best.safetensors people.csv").done();
    assert!(ran.out.contains("accuracy    0.") && ran.out.contains("valid_loss  0."), "{}", ran.out);
    folder.run("validate run/best.safetensors").failed(2, &["name the data too"]);
    folder.write("new-class.csv", &people(60).replacen(",yes,", ",perhaps,", 1));
    let new = ["no row of the class `perhaps`; leave those rows out, or train on rows of it too"];
    folder.run("validate run new-class.csv").failed(1, &new);
    folder.run("validate run --metrics acuracy").failed(2, &["did you mean `accuracy`?"]);
    folder.write("people.csv", &people(190));
    folder.run("validate run").failed(1, &["no longer what this run was trained on"]);
}

#[test]
fn all_rows_of_a_file_are_validated_as_in_training() {
    let folder = Folder::with("validate-file", "people.csv", &people(200));
    for (target, metric) in [("answer", "roc_auc"), ("price", "rmse"), ("tall,old", "f1")] {
        let options = format!("--target {target} --valid-file people.csv --metrics {metric} {QUICK}");
        folder.run(&format!("train people.csv {options} --out run --overwrite --quiet")).done();
        let report = &folder.json("run/report.json")["final_metrics"];
        let own = folder.run("validate run").done().out;
        assert!(own.contains("on 200 rows of ") && !own.contains("the validation rows of"), "{own}");
        let scores = folder.run("validate run people.csv --json").done().json();
        for name in ["valid_loss", metric] {
            let (a, b) = (report[name].as_f64().unwrap(), scores[name].as_f64().unwrap());
            assert!((a - b).abs() < 1e-5 * a.abs(), "{name}: {a} and {b}");
        }
    }
}

#[test]
fn predicting_classes() {
    let folder = trained("predict", "answer");
    // Another order, an extra column, no target, an unseen city, a missing height.
    folder.write("new.csv", "city,weight,height,age\nOslo,70,1.80,30\nRome,71,,40\n");
    let ran = folder.run("predict run new.csv -o out.csv").done();
    for part in [
        "`Rome`",
        "weight",
        "another order",
        "`height`: missing in 1 of 2 rows",
        "2 rows predicted to out.csv",
    ] {
        assert!(ran.err.contains(part), "`{part}` is not in: {}", ran.err);
    }
    assert_eq!(ran.out, "");
    let predictions = folder.read("out.csv");
    let lines: Vec<_> = predictions.lines().collect();
    assert_eq!((lines[0], lines.len()), ("prediction,probability_no,probability_yes", 3));
    let printed = folder.run("predict run/best.safetensors new.csv").done();
    assert_eq!(printed.out, predictions);
    // The messages of the other run are on standard error here too.
    let printed = folder.run("predict run new.csv -o - --overwrite").done();
    assert_eq!(printed.out, predictions);
    assert!(printed.err.contains("`Rome`") && !printed.err.contains("predicted to"), "{}", printed.err);
    assert!(!folder.path("-").exists());
    folder.run("predict run new.csv -o out.csv").failed(1, &["out.csv exists", "--overwrite"]);
    folder.run("predict run new.csv -o out.csv --overwrite").done();
    folder.run("predict run new.csv -o out.parquet").done();
    let shown = folder.run("show out.parquet").done();
    assert!(shown.out.contains("out.parquet: 2 rows, 3 columns"), "{}", shown.out);
    folder.write("less.csv", "city,height\nOslo,1.8\n");
    folder.run("predict run less.csv").failed(1, &["age"]);
}

#[test]
fn columns_are_kept_beside_the_predictions() {
    let folder = trained("keep", "answer");
    // A target that has gaps is nothing to a prediction.
    folder.write("new.csv", "id,city,height,age,answer,prediction\n7,Oslo,1.80,30,yes,a\n9,,1.7,40,,b\n");
    let ran = folder.run("predict run new.csv --keep city,id").done();
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "city,id,prediction,probability_no,probability_yes");
    assert!(lines[1].starts_with("Oslo,7,") && lines[2].starts_with(",9,"), "{lines:?}");
    assert!(!ran.err.contains("target") && !ran.err.contains("fill it in"), "{}", ran.err);
    folder.run("predict run new.csv --keep id -o out.parquet").done();
    let shown = folder.run("show out.parquet --json").done().json();
    let of = |column: &str| (shown["columns"][0][column].clone(), shown["columns"].as_array().unwrap().len());
    assert_eq!((of("name"), of("dtype")), (("id".into(), 4), ("int".into(), 4)));
    let unknown = folder.run("predict run new.csv --keep ids");
    unknown.failed(1, &["keep: there is no column `ids`; did you mean `id`? There are: id, city"]);
    let clash = folder.run("predict run new.csv --keep prediction");
    let message = "error: keep: a column of the predictions is called `prediction` too; rename";
    assert!(clash.code == Some(1) && clash.err.contains(message), "{clash:?}");
    folder.run("predict run new.csv --keep id,id").failed(1, &["keep: `id` is named twice"]);
}

#[test]
fn predicting_other_tasks() {
    for (target, header) in [
        ("grade", "prediction,probability_a,probability_b,probability_c"),
        ("price", "prediction"),
        ("tall,old", "prediction_tall,prediction_old,probability_tall,probability_old"),
    ] {
        let folder = trained(&format!("predict-{target}"), target);
        let ran = folder.run("predict run people.csv").done();
        assert_eq!((ran.out.lines().next().unwrap(), ran.out.lines().count()), (header, 201));
    }
}

#[test]
fn inspecting() {
    let folder = trained("inspect", "grade");
    let ran = folder.run("inspect run").done();
    for part in
        ["classification of grade: a, b, c", "city (4)", "Linear(", "seed 42", "stopped ", "parameters"]
    {
        assert!(ran.out.contains(part), "`{part}` is not in: {}", ran.out);
    }
    assert!(!ran.out.contains("has not ended"), "{}", ran.out);
    let report = folder.read("run/report.json");
    std::fs::remove_file(folder.path("run/report.json")).unwrap();
    let killed = folder.run("inspect run").done().out;
    assert!(killed.contains("unfinished the run has not ended: 3 of 3 epochs are done"), "{killed}");
    assert!(killed.contains("go on with it by `highmark resume run`"), "{killed}");
    assert!(folder.run("inspect run --json").done().json()["unfinished"].is_string());
    folder.write("run/report.json", &report);
    let about = folder.run("inspect run/best.safetensors --json").done().json();
    assert_eq!((&about["task"], &about["report"]), (&"classification".into(), &().into()));
    assert_eq!(about["classes"], serde_json::json!(["a", "b", "c"]));
    let about = folder.run("inspect run --json").done().json();
    assert_eq!(about["report"]["epochs_run"], 3);
}

#[test]
fn showing() {
    let folder = Folder::with("show", "people.csv", &people(170));
    let ran = folder.run("show people.csv --target answer").done();
    for part in [
        "170 rows, 8 columns",
        "continuous",
        "categorical",
        "target",
        "10 (5.9%)",
        "Oslo (",
        "task: classification",
        "%",
    ] {
        assert!(ran.out.contains(part), "`{part}` is not in: {}", ran.out);
    }
    let shown = folder.run("show people.csv --json --target price").done().json();
    assert_eq!((&shown["rows"], &shown["task"]), (&170.into(), &"regression".into()));
    let age = &shown["columns"][0];
    assert_eq!(
        (&age["name"], &age["missing"], &age["kind"]),
        (&"age".into(), &10.into(), &"continuous".into())
    );
    folder.run("show people.csv --target anser").failed(1, &["did you mean `answer`?"]);
}

#[test]
fn values_that_would_break_the_table() {
    let long = "abcdefghij".repeat(4);
    let mut text = String::from("note,big,huge\n\"two\nlines\tand a tab\",1234567890,1e300\n");
    // More different integers than a column of categories has.
    text.extend((1..=30_u64).map(|row| format!("{long},{},2e300\n", 1_234_567_890 + row * 31)));
    let folder = Folder::with("one-line", "notes.csv", &text);
    let shown = folder.run("show notes.csv --target note").done().out;
    for part in [
        "abcdefghijabcdefghijabcdefghij... (30), two\\nlines\\tand a tab (1)\n",
        "1234567890 to 1234568820, mean 1234568355\n",
        "1.0000e300 to 2.0000e300",
        "\ntwo\\nlines\\tand a tab ",
    ] {
        assert!(shown.contains(part), "`{part}` is not in: {shown}");
    }
    assert!(!shown.contains('\t') && !shown.contains(&long), "{shown}");
}

#[test]
fn finding_a_learning_rate() {
    let folder = Folder::with("lr-find", "people.csv", &people(300));
    let ran = folder.run("lr-find people.csv --target answer --bs 16 --layers 8").done();
    for part in ["valley", "slide", "minimum", "steep", "lr-find.svg"] {
        assert!(ran.out.contains(part), "`{part}` is not in: {}", ran.out);
    }
    assert!(folder.read("lr-find.svg").starts_with("<svg"));
    let found =
        folder.run("lr-find people.csv --target answer --bs 16 --plot other.svg --json").done().json();
    assert!(found["valley"].is_number() && found["plot"] == "other.svg", "{found}");
    let standard_output = "is standard output, where";
    folder.run("lr-find people.csv --target answer --plot -").failed(2, &["plot: -", standard_output]);
    folder.run("train people.csv --target answer --out -").failed(2, &["out: -", standard_output, "./-"]);
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_enough() {
    use std::process::{Command, Stdio};
    let folder = Folder::with("closed", "people.csv", &people(50));
    for arguments in
        ["show people.csv", "show people.csv --json", "--help", "train people.csv --target answer --bs 8"]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highmark"));
        command.args(arguments.split_whitespace()).current_dir(folder.path(""));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments}: {output:?}");
    }
}
