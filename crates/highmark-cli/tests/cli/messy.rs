//! Tables as people have them: what is odd is told, with the place and what to do about it, and nothing breaks by it.

use crate::folder::Folder;
use crate::samples::{QUICK, people};

/// The sample with more columns, whose values follow from the row.
fn with_columns(names: &str, values: impl Fn(usize) -> String) -> String {
    let people = people(200);
    let mut lines = people.lines();
    let mut text = format!("{names},{}\n", lines.next().unwrap_or_default());
    for (row, line) in lines.enumerate() {
        text.extend([&values(row), ",", line, "\n"]);
    }
    text
}

#[test]
fn odd_columns_are_told() {
    let text = with_columns("id,rooms,pay,planet", |row| {
        let rooms = if row % 50 == 7 { "?".to_string() } else { format!("{}", 1 + row % 9) };
        format!("c-{row},{rooms},\"1,{:03}.50\",Earth", row * 3 % 100)
    });
    let folder = Folder::with("odd-columns", "people.csv", &text);
    let parts = [
        "column `id`: has 200 different texts in 200 values",
        "column `rooms`: is text because of `?` in line 9 of people.csv and 3 more; everything else in it is a number",
        "column `pay`: is text because of numbers such as `1,000.50` in line 2 of people.csv",
        "column `planet`: is `Earth` in every row",
        "(--ignore leaves a column out, --missing '?,-' declares texts missing",
    ];
    let shown = folder.run("show people.csv --target answer").done();
    let ran = folder.run(&format!("train people.csv --target answer {QUICK} --out run")).done();
    for part in parts {
        assert!(shown.out.contains(part), "`{part}` is not in: {}", shown.out);
        assert!(ran.out.contains(part), "`{part}` is not in: {}", ran.out);
    }
    let json = folder.run("show people.csv --target answer --json").done().json();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 3);
    assert!(json["left_out"][0].as_str().unwrap().starts_with("column `id`: has 200 different texts"));
    // As advised.
    let advised = "--ignore id,planet,pay --missing ? --out next --overwrite";
    let train = format!("train people.csv --target answer {QUICK} {advised}");
    let out = folder.run(&train).done().out;
    assert_eq!(out.matches("\nwarning ").count(), 1, "{out}");
    assert!(out.contains("column `rooms`: its 9 different whole numbers are taken as a quantity"), "{out}");
    assert!(!folder.run(&format!("{train} --also-cat rooms")).done().out.contains("\nwarning "));
}

#[test]
fn a_target_that_may_be_meant_otherwise_is_told() {
    let text = with_columns("stars,rooms", |row| {
        let rooms = if row == 7 { "none".to_string() } else { format!("{}", 1 + row % 9) };
        format!("{},{rooms}", 1 + row % 5)
    });
    let folder = Folder::with("odd-target", "people.csv", &text);
    let train = |options: &str| {
        folder.run(&format!("train people.csv {QUICK} --overwrite --out run {options}")).done().out
    };
    let advice = "target `stars`: its 5 different whole numbers are predicted as a quantity";
    assert!(train("--target stars").contains(advice));
    assert!(!train("--target stars --task classification").contains(advice));
    assert!(!train("--target stars --task regression").contains(advice));
    assert!(folder.run("show people.csv --target stars").done().out.contains(advice));
    let none = folder.run("show people.csv --target rooms").done();
    assert!(none.out.contains("column `rooms`: is text because of `none` in line 9"), "{}", none.out);
}

#[test]
fn columns_without_values_are_named_all_at_once() {
    let folder = Folder::with("empty-columns", "people.csv", &with_columns("a,b,c", |_| ",NA,".into()));
    folder
        .run(&format!("train people.csv --target answer {QUICK}"))
        .failed(1, &["in 3 columns all values of the training rows are missing; leave them out: a,b,c"]);
    folder.run(&format!("train people.csv --target answer {QUICK} --ignore a,b,c")).done();
}

#[test]
fn wide_tables_do_not_fill_the_screen_with_names() {
    let names: Vec<String> = (0..2000).map(|number| format!("f{number}")).collect();
    let rows = (0..60).map(|row| {
        let values: Vec<String> = (0..2000).map(|column| format!("{}.5", (row * 7 + column) % 50)).collect();
        format!("{},{}\n", values.join(","), ["a", "b"][row % 2])
    });
    let text = format!("{},y\n{}", names.join(","), rows.collect::<String>());
    let folder = Folder::with("wide", "wide.csv", &text);
    let ran = folder.run("train wide.csv --target y --bs 16 --epochs 1 --layers 8").done();
    assert!(ran.out.contains("f48, f49 and 1,950 more\n"), "{}", ran.out);
    for target in ["", "--target z"] {
        let ran = folder.run(&format!("train wide.csv {target}"));
        assert!(ran.err.contains("f49 and 1") && ran.err.len() < 1000, "{}", ran.err);
    }
}

