//! Columns in which every row has a text of its own, and targets of which the same is true.

use std::fmt::Write;

use crate::folder::Folder;
use crate::samples::{QUICK, people};

/// The sample with a name for each row in front.
fn named(rows: usize) -> String {
    let people = people(rows);
    let mut lines = people.lines();
    let mut text = format!("name,{}\n", lines.next().unwrap_or_default());
    for (row, line) in lines.enumerate() {
        let _ = writeln!(text, "n-{row},{line}");
    }
    text
}

const OPTIONS: &str = "--target answer --ignore grade,price,tall,old";

#[test]
fn they_are_left_out_unless_asked_for() {
    let folder = Folder::with("identifiers", "named.csv", &named(200));
    folder.write("people.csv", &people(200));
    let line = "column `name`: has 200 different texts in 200 values, too few of each to learn from; to use it all the same: --also-cat name";
    let ran = folder.run(&format!("train named.csv {OPTIONS} {QUICK} --out run")).done();
    assert!(ran.out.contains(&format!("left out   {line}\n")), "{}", ran.out);
    assert!(ran.out.contains("\ncategories city (4), age_na (3)\n"), "{}", ran.out);
    let shown = folder.run(&format!("show named.csv {OPTIONS}")).done().out;
    assert!(shown.contains(&format!("train leaves out: {line}\n")), "{shown}");
    let kinds = folder.run(&format!("show named.csv {OPTIONS} --json")).done().json();
    assert_eq!(
        (&kinds["columns"][0]["kind"], &kinds["columns"][2]["kind"]),
        (&"not used".into(), &"categorical".into())
    );
    // The same as without the column.
    let history = |run: &str| -> Vec<String> {
        let losses = |line: &str| line.split(',').take(3).collect::<Vec<_>>().join(",");
        folder.read(&format!("{run}/history.csv")).lines().map(losses).collect()
    };
    folder.run(&format!("train people.csv {OPTIONS} {QUICK} --out without")).done();
    assert_eq!(history("run"), history("without"));
    // As told.
    let ran = folder.run(&format!("train named.csv {OPTIONS} {QUICK} --also-cat name --out with")).done();
    assert!(ran.out.contains("categories name (") && !ran.out.contains("left out"), "{}", ran.out);
    // Where nothing else is there to predict from, it is used.
    let ran = folder.run(&format!("train named.csv {OPTIONS},age,city,height {QUICK} --out alone")).done();
    assert!(ran.out.contains("categories name ("), "{}", ran.out);
}

/// The run's config says it, also of a run that was begun when they were used.
#[test]
fn a_run_goes_on_with_the_columns_that_it_has() {
    let folder = Folder::with("identifiers-again", "named.csv", &named(200));
    let train = format!("train named.csv {OPTIONS} --layers 16 --bs 16 --lr 0.01 --schedule flat --quiet");
    folder.run(&format!("{train} --out run --epochs 3")).done();
    assert!(folder.read("run/config.toml").contains("\"name\"]"));
    folder.run("train run/config.toml --out again --quiet").done();
    assert_eq!(folder.bytes("run/best.safetensors"), folder.bytes("again/best.safetensors"));
    folder.run(&format!("{train} --out run --resume auto --epochs 3")).done();
    folder.run(&format!("{train} --out run --resume auto --epochs 5")).done();
    folder.run("validate run").done();

    folder.run(&format!("{train} --cat name,city --out old --epochs 3")).done();
    let config: String = folder
        .read("old/config.toml")
        .lines()
        .filter(|line| !line.starts_with("cat = "))
        .fold(String::new(), |text, line| text + line + "\n");
    folder.write("old/config.toml", &config);
    folder.run("validate old").done();
    folder.run("train old/config.toml --out repeated --quiet").done();
    assert_eq!(folder.bytes("old/best.safetensors"), folder.bytes("repeated/best.safetensors"));
    folder.run(&format!("{train} --out old --resume auto --epochs 5")).done();
    folder.run("resume old --epochs 7 --quiet").done();
    assert_eq!(folder.json("old/report.json")["epochs_run"], 7);
}

