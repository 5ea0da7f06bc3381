//! A run's folder that is moved away under it, and another run in its place.

use std::process::{Child, Command};

use crate::folder::Folder;
use crate::resume::{LONG, start};
use crate::samples::{QUICK, people};

fn signal(child: &Child, name: &str) {
    assert!(
        Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success()
    );
}

/// The run of before is let go on while another works in its place (`at_work`), or has ended there.
fn two_runs(at_work: bool) {
    let folder = Folder::with(&format!("moved-{at_work}"), "people.csv", &people(2000));
    folder.run(&format!("train people.csv {LONG} --out alone")).done();
    let first = start(&folder, &format!("train people.csv {LONG} --out run"), "run/checkpoint.safetensors");
    signal(&first, "STOP");
    std::fs::rename(folder.path("run"), folder.path("old")).unwrap();
    let mut second = None;
    if at_work {
        let train = format!("train people.csv {LONG} --seed 3 --out run");
        let child = start(&folder, &train, "run/best.safetensors");
        signal(&child, "STOP");
        second = Some(child);
    } else {
        folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet")).done();
    }
    let files = || {
        let list = folder.list("run");
        list.into_iter().map(|name| (folder.bytes(&format!("run/{name}")), name)).collect::<Vec<_>>()
    };
    let before = files();
    signal(&first, "CONT");
    let output = first.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    for part in ["cannot write run/best.safetensors", "is another's", "the model is kept in"] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    assert!(files() == before, "a file of the other run has changed, or there are others");
    let kept = folder.list("").into_iter().find(|name| name.starts_with("highmark-")).unwrap();
    assert_eq!(folder.bytes(&format!("{kept}/best.safetensors")), folder.bytes("alone/best.safetensors"));
    if let Some(mut second) = second {
        // Its lock is still its own.
        folder.run("resume run").failed(1, &["cannot lock run", &second.id().to_string()]);
        signal(&second, "CONT");
        assert!(second.wait().unwrap().success());
        assert_eq!(folder.json("run/report.json")["seed"], 3);
        assert!(!folder.path("run/run.lock").exists());
    }
    // What went with the first folder can be gone on with.
    folder.run("resume old --quiet").done();
    assert_eq!(folder.bytes("old/best.safetensors"), folder.bytes("alone/best.safetensors"));
}

#[test]
fn a_run_whose_folder_was_moved_leaves_the_one_in_its_place_alone() {
    two_runs(false);
    two_runs(true);
}