#[test]
fn nothing_from_a_file_reaches_the_terminal_raw() {
    let text =
        people(60).replace("city", "ci\x1b[31mty").replace("Oslo", "\x1b[2JOslo").replace(",yes", ",y\x07es");
    let folder = Folder::with("escapes", "people.csv", &text);
    let train = format!("train people.csv --target answer {QUICK} --valid-rows 0..20 --out run");
    for arguments in [
        &*train,
        "show people.csv --target answer",
        "inspect run",
        "validate run",
        "train people.csv --target x",
    ] {
        let ran = folder.run(arguments);
        let shown = ran.out + &ran.err;
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
        assert!(arguments.contains("validate") || shown.contains("ci\\u{1b}[31mty"), "{shown}");
    }
}

#[test]
fn data_from_standard_input() {
    let people = people(200);
    let folder = Folder::with("stdin", "people.csv", &people);
    let options = format!("--target answer --ignore grade,price,tall,old {QUICK} --quiet");
    folder.run_on(&format!("train - {options}"), &people).done();
    assert_eq!(folder.list("runs"), ["stdin-1"]);
    folder.run(&format!("train people.csv {options} --out run")).done();
    assert_eq!(folder.bytes("runs/stdin-1/best.safetensors"), folder.bytes("run/best.safetensors"));
    let predicted = folder.run_on("predict runs/stdin-1 -", &people).done();
    assert_eq!(predicted.out, folder.run("predict run people.csv").done().out);
    assert!(folder.run_on("show -", &people).done().out.starts_with("standard input: 200 rows, 8 columns"));
    folder.run_on("validate runs/stdin-1", &people).done();
    folder.run_on("show -", "").failed(1, &["standard input: the file is empty"]);
    folder.run_on("show -", "a,b\n1\n").failed(1, &["standard input, line 2: has 1 value"]);
    folder.run_on("show -", "PAR1").failed(1, &["standard input: is a Parquet file", "save it"]);
}

/// Following the advice is enough.
#[test]
fn advice_for_small_tables_does_not_go_in_circles() {
    let rows: Vec<String> = people(60).lines().map(String::from).collect();
    let folder = Folder::with("small", "one.csv", &(rows[..2].join("\n") + "\n"));
    folder.write("three.csv", &(rows[..4].join("\n") + "\n"));
    let train = |arguments: &str| folder.run(&format!("train {arguments} --target price --epochs 1"));
    train("one.csv").failed(1, &["at least two rows are needed"]);
    train("three.csv").failed(1, &["none of the 3 rows is for validation", "larger share"]);
    train("three.csv --valid-frac 0.7").failed(1, &["1 row to train on is too few"]);
    train("three.csv --valid-rows 0..1 --bs 3").failed(1, &["use --bs 2"]);
    train("three.csv --valid-rows 0..1 --bs 2").done();
}

/// The size of a batch that nobody has asked for is no larger than the training rows, and stays what it was.
#[test]
fn a_table_of_seven_rows_is_enough() {
    let rows: Vec<String> = people(60).lines().map(String::from).collect();
    let folder = Folder::with("seven", "seven.csv", &(rows[..8].join("\n") + "\n"));
    let ran = folder.run("train seven.csv --target price --epochs 2 --out run").done();
    assert!(ran.out.contains("training   2 epochs, 6 rows a batch"), "{}", ran.out);
    assert!(folder.read("run/config.toml").contains("\nbs = 6\n"));
    folder.run("train run/config.toml --out again").done();
    assert_eq!(folder.bytes("run/best.safetensors"), folder.bytes("again/best.safetensors"));
    folder.run("train seven.csv --target price --epochs 2 --out run --resume auto").done();
    folder.run("train seven.csv --target price --bs 7").failed(1, &["bs: 7 is larger", "--bs 6"]);
}