#[test]
fn a_target_with_a_class_for_each_row_is_refused() {
    let prices: String =
        (0..200).map(|row| format!("{}.5,{}\n", row * 7 % 50, 1000 + row * 37 % 1000)).collect();
    let folder = Folder::with("many-classes", "prices.csv", &format!("a,price\n{prices}"));
    folder.write("texts.csv", &format!("a,price\n{}", prices.replace("1037\n", "?\n")));
    folder.run("train texts.csv --target price").failed(
        1,
        &["is text because of `?` in line 3 of texts.csv", "As classes, its 200", "--missing '?,-'"],
    );
    folder.write("named.csv", &named(100));
    folder
        .run("train named.csv --target name")
        .failed(1, &["`name`: has 100 classes in 100 rows", "another column", "--task classification"]);
    assert!(!folder.path("runs").exists());
}

/// What was asked for is doubted, and done.
#[test]
fn a_classification_of_many_classes_that_was_asked_for_is_trained() {
    let rows: String =
        (0..100).map(|row| format!("{}.5,{},c-{}\n", row * 7 % 50, 1000 + row % 60, row % 60)).collect();
    let folder = Folder::with("asked-classes", "x.csv", &format!("a,price,code\n{rows}"));
    folder
        .run(&format!("train x.csv --target code {QUICK}"))
        .failed(1, &["--task classification trains on it"]);
    for (target, advice) in [("price", "a regression"), ("code", "another column")] {
        let doubt = format!("column `{target}`: has 60 classes in 100 rows, too few of each");
        let options = format!("x.csv --target {target} --task classification");
        let shown = folder.run(&format!("show {options}")).done().out;
        assert!(shown.contains(&format!("warning: {doubt}")) && shown.contains(advice), "{shown}");
        assert!(!shown.contains("train refuses"), "{shown}");
        let ran = folder.run(&format!("train {options} {QUICK} --out {target}")).done().out;
        assert!(ran.contains(&format!("warning    {doubt}")), "{ran}");
        folder.run(&format!("train {target}/config.toml --out {target}-again --quiet")).done();
    }
}

/// Classes of one row are trained on, so that the rows to validate on are fewer than their share.
#[test]
fn the_share_that_is_held_back_is_told() {
    let rows: String = (0..100)
        .map(|row| format!("{}.5,c{}\n", row * 7 % 50, if row < 40 { row } else { 99 + row % 2 }))
        .collect();
    let folder = Folder::with("share", "x.csv", &format!("a,y\n{rows}"));
    let out = folder.run(&format!("train x.csv --target y {QUICK} --out run")).done().out;
    assert!(out.contains("86 to train on, 14 to validate on (share 0.2 drawn by seed 42, stratified; of the 20 of that share, since"), "{out}");
}

/// Points of thousands, where decimals begin with a comma.
#[test]
fn thousands_with_points_are_told() {
    let rows: String =
        (0..300).map(|row| format!("{},5;{}.{:03}\n", row * 7 % 250, 100 + row, row * 37 % 1000)).collect();
    let folder = Folder::with("points", "de.csv", &format!("a;preis\n{rows}"));
    let csv = "--delimiter ; --decimal ,";
    let parts = ["numbers such as `100.000` in line 2", "without signs of thousands", "As classes"];
    let refused = folder.run(&format!("train de.csv --target preis {csv}"));
    refused.failed(1, &parts);
    let shown = folder.run(&format!("show de.csv --target preis {csv}")).done().out;
    assert_eq!(shown.matches("numbers such as").count(), 1, "{shown}");
    let shown = folder.run(&format!("show de.csv --target a {csv}")).done().out;
    assert!(shown.contains("numbers such as") && !shown.contains("leaves out"), "{shown}");
    assert!(!shown.contains("--decimal"), "{shown}");
    // Without the decimal, it is what helps.
    folder.run("train de.csv --target a --delimiter ;").failed(1, &["--decimal , reads 3,5 as a number"]);
}

