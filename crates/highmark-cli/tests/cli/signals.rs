//! Notice before the end, on real processes. A process that reads its data from a pipe waits for it, so a signal comes when it
//! should: before the loop that has to see it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::folder::Folder;
use crate::run::Ran;
use crate::samples::people;

const OPTIONS: &str =
    "--target price --ignore answer,grade,tall,old --layers 8 --bs 8 --lr 0.01 --no-early-stopping";

fn spawn(folder: &Folder, arguments: &str, slurm_end: Option<&str>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highmark"));
    command.args(arguments.split_whitespace()).current_dir(folder.path(""));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(end) = slurm_end {
        command.env("SLURM_JOB_END_TIME", end);
    }
    command.spawn().unwrap()
}

fn finish(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Waits until the process handles SIGINT, SIGTERM and SIGUSR1.
fn until_it_listens(child: &Child) {
    let wanted = (1_u64 << 1) | (1 << 14) | (1 << 9);
    until("it listens", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_string();
        u64::from_str_radix(&caught, 16).unwrap() & wanted == wanted
    });
}

#[track_caller]
fn until(what: &str, mut reached: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if reached() {
            return;
        }
        sleep(Duration::from_millis(5));
    }
    panic!("waited in vain until {what}");
}

fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(done.success());
}

/// Puts a pipe in the place of a file.
fn pipe(path: &Path) {
    drop(std::fs::remove_file(path));
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn every_loop_sees_every_signal() {
    let csv = people(200);
    let folder = Folder::with("signals-loops", "people.csv", &csv);
    folder.run(&format!("train people.csv {OPTIONS} --epochs 1 --out run --quiet")).done();
    pipe(&folder.path("pipe.csv"));
    for (command, what) in [
        (format!("train pipe.csv {OPTIONS} --epochs 3 --out new"), "highmark resume new"),
        (
            format!("lr-find pipe.csv {OPTIONS}").replace(" --lr 0.01 --no-early-stopping", ""),
            "lr-find was interrupted",
        ),
        ("validate run pipe.csv".into(), "validate was interrupted"),
        ("predict run pipe.csv -o predicted.csv".into(), "predict was interrupted"),
    ] {
        for name in ["INT", "TERM", "USR1"] {
            let child = spawn(&folder, &command, None);
            until_it_listens(&child);
            signal(&child, name);
            folder.write("pipe.csv", &csv);
            finish(child).failed(75, &[what]);
            drop(std::fs::remove_dir_all(folder.path("new")));
        }
        // The end of a Slurm job that is due.
        let child = spawn(&folder, &command, Some("1"));
        folder.write("pipe.csv", &csv);
        finish(child).failed(75, &[what]);
        if command.starts_with("train") {
            // Within a step.
            assert!(folder.path("new/checkpoint.safetensors").exists());
            assert_eq!(folder.read("new/history.csv").lines().count(), 1);
        }
        drop(std::fs::remove_dir_all(folder.path("new")));
    }
    assert!(!folder.path("predicted.csv").exists() && !folder.path("lr-find.svg").exists());
    // Nobody has asked these to end, and they are not in the way of each other.
    folder.write("again.csv", &csv);
    folder.run("predict run again.csv -o predicted.csv").done();
}

#[test]
fn an_end_of_a_job_that_cannot_be_read_is_told() {
    let folder = Folder::with("signals-slurm", "people.csv", &people(200));
    let train = format!("train people.csv {OPTIONS} --epochs 1 --quiet --overwrite --out run");
    for (end, told) in [("18:00", true), ("99999999999999999999", true), ("0", false), ("", false)] {
        let ran = finish(spawn(&folder, &train, Some(end))).done();
        assert_eq!(ran.err.contains(&format!("SLURM_JOB_END_TIME is `{end}`")), told, "{ran:?}");
    }
}

#[test]
fn a_pipe_that_nobody_reads_is_waited_for_until_a_signal() {
    let folder = Folder::with("signals-pipe", "people.csv", &people(200));
    folder.run(&format!("train people.csv {OPTIONS} --epochs 1 --out run --quiet")).done();
    pipe(&folder.path("out.csv"));
    for name in ["INT", "TERM"] {
        let child = spawn(&folder, "predict run people.csv -o out.csv", None);
        until_it_listens(&child);
        sleep(Duration::from_millis(300));
        signal(&child, name);
        finish(child).failed(75, &["interrupted"]);
    }
    let path = folder.path("out.csv");
    let child = spawn(&folder, "predict run people.csv -o out.csv", None);
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(finish(child).code, Some(0));
    assert_eq!(text.lines().count(), 201);
}

/// `history.csv` without its times.
fn timeless(history: &str) -> Vec<String> {
    history.lines().map(|line| line.rsplit_once(',').unwrap().0.to_string()).collect()
}

#[test]
fn interrupted_in_training_and_in_validation_and_resumed() {
    let folder = Folder::with("signals-resume", "people.csv", &people(20_000));
    for (valid, pass, epochs) in [("0..40", "training", 30), ("40..20000", "validation", 90)] {
        let options = format!("{OPTIONS} --valid-rows {valid} --epochs {epochs}");
        folder.run(&format!("train people.csv {options} --out whole --overwrite --quiet")).done();
        // Nearly all of the time is spent in this pass, so one of the attempts ends in it, and
        // mostly the first; a busy machine may take longer to send a signal than to train.
        let mut seen = false;
        for (attempt, name) in ["INT", "TERM", "USR1"].repeat(10).into_iter().enumerate() {
            drop(std::fs::remove_dir_all(folder.path("cut")));
            let child = spawn(&folder, &format!("train people.csv {options} --out cut"), None);
            until("an epoch has ended", || {
                let path = folder.path("cut/history.csv");
                std::fs::read_to_string(path).is_ok_and(|text| text.lines().count() > 2 + attempt % 12)
            });
            signal(&child, name);
            let ran = finish(child);
            if ran.code == Some(0) {
                continue;
            }
            ran.failed(75, &["interrupted after", "go on with: highmark resume cut"]);
            assert!(!folder.path("cut/report.json").exists());
            let resumed = folder.run("resume cut").done();
            seen |= resumed.out.contains(&format!("of its {pass}"));
            assert_eq!(folder.bytes("cut/best.safetensors"), folder.bytes("whole/best.safetensors"));
            let histories = (folder.read("cut/history.csv"), folder.read("whole/history.csv"));
            assert_eq!(timeless(&histories.0), timeless(&histories.1));
            if seen {
                break;
            }
        }
        assert!(seen, "no attempt was interrupted in {pass}");
    }
}

#[test]
fn a_second_interrupt_ends_it_at_once_and_nothing_is_lost() {
    let csv = people(300);
    let folder = Folder::with("signals-second", "people.csv", &csv);
    let train = format!("train people.csv {OPTIONS} --epochs 4 --out");
    folder.run(&format!("{train} whole --quiet")).done();
    // Interrupted after its first batch.
    finish(spawn(&folder, &format!("{train} cut"), Some("1"))).failed(75, &["highmark resume cut"]);
    let checkpoint = folder.bytes("cut/checkpoint.safetensors");
    pipe(&folder.path("people.csv"));
    let child = spawn(&folder, "resume cut", None);
    until_it_listens(&child);
    // One is not enough for a process that waits for its data.
    signal(&child, "INT");
    sleep(Duration::from_millis(100));
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    assert!(status.contains("State:\tS"), "{status}");
    signal(&child, "INT");
    assert_eq!(finish(child).code, Some(130));
    assert_eq!(folder.bytes("cut/checkpoint.safetensors"), checkpoint);
    std::fs::remove_file(folder.path("people.csv")).unwrap();
    folder.write("people.csv", &csv);
    folder.run("resume cut").done();
    assert_eq!(folder.bytes("cut/best.safetensors"), folder.bytes("whole/best.safetensors"));
}

/// What is left then is measured and reported, since it is done before it could be done again.
#[test]
fn a_run_whose_epochs_are_over_comes_to_its_end() {
    let folder = Folder::with("signals-end", "people.csv", &people(300));
    folder.run(&format!("train people.csv {OPTIONS} --epochs 2 --out run --quiet")).done();
    let metrics = folder.json("run/report.json")["final_metrics"].clone();
    std::fs::remove_file(folder.path("run/report.json")).unwrap();
    assert_eq!(finish(spawn(&folder, "resume run", Some("1"))).code, Some(0));
    assert_eq!(folder.json("run/report.json")["final_metrics"], metrics);
    // In the validation after the last epoch: with so many rows, most of the time is spent there.
    let csv = people(60_000);
    folder.write("many.csv", &csv);
    let train =
        format!("train many.csv {OPTIONS} --valid-rows 40..60000 --epochs 1 --no-checkpoint --out many");
    let mut seen = false;
    for _ in 0..20 {
        drop(std::fs::remove_dir_all(folder.path("many")));
        let child = spawn(&folder, &train, None);
        until("the epoch has ended", || {
            let events = std::fs::read_to_string(folder.path("many/events.jsonl"));
            events.is_ok_and(|text| text.contains("\"end\""))
        });
        signal(&child, "TERM");
        seen |= !folder.path("many/report.json").exists();
        finish(child).done();
        if seen {
            break;
        }
    }
    assert!(seen, "no signal came before the report");
}

#[test]
fn deadlines() {
    let folder = Folder::with("signals-deadline", "people.csv", &people(300));
    let train = format!("train people.csv {OPTIONS} --epochs 1000000");
    let output = Command::new("date").args(["-d", "+2 seconds", "+%Y-%m-%dT%H:%M:%S"]).output().unwrap();
    let soon = String::from_utf8(output.stdout).unwrap();
    folder
        .run(&format!("{train} --out run --deadline {}", soon.trim()))
        .failed(75, &["interrupted after", "highmark resume run"]);
    folder.run(&format!("{train} --deadline 2001-01-01T10:00")).failed(2, &["deadline", "past"]);
    folder.run(&format!("{train} --deadline teatime")).failed(2, &["deadline", "18:00"]);
    // Without a checkpoint there is nothing to resume, and it says so.
    let ran = finish(spawn(&folder, &format!("{train} --no-checkpoint --out none"), Some("1")));
    ran.failed(1, &["interrupted", "without a checkpoint"]);
}