#[test]
fn a_constant_column_does_not_blow_up_predictions() {
    let text = with_columns("n", |row| format!("{:?}", 1e6 + row as f64 * 1e-9));
    let folder = Folder::with("constant", "people.csv", &text);
    let options = "--target price --ignore answer,grade,tall,old";
    folder.run(&format!("train people.csv {options} {QUICK} --out run")).done();
    for n in ["1000000", "1000001", "1100000"] {
        folder.write("new.csv", &format!("n,age,city,height\n{n},40,Oslo,1.7\n"));
        let out = folder.run("predict run new.csv").done().out;
        let price: f64 = out.lines().nth(1).unwrap().parse().unwrap();
        assert!((50.0..250.0).contains(&price), "{n}: {out}");
    }
}

#[test]
fn predictions_have_no_more_digits_than_they_hold() {
    let folder = Folder::with("digits", "people.csv", &people(200));
    folder
        .run(&format!(
            "train people.csv --target answer --ignore grade,price,tall,old --loss bce {QUICK} --out run"
        ))
        .done();
    let out = folder.run("predict run people.csv").done().out;
    for line in out.lines().skip(1) {
        let digits = |value: &str| value.bytes().filter(u8::is_ascii_digit).count();
        assert!(line.split(',').skip(1).all(|value| digits(value) <= 12), "{line}");
    }
}

#[test]
fn large_numbers_have_a_mean() {
    let folder = Folder::with("large", "x.csv", "a,b\n1e308,1\n1.5e308,2\n1.7e308,3\n");
    let out = folder.run("show x.csv").done().out;
    assert!(out.contains("1.0000e308 to 1.7000e308, mean 1.4000e308"), "{out}");
}

#[test]
fn a_delimiter_that_is_another_one_is_suspected() {
    let people = people(60);
    let folder = Folder::with("semicolons", "people.csv", &people);
    folder.write("semicolons.csv", &people.replace(',', ";"));
    folder.run(&format!("train people.csv --target answer {QUICK} --out run")).done();
    for arguments in
        ["predict run semicolons.csv", "validate run semicolons.csv", "train semicolons.csv --target answer"]
    {
        folder.run(arguments).failed(1, &["semicolons.csv has one column only", "--delimiter ';'"]);
    }
    folder.run("train people.csv --target answer --delimiter ;").failed(1, &["--delimiter ','"]);
    folder.run("predict run semicolons.csv --delimiter ;").done();
}

#[test]
fn decimal_commas() {
    let people = people(200);
    let folder = Folder::with("commas", "points.csv", &people);
    folder.write("commas.csv", &people.replace(',', ";").replace('.', ","));
    let options = format!("--target price --ignore answer,grade,tall,old {QUICK} --quiet");
    let told = folder.run("show commas.csv --target answer --delimiter ;").done().out;
    assert!(
        told.contains("`height`: is text because of numbers such as") && told.contains("--decimal , reads"),
        "{told}"
    );
    folder.run(&format!("train points.csv {options} --out points")).done();
    folder.run(&format!("train commas.csv --delimiter ; --decimal , {options} --out commas")).done();
    let losses = |run: &str| {
        let text = folder.read(&format!("{run}/history.csv"));
        text.lines().map(|line| line.split(',').take(3).collect::<Vec<_>>().join(",")).collect::<Vec<_>>()
    };
    assert_eq!(losses("commas"), losses("points"));
    // The run knows how its files are written.
    let predicted = folder.run("predict commas commas.csv").done().out;
    assert_eq!(predicted, folder.run("predict points points.csv").done().out);
    assert_eq!(predicted, folder.run("predict commas points.csv --delimiter , --decimal .").done().out);
    folder.run("train commas/config.toml --out again --quiet").done();
    assert_eq!(folder.bytes("again/best.safetensors"), folder.bytes("commas/best.safetensors"));
    folder.run("show commas.csv --decimal ,").failed(1, &["decimal: is also the delimiter"]);
    folder.run("show commas.csv --decimal ;").failed(2, &["decimal: must be . or ,"]);
    // A word among them, and a number with a point, which may part thousands.
    let odd =
        people.replace(',', ";").replace('.', ",").replacen(";1,5", ";?", 1).replacen(";1,6", ";1.600", 1);
    folder.write("odd.csv", &odd);
    let told = folder.run("show odd.csv --delimiter ; --decimal ,").done().out;
    assert!(told.contains("column `height`: is text because of ") && told.contains("`1.600"), "{told}");
    assert!(told.contains("everything else in it is a number"), "{told}");
}
