//! A run's folder that is moved away under it, and another run in its place.

use std::process::{Child, Command};

use crate::folder::Folder;
use crate::resume::{LONG, start};
use crate::samples::{QUICK, people};

/// Stops it, and waits until it has: a signal comes a moment later.
fn stop(child: &Child) {
    signal(child, "STOP");
    let state = format!("/proc/{}/task", child.id());
    let stopped = |task: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" T"))
    };
    while std::fs::read_dir(&state).is_ok_and(|mut tasks| !tasks.all(stopped)) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

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
    stop(&first);
    std::fs::rename(folder.path("run"), folder.path("old")).unwrap();
    let mut second = None;
    if at_work {
        let train = format!("train people.csv {LONG} --seed 3 --out run");
        let child = start(&folder, &train, "run/best.safetensors");
        stop(&child);
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
    let changed = |then: &[(Vec<u8>, String)], now: &[(Vec<u8>, String)]| -> Vec<String> {
        now.iter().filter(|file| !then.contains(file)).map(|(_, name)| name.clone()).collect()
    };
    let after = files();
    assert_eq!((changed(&before, &after), changed(&after, &before)), (vec![], vec![]));
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