#[test]
fn dates_that_are_left_out_get_their_own_advice() {
    let mut text = String::new();
    for (row, line) in people(200).lines().enumerate() {
        let day = row.saturating_sub(1);
        let date = if row == 0 { "day".into() } else { format!("20{:02}-{:02}-01", day / 12, 1 + day % 12) };
        let line = if day % 5 == 4 { line.rsplit_once(',').map_or(line, |(rest, _)| rest) } else { line };
        let blank = if day % 5 == 4 { "," } else { "" };
        let _ = writeln!(text, "{date},{line}{blank}");
    }
    let folder = Folder::with("dates", "x.csv", &text);
    let header = text.lines().next().unwrap_or_default();
    let target = header.rsplit_once(',').map_or("", |(_, last)| last);
    let others = "age,height,city";
    let ignore: Vec<&str> =
        header.split(',').filter(|name| ![target, "day"].contains(name) && !others.contains(name)).collect();
    let options = format!("--target {target} --ignore {} --drop-missing-target", ignore.join(","));
    let ran = folder.run(&format!("train x.csv {options} {QUICK} --out run")).done().out;
    assert!(
        ran.contains("left out   column `day`: looks like dates, such as `2000-01-01` in line 2"),
        "{ran}"
    );
    // The last row has no target: 32 of the others are held back.
    let (_, latest) = ran.split_once("validate on the latest: --valid-rows ").unwrap();
    let latest = latest.split_whitespace().next().unwrap_or_default();
    assert_eq!(latest, "160..199");
    folder.run(&format!("train x.csv {options} {QUICK} --valid-rows {latest} --out later")).done();
}

#[test]
fn what_was_said_is_not_doubted() {
    let folder = Folder::with("said", "named.csv", &named(200));
    let ran = folder.run(&format!("train named.csv {OPTIONS} {QUICK} --cat name,city --out with")).done();
    assert!(!ran.out.contains("different texts"), "{}", ran.out);
    // Another target than that of the run is looked at anew.
    folder.run(&format!("train named.csv {OPTIONS} {QUICK} --out run")).done();
    let config = folder.read("run/config.toml").replace("\"name\"", "\"tall\"");
    folder.write("copy.toml", &config.replace("../named.csv", "named.csv"));
    folder.run("train copy.toml --target name --quiet --out other").failed(1, &["`name`: has 200 classes"]);
    let shown = folder.run("show named.csv --task regression --target city").done().out;
    assert!(!shown.contains("NaN"), "{shown}");
}

#[test]
fn a_run_without_a_checkpoint_can_only_begin_anew() {
    let folder = Folder::with("anew", "named.csv", &named(100));
    folder.run(&format!("train named.csv {OPTIONS} {QUICK} --no-checkpoint --out run")).done();
    std::fs::remove_file(folder.path("run/report.json")).unwrap();
    let out = folder.run("inspect run").done().out;
    let anew = "can only begin anew, by `highmark resume run`";
    assert!(out.contains(anew), "{out}");
    std::fs::remove_file(folder.path("run/best.safetensors")).unwrap();
    folder.run("predict run named.csv").failed(1, &["no best.safetensors yet", anew]);
    // As told.
    let out = folder.run("resume run").done().out;
    assert!(out.contains("the run begins anew"), "{out}");
    folder.run("predict run named.csv -o out.csv").done();
    // Of a run that has ended there is nothing to go on with.
    std::fs::remove_file(folder.path("run/best.safetensors")).unwrap();
    let gone = ["has ended, but its best.safetensors is gone", "`highmark train run/config.toml`"];
    folder.run("predict run named.csv").failed(1, &gone);
    folder.run("train run/config.toml --out next --quiet").done();
}
