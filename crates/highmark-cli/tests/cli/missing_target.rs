//! Rows without a target: refused, told before, and left out where that is asked for.

use crate::folder::Folder;
use crate::samples::{QUICK, people};

/// The sample with gaps in one of its columns.
fn with_gaps(column: usize, gap: impl Fn(usize) -> bool) -> String {
    let people = people(200);
    let lines = people.lines().enumerate().map(|(number, line)| {
        let mut values: Vec<&str> = line.split(',').collect();
        if number > 0 && gap(number - 1) {
            values[column] = "";
        }
        values.join(",") + "\n"
    });
    lines.collect::<Vec<_>>().concat()
}

const ANSWER: usize = 3;

#[test]
fn rows_without_a_target_are_refused_or_left_out() {
    let folder = Folder::with("no-target", "people.csv", &with_gaps(ANSWER, |row| row % 10 == 4));
    let options = format!("people.csv --target answer --ignore grade,price,tall,old {QUICK}");
    let refusal = "column `answer`: the target is missing in 20 of 200 rows, first in line 6 of people.csv; fill it in, or \
                   leave those rows out with --drop-missing-target";
    folder.run(&format!("train {options} --out run")).failed(1, &[refusal]);
    let shown = folder.run("show people.csv --target answer").done();
    assert!(shown.out.contains(&format!("\ntrain refuses: {refusal}\n")), "{}", shown.out);
    let json = folder.run("show people.csv --target answer --json").done().json();
    assert_eq!(json["refusals"][0], refusal);

    let ran = folder.run(&format!("train {options} --drop-missing-target --out run")).done();
    assert!(ran.out.contains(": 200 rows, 144 to train on, 36 to validate on"), "{}", ran.out);
    assert!(ran.out.contains("\nleft out   20 rows without a target\n"), "{}", ran.out);
    // Rows that are named are those of the file, whose lines do not shift.
    let ran =
        folder.run(&format!("train {options} --drop-missing-target --valid-rows 0..20 --out ranged")).done();
    assert!(ran.out.contains("162 to train on, 18 to validate on (rows 0..20)"), "{}", ran.out);

    // It is part of what repeats the run, and of what it must have the same to be resumed.
    folder.run("train run/config.toml --out again").done();
    assert_eq!(folder.bytes("run/best.safetensors"), folder.bytes("again/best.safetensors"));
    folder.run("resume run --epochs 4").done();
    folder.run("validate run").done();
    folder.write("whole.csv", &people(200));
    folder
        .run(
            &format!("train {options} --drop-missing-target --out run --resume auto")
                .replace("people", "whole"),
        )
        .failed(1, &["its data is"]);
    folder.write("people.csv", &people(200));
    folder
        .run(&format!("train {options} --out run --resume auto"))
        .failed(1, &["its drop-missing-target is true, not false"]);
}

#[test]
fn other_rows_are_measured_without_those_that_lack_the_target() {
    let folder = Folder::with("no-target-validate", "people.csv", &people(200));
    folder.write("gaps.csv", &with_gaps(ANSWER, |row| row % 10 == 4));
    let whole: Vec<String> = people(200).lines().map(String::from).collect();
    let kept = whole.iter().enumerate().filter(|(number, _)| *number == 0 || (number - 1) % 10 != 4);
    folder.write("kept.csv", &(kept.map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n") + "\n"));
    folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet")).done();
    folder.run("validate run gaps.csv").failed(1, &["20 of 200 rows", "--drop-missing-target"]);
    let ran = folder.run("validate run gaps.csv --drop-missing-target --json").done();
    assert!(ran.err.contains("20 rows without a target left out"), "{}", ran.err);
    let (gaps, kept) = (ran.json(), folder.run("validate run kept.csv --json").done().json());
    assert_eq!(
        (&gaps["rows"], &gaps["left_out"], &gaps["valid_loss"]),
        (&kept["rows"], &20.into(), &kept["valid_loss"])
    );
    folder.write("gaps.toml", "data = \"people.csv\"\nvalid-file = \"gaps.csv\"\ntarget = \"answer\"\n");
    let train = format!("train gaps.toml {QUICK} --out file");
    folder.run(&train).failed(1, &["gaps.csv", "--drop-missing-target"]);
    let ran = folder.run(&format!("{train} --drop-missing-target")).done();
    assert!(ran.out.contains("200 to train on, 180 to validate on"), "{}", ran.out);
}

/// A column of 0, 1 and gaps is read as one of floats.
#[test]
fn gaps_do_not_make_a_regression_of_a_yes_or_no() {
    let folder = Folder::with("no-target-binary", "people.csv", &with_gaps(7, |row| row % 10 == 4));
    let shown = folder.run("show people.csv --target old").done();
    assert!(shown.out.contains("\ntask: classification\n"), "{}", shown.out);
    let ran =
        folder.run(&format!("train people.csv --target old --drop-missing-target {QUICK} --out run")).done();
    assert!(ran.out.contains("task       classification of old in 2 classes: 0 "), "{}", ran.out);
}

#[test]
fn what_train_refuses_is_shown_before() {
    let folder = Folder::with("refusals", "people.csv", &with_gaps(1, |_| true));
    let one_class = people(60).replace(",no,", ",yes,");
    folder.write("one-class.csv", &one_class);
    for (file, line) in [
        ("people.csv", "train refuses: column `city`: all values"),
        ("one-class.csv", "train refuses: column `answer`: all training rows have the class `yes`"),
    ] {
        let shown = folder.run(&format!("show {file} --target answer")).done();
        assert!(shown.out.contains(line), "{}", shown.out);
        assert_eq!(shown.out.matches("train refuses").count(), 1, "{}", shown.out);
    }
    let rare = people(60).replacen(",yes,", ",perhaps,", 1);
    folder.write("rare.csv", &rare);
    let shown = folder.run("show rare.csv --target answer").done();
    assert!(shown.out.contains("warning: target `answer`: the class `perhaps` in line"), "{}", shown.out);
}
