//! What is doubted of a table or a training, with what to do about it.

use std::fmt::Write;

use crate::folder::Folder;
use crate::samples::{QUICK, people};

const OPTIONS: &str = "--target answer --ignore grade,price,tall,old";

#[test]
fn balanced_classes() {
    let rows: String = (0..200)
        .map(|row| format!("{}.5,{}\n", row * 37 % 200, if row % 10 == 0 { "rare" } else { "common" }))
        .collect();
    let folder = Folder::with("balanced", "x.csv", &format!("a,y\n{rows}"));
    let shown = folder.run("show x.csv --target y").done().out;
    assert!(
        shown.contains("imbalanced: most rows have the class common. --class-weights balanced"),
        "{shown}"
    );
    let train = format!("train x.csv --target y {QUICK} --valid-rows 0..40 --quiet");
    folder.run(&format!("{train} --class-weights balanced --out run")).done();
    assert!(folder.read("run/config.toml").contains("\nclass-weights = \"balanced\"\n"));
    folder.run("train run/config.toml --out again --quiet").done();
    assert_eq!(folder.bytes("run/best.safetensors"), folder.bytes("again/best.safetensors"));
    folder.run("resume run --epochs 5 --quiet").done();
    // Of 160 training rows 16 are rare.
    folder.run(&format!("{train} --class-weights 0.5555555555555556,5 --out typed")).done();
    let losses = |run: &str| {
        let text = folder.read(&format!("{run}/history.csv"));
        text.lines().map(|line| line.split(',').take(3).collect::<Vec<_>>().join(",")).collect::<Vec<_>>()
    };
    assert_eq!(losses("again"), losses("typed"));
    folder.run(&format!("{train} --out plain")).done();
    assert_ne!(losses("plain"), losses("typed"));
    let even = Folder::with("even", "people.csv", &people(200));
    assert!(!even.run("show people.csv --target answer").done().out.contains("imbalanced"));
}

#[test]
fn columns_that_add_nothing_are_told() {
    let people = people(200);
    let mut text = String::new();
    for (row, line) in people.lines().enumerate() {
        let city = line.split(',').nth(1).unwrap();
        let (town, note) = if row == 0 {
            ("town", "note")
        } else {
            (city, ["", "x", "y"][if row % 40 == 0 { 1 + row / 40 % 2 } else { 0 }])
        };
        let _ = writeln!(text, "{line},{town},{note}");
    }
    let folder = Folder::with("add-nothing", "people.csv", &text);
    let ran = folder.run(&format!("train people.csv {OPTIONS} {QUICK} --out run")).done().out;
    let shown = folder.run(&format!("show people.csv {OPTIONS}")).done().out;
    for part in [
        "column `town`: is the same as `city` in every row",
        "column `note`: has a value in 5 of 200 rows only; leave it out",
    ] {
        assert!(ran.contains(&format!("warning    {part}")), "{ran}");
        assert!(shown.contains(&format!("warning: {part}")), "{shown}");
    }
    let ran = folder.run(&format!("train people.csv {OPTIONS},town,note {QUICK} --out next")).done().out;
    assert!(!ran.contains("warning "), "{ran}");
    let shown = folder.run(&format!("show people.csv {OPTIONS},town,note")).done().out;
    assert!(!shown.contains("warning"), "{shown}");
}

#[test]
fn rows_that_say_little_are_told() {
    let folder = Folder::with("little", "people.csv", &people(60));
    let train = |options: &str| {
        folder.run(&format!("train people.csv {OPTIONS} {QUICK} {options} --overwrite --out run")).done().out
    };
    let few = "warning    9 rows to validate on are few";
    assert!(train("--valid-rows 0..9").contains(few));
    assert!(!train("--valid-rows 0..10").contains("to validate on are few"));
    assert!(train("--valid-rows 0..1").contains("warning    1 row to validate on is few"));
    let same = "./people.csv is trained on and validated on";
    assert!(train("--valid-file ./people.csv").contains(same));
    folder.write("others.csv", &people(60));
    assert!(!train("--valid-file others.csv").contains("validated on, so"));

    let names: Vec<String> = (0..50).map(|number| format!("f{number}")).collect();
    let rows: String = (0..60)
        .map(|row| {
            let values: Vec<String> =
                (0..50).map(|column| format!("{}.5", (row * 7 + column * column) % 53)).collect();
            format!("{},{}\n", values.join(","), ["a", "b"][row % 2])
        })
        .collect();
    folder.write("wide.csv", &format!("{},y\n{rows}", names.join(",")));
    let wide = folder.run(&format!("train wide.csv --target y {QUICK} --out wide")).done().out;
    assert!(
        wide.contains("warning    50 columns to predict from are more than the 48 rows to train on"),
        "{wide}"
    );
}

