//! Options that change the data or the training.

use crate::folder::Folder;
use crate::samples::{QUICK, people};

#[test]
fn columns_and_splits() {
    let folder = Folder::with("columns", "people.csv", &people(200));
    let train = |options: &str| {
        folder
            .run(&format!("train people.csv --target answer {QUICK} --out run --overwrite {options}"))
            .done()
            .out
    };
    for (options, part) in [
        ("--cat city --cont age", "continuous age\ncategories city (4), age_na (3)\n"),
        ("--cat city", "categories city (4), age_na (3)\nnot used   grade, tall, old\n"),
        ("--cat city --cont age", "\nnot used   height, grade, price, tall, old\n"),
        ("--also-cat height,city --cont age", "categories city (4), height ("),
        ("--ignore grade", "\nnot used   grade\n"),
        ("--cont height --cat tall,old", "continuous height\ncategories tall (3), old (3)\n"),
        ("--ignore age,city,grade,price,tall,old", "continuous height\ncategories none\n"),
        ("--procs fill_missing,Categorify", "continuous age, height, price\n"),
        ("--valid-rows 10..30", "180 to train on, 20 to validate on (rows 10..30)"),
        (
            "--valid-frac 0.5 --no-stratify",
            "100 to train on, 100 to validate on (share 0.5 drawn by seed 42)",
        ),
        ("--valid-file people.csv", "200 to train on, 200 to validate on (people.csv)"),
        ("--task classification --stratify", "stratified"),
    ] {
        let out = train(options);
        assert!(out.contains(part), "{options}: `{part}` is not in: {out}");
    }
    assert!(!train("").contains("not used"));
    let out = folder.run("lr-find people.csv --target answer --bs 16 --ignore grade").done().out;
    assert!(out.contains("\nnot used   grade\n") && !out.contains("\nmodel "), "{out}");
}

#[test]
fn training_options() {
    let folder = Folder::with("options", "people.csv", &people(200));
    let train = |options: &str| {
        folder.run(&format!("train people.csv {QUICK} --out run --overwrite {options}")).done().out
    };
    for (options, part) in [
        ("--target answer --loss bce", "loss bce"),
        ("--target answer --label-smoothing 0.1 --class-weights 1,2", "loss cross-entropy"),
        ("--target answer --loss focal --class-weights 1,2", "loss focal"),
        ("--target answer --optimizer radam --wd 0.1 --clip 1 --accumulate 2", "radam (lr 0.01, wd 0.1)"),
        ("--target answer --schedule cosine-restarts", "cosine-restarts"),
        ("--target answer --metrics f1:macro,roc_auc --monitor roc_auc", "monitor    roc_auc"),
        (
            "--target answer --monitor valid_loss --min-delta -0.01 --patience 1",
            "improvement of more than -0.01",
        ),
        (
            "--target answer --dropout 0.1 --embed-dropout 0.1 --activation mish",
            "TabularModel with layers 16",
        ),
        ("--target answer", "\nstopped    all 3 epochs ran\n"),
        ("--target price --loss huber --metrics mae,r2 --y-range=-10,500", "loss huber"),
    ] {
        let out = train(options);
        assert!(out.contains(part), "{options}: `{part}` is not in: {out}");
    }
}

#[test]
fn no_hidden_layers_and_one_epoch() {
    let folder = Folder::with("no-layers", "people.csv", &people(60));
    folder.write(
        "linear.toml",
        "data = \"people.csv\"\ntarget = \"answer\"\nlayers = []\nbs = 16\nepochs = 1\n",
    );
    let ran = folder.run("train linear.toml").done();
    assert!(ran.out.contains("model      TabularModel without hidden layers: "), "{}", ran.out);
    assert!(ran.out.contains("\nstopped    the one epoch ran\n"), "{}", ran.out);
}

#[test]
fn files_of_other_dialects() {
    let text = people(100).replace(',', ";").replace(";Oslo;", ";unknown;");
    let folder = Folder::with("dialects", "people.csv", &text);
    let ran = folder.run("show people.csv --delimiter ; --missing unknown").done();
    assert!(ran.out.contains("100 rows, 8 columns"), "{}", ran.out);
    let city = ran.out.lines().find(|line| line.starts_with("city")).unwrap();
    assert!(city.contains('%') && !city.contains("unknown"), "{city}");
    for (target, delimiter, hint) in
        [("answer", ";", "';'"), ("none", ";", "';'"), ("answer", "\t", "tab"), ("answer", "|", "'|'")]
    {
        folder.write("other.csv", &text.replace(';', delimiter));
        let hint = format!("try --delimiter {hint}");
        folder.run(&format!("train other.csv --target {target}")).failed(1, &["one column", &hint]);
        let shown = folder.run("show other.csv").done();
        assert!(
            shown.err.starts_with("note: other.csv has one column only") && shown.err.contains(&hint),
            "{shown:?}"
        );
    }
    folder.run("train other.csv").failed(1, &["try --delimiter '|'"]);
    folder.write("bare.csv", "1.5,a\n2.5,b\n");
    let ran = folder.run("show bare.csv --no-header").done();
    assert!(ran.out.contains("column_1") && ran.out.contains("2 rows"), "{}", ran.out);
    // A run remembers how its file is written.
    folder.run(&format!("train people.csv --delimiter ; --target answer {QUICK} --out run --quiet")).done();
    folder.run("validate run people.csv").done();
}
