//! `--max-time` and what goes with it. How exactly a budget is kept is a matter of the library's tests, by a clock of their own,
//! and of `cargo xtask budget`, by the real one.

use crate::folder::Folder;
use crate::run::run_and_interrupt_in;
use crate::samples::people;

const OPTIONS: &str = "--target answer --ignore grade,price,tall,old --layers 8 --bs 16 --no-early-stopping";

#[test]
fn a_run_within_a_budget_is_replayed_to_the_same_bits() {
    let folder = Folder::with("budget", "people.csv", &people(2000));
    let ran = folder.run(&format!("train people.csv {OPTIONS} --max-time 1.5s --out a")).done();
    assert!(
        ran.out.contains("training   1.5s of 16 rows") || ran.out.contains("training   1.5s"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("expected to end in"), "{}", ran.out);
    assert!(ran.out.contains("\nbudget     1.50 s, of which "), "{}", ran.out);
    let report = folder.json("a/report.json");
    assert_eq!((&report["stop_reason"], &report["budget_seconds"]), (&"completed".into(), &1.5.into()));
    assert!(report["stop_detail"].as_str().unwrap().contains("is used up"), "{report}");
    let epochs = report["epochs_run"].as_u64().unwrap();
    assert!(epochs >= 1 && report["plans"].as_array().unwrap().len() >= 2, "{report}");
    assert!(folder.read("a/config.toml").contains("max-time = \"1.5s\""));

    folder.run("resume a --max-time 9s").failed(1, &["the run in a has ended", "no use for more time"]);
    let again = folder.run("resume a").done();
    assert!(again.out.contains("has ended; one whose epochs a budget decides"), "{}", again.out);
    folder.run("resume a --epochs 99").failed(1, &["budget alone decides", "99 epochs"]);

    folder.run("train a/config.toml --replay a --out b").done();
    assert_eq!(folder.bytes("a/best.safetensors"), folder.bytes("b/best.safetensors"));
    let replayed = folder.json("b/report.json");
    assert_eq!((&replayed["plans"], &replayed["epochs_run"]), (&report["plans"], &report["epochs_run"]));
    // The limit of epochs holds here, too.
    folder.run("train b/config.toml --out c --epochs 1").done();
    assert_eq!(folder.json("c/report.json")["epochs_run"], 1);
}

#[test]
fn an_interrupted_run_is_given_a_limit() {
    let folder = Folder::with("budget-given", "people.csv", &people(2000));
    let train = format!("train people.csv {OPTIONS} --epochs 100000 --out run --quiet");
    run_and_interrupt_in(&folder.path(""), &train).failed(75, &["highmark resume run"]);
    let checkpoint = folder.bytes("run/checkpoint.safetensors");
    folder.run("resume run --max-time 0.001s").failed(1, &["0.001 s is over already", "allow more"]);
    folder.run("resume run --max-usd 1").failed(2, &["max-usd", "usd-per-hour"]);
    assert_eq!(folder.bytes("run/checkpoint.safetensors"), checkpoint);
    // 4 s.
    folder.run("resume run --max-usd 1 --usd-per-hour 900").done();
    let report = folder.json("run/report.json");
    assert!(report["stop_detail"].as_str().unwrap().contains("budget of 4 s is used up"), "{report}");
    assert!(report["epochs_run"].as_u64() > Some(1) && report["usd"].as_f64() > Some(0.5), "{report}");
    folder.run("resume run --max-usd 900").failed(1, &["the run in run has ended", "no use for more time"]);
    assert!(folder.run("resume run").done().out.contains("The run in run has ended"));
    folder.run("train run/config.toml --replay run --out again").done();
    assert_eq!(folder.bytes("again/best.safetensors"), folder.bytes("run/best.safetensors"));
}

/// What is left is what was there: no model that was never trained.
#[test]
fn a_limit_that_is_over_before_training() {
    let folder = Folder::with("budget-over", "people.csv", &people(300));
    let train = format!("train people.csv {OPTIONS} --out run");
    let over = ["limit of 0.001 s was over before a model could be trained", "allow more"];
    folder.run(&format!("{train} --max-time 0.001s")).failed(1, &over);
    assert!(!folder.path("run").exists());
    folder.run(&format!("{train} --epochs 2 --quiet")).done();
    let files = folder.list("run");
    folder.run(&format!("{train} --max-time 0.001s --overwrite --seed 3")).failed(1, &over);
    assert_eq!(folder.list("run"), files);
    assert_eq!(folder.json("run/report.json")["epochs_run"], 2);
}

#[test]
fn limits_that_make_no_sense() {
    let folder = Folder::with("budget-wrong", "people.csv", &people(50));
    let train = format!("train people.csv {OPTIONS}");
    folder.run(&format!("{train} --max-time soon")).failed(2, &["max-time", "1h 30m"]);
    folder.run(&format!("{train} --max-time 0")).failed(2, &["max-time"]);
    folder.run(&format!("{train} --max-usd 1.5")).failed(2, &["max-usd", "usd-per-hour"]);
    folder.run(&format!("{train} --max-usd 0 --usd-per-hour 1")).failed(2, &["max-usd", "above 0"]);
    folder
        .run(&format!("{train} --max-time 9s --schedule cosine-restarts"))
        .failed(2, &["schedule", "cosine-restarts"]);
    folder.run(&format!("{train} --replay nowhere")).failed(1, &["nowhere", "replay"]);
    folder.run(&format!("{train} --epochs 1 --out plain --quiet")).done();
    folder.run(&format!("{train} --replay plain")).failed(1, &["plain", "plans"]);
    // A limit of epochs and of money that is not reached.
    let ran = folder.run(&format!("{train} --max-usd 1 --usd-per-hour 1 --epochs 2 --json")).done();
    let report = ran.json();
    assert_eq!((&report["epochs_run"], &report["stop_detail"]), (&2.into(), &"all 2 epochs ran".into()));
}

#[test]
fn values_that_are_not_finite_are_skipped_when_asked() {
    let folder = Folder::with("non-finite", "people.csv", &people(200));
    let options = "--target price --ignore answer,grade --schedule flat --bs 16 --layers 8";
    let train = format!("train people.csv {options}");
    // A rate at which every loss after the first step overflows: nothing can be skipped for ever.
    let ran = folder.run(&format!("{train} --lr 1e30 --epochs 3 --non-finite skip --out skip"));
    assert!(ran.out.contains("in a row"), "{ran:?}");
    ran.failed(1, &["training broke down"]);
    let report = folder.json("skip/report.json");
    assert_eq!(
        (&report["stop_reason"], &report["non_finite"]["skipped"]),
        (&"non_finite".into(), &10.into())
    );
    folder.run(&format!("{train} --non-finite ignore")).failed(2, &["ignore", "stop, skip, rollback"]);
    folder.write(
        "rollback.toml",
        "data = \"people.csv\"\ntarget = \"price\"\nnon-finite = { policy = \"rollback\", every = 0 }\n",
    );
    folder.run("train rollback.toml").failed(2, &["every"]);
    // Rollbacks lower the rate until it can be trained with.
    let ran = folder.run(&format!("{train} --lr 1e20 --non-finite rollback --epochs 1 --no-save-best"));
    assert!(ran.out.contains("times the scheduled rate"), "{ran:?}");
}