#[test]
fn rows_in_order_of_time_are_told() {
    let people = people(200);
    let dated = |day: fn(usize) -> usize| {
        let mut text = String::new();
        for (row, line) in people.lines().enumerate() {
            let day = day(row.saturating_sub(1));
            let date =
                if row == 0 { "day".into() } else { format!("20{:02}-{:02}-01", day / 12, 1 + day % 12) };
            let _ = writeln!(text, "{date},{line}");
        }
        text
    };
    let folder = Folder::with("time", "up.csv", &dated(|row| row));
    folder.write("down.csv", &dated(|row| 199 - row));
    folder.write("any.csv", &dated(|row| row * 37 % 200));
    let train = |file: &str, options: &str| {
        folder.run(&format!("train {file} {OPTIONS} {QUICK} {options} --overwrite --out run")).done().out
    };
    let up = train("up.csv", "");
    assert!(
        up.contains("in order of `day`") && up.contains("validate on the latest: --valid-rows 160..200"),
        "{up}"
    );
    assert!(train("down.csv", "").contains("--valid-rows 0..40"));
    assert!(!train("up.csv", "--valid-rows 160..200").contains("in order of"));
    assert!(!train("any.csv", "").contains("in order of"));
}

#[test]
fn a_training_that_diverged_is_told() {
    let folder = Folder::with("diverged", "people.csv", &people(200));
    let train = |options: &str| {
        folder.run(&format!("train people.csv --target price --ignore answer,grade --layers 16 --bs 16 --epochs 3 --no-early-stopping --overwrite --out run {options}")).done().out
    };
    let out = train("--schedule flat --lr 30");
    assert!(!out.contains("with more epochs"), "{out}");
    assert!(out.contains("the training diverged; try a lower learning rate: --lr 3\n"), "{out}");
    assert!(!train("--lr 0.01").contains("diverged"));
}

#[test]
fn what_show_is_told_about_columns() {
    let folder = Folder::with("show-columns", "people.csv", &people(200));
    let kinds = |options: &str| {
        let json = folder.run(&format!("show people.csv --target tall {options} --json")).done().json();
        let kinds = json["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["kind"].as_str().unwrap().to_string());
        (json["task"].as_str().unwrap().to_string(), kinds.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(
        kinds("").1,
        "continuous categorical continuous categorical categorical continuous target categorical"
    );
    let (task, said) = kinds("--task regression --cat city,old --cont age --ignore grade");
    assert_eq!(
        (&*task, &*said),
        ("regression", "continuous categorical not used not used not used not used target categorical")
    );
    // As train takes them.
    let (_, few) = kinds("--max-card 1");
    assert!(few.ends_with("target continuous"), "{few}");
    let train = "people.csv --target answer --cont city,age";
    let refusal = "column `city`: holds words, such as `";
    folder.run(&format!("train {train} {QUICK}")).failed(1, &[refusal]);
    let shown = folder.run(&format!("show {train}")).done().out;
    assert!(shown.contains(&format!("train refuses: {refusal}")), "{shown}");
    folder.run("show people.csv --ignore citi").failed(1, &["`citi`", "did you mean `city`?"]);
    folder.run("show people.csv --target answer --task sorting").failed(2, &["task", "sorting"]);
    let refused = folder.run("show people.csv --target answer --task regression").done().out;
    assert!(refused.contains("train refuses: column `answer`: holds words"), "{refused}");
    // Semicolons that stand in the values alone.
    folder.write("numbers.csv", "1;2;3\n4;5;6\n7;8;9\n");
    for options in ["", "--no-header"] {
        let ran = folder.run(&format!("show numbers.csv {options}")).done();
        assert!(ran.err.contains("try --delimiter ';'"), "{}", ran.err);
    }
}

/// Stores, and weekdays of which one is missing.
#[test]
fn quantities_that_stand_for_something_are_told() {
    let rows: String = (0..200)
        .map(|row| {
            let day = if row == 7 { String::new() } else { (row % 7).to_string() };
            format!("{},{day},{}.5\n", row * 37 % 60, row * 31 % 200)
        })
        .collect();
    let folder = Folder::with("quantities", "sales.csv", &format!("Store,weekday,sold\n{rows}"));
    let train = format!("train sales.csv --target sold {QUICK} --overwrite --out run");
    let parts = [
        "column `weekday`: its 7 different whole numbers are taken as a quantity",
        "column `Store`: its 60 different whole numbers are taken as a quantity",
        "--also-cat makes a category of a column",
    ];
    let (ran, shown) = (folder.run(&train).done().out, folder.run("show sales.csv --target sold").done().out);
    for part in parts {
        assert!(ran.contains(part) && shown.contains(part), "{part}: {ran}{shown}");
    }
    // As told.
    let ran = folder.run(&format!("{train} --also-cat Store,weekday")).done().out;
    assert!(ran.contains("categories Store (") && !ran.contains("warning"), "{ran}");
    let shown = folder.run("show sales.csv --target sold --also-cat Store,weekday --json").done().json();
    let kinds = [&shown["columns"][0]["kind"], &shown["columns"][1]["kind"]];
    assert_eq!(
        (kinds, &shown["warnings"]),
        ([&"categorical".into(), &"categorical".into()], &serde_json::json!([]))
    );
    // So does a file, and the run's own.
    assert!(folder.read("run/config.toml").contains("also-cat = [\"Store\", \"weekday\"]"));
    folder.run("train run/config.toml --out again --quiet").done();
    assert_eq!(folder.bytes("run/best.safetensors"), folder.bytes("again/best.safetensors"));
    folder.write(
        "both.toml",
        "data = \"sales.csv\"\ntarget = \"sold\"\ncat = [\"Store\"]\nalso-cat = [\"weekday\"]\n",
    );
    folder.run("train both.toml").failed(2, &["also-cat: adds to the categories"]);
}
