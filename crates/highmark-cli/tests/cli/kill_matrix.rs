//! A run that is killed at random moments and resumed until it is done leaves what the run left alone leaves.
//!
//! `HIGHMARK_KILLS` is how often (20), `HIGHMARK_KILL_SEED` decides when (1); `cargo xtask kill-matrix` kills 200 times.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::folder::Folder;
use crate::samples::people;

/// A small generator of its own: what is drawn must not change with the library's.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// What must not depend on how often a run was left.
#[derive(Debug, PartialEq)]
struct Left {
    model: Vec<u8>,
    history: Vec<String>,
    events: Vec<Value>,
    decisions: Vec<Value>,
    files: Vec<String>,
}

fn left(folder: &Folder, run: &str) -> Left {
    let events = folder.read(&format!("{run}/events.jsonl"));
    let events = events.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        event.as_object_mut().unwrap().remove("seconds");
        event
    });
    let history = folder.read(&format!("{run}/history.csv"));
    let history = history.lines().map(|line| line.rsplit_once(',').unwrap().0.to_string());
    let report = folder.json(&format!("{run}/report.json"));
    let keys = [
        "stop_reason",
        "stop_detail",
        "epochs_planned",
        "epochs_run",
        "best_epoch",
        "best_value",
        "last_value",
        "final_metrics",
        "kept_best",
    ];
    Left {
        model: folder.bytes(&format!("{run}/best.safetensors")),
        history: history.collect(),
        events: events.collect(),
        decisions: keys.iter().map(|key| report[key].clone()).collect(),
        files: folder.list(run),
    }
}

fn start(folder: &Folder, arguments: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highmark"));
    command.args(arguments.split_whitespace()).current_dir(folder.path(""));
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the process, at most this long; `None` when it was killed.
fn done_within(child: &mut Child, time: Duration) -> Option<bool> {
    let begin = Instant::now();
    while begin.elapsed() < time {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.success());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    // It may have ended by itself in the meantime.
    status.code().map(|code| code == 0)
}

#[test]
fn killed_at_any_moment_and_resumed_it_is_the_run_left_alone() {
    let (kills, seed) = (number("HIGHMARK_KILLS", 20), number("HIGHMARK_KILL_SEED", 1));
    let folder = Folder::with("kill-matrix", "people.csv", &people(3000));
    let mut random = Random(seed);
    let (mut killed, mut case) = (0, 0);
    while killed < kills {
        // Every batch is saved in one case, so that most kills come while a checkpoint is written.
        let every = [
            "--checkpoint-steps 1",
            "--checkpoint-steps 20",
            "",
            "--checkpoint-epochs 0 --checkpoint-steps 7",
        ];
        let options = format!(
            "--target answer --ignore grade,price --layers 32,16 --dropout 0.1 --bs 32 --epochs 8 --lr 0.01 \
             --patience 4 --metrics accuracy,roc_auc --quiet --seed {case} {}",
            every[case % every.len()]
        );
        let (whole, cut) = (format!("whole-{case}"), format!("cut-{case}"));
        let begin = Instant::now();
        folder.run(&format!("train people.csv {options} --out {whole}")).done();
        let alone = begin.elapsed();
        let mut pieces = Vec::new();
        loop {
            // The same command again, or the one for it.
            let arguments = if random.uniform() < 0.5
                && !pieces.is_empty()
                && folder.path(&format!("{cut}/config.toml")).exists()
                && folder.path(&format!("{cut}/events.jsonl")).exists()
            {
                format!("resume {cut} --quiet")
            } else {
                format!("train people.csv {options} --out {cut} --resume auto")
            };
            let after = alone.mul_f64(random.uniform() * 0.8);
            let mut child = start(&folder, &arguments);
            // Not killed any more once there were enough: the last run has to end.
            let limit = if killed < kills { after } else { Duration::from_secs(600) };
            let done = done_within(&mut child, limit);
            pieces.push((arguments, after));
            match done {
                None => killed += 1,
                Some(true) => break,
                Some(false) => {
                    let output = child.wait_with_output().unwrap();
                    panic!("case {case}, {pieces:?}: {}", String::from_utf8_lossy(&output.stderr));
                }
            }
        }
        let (found, expected) = (left(&folder, &cut), left(&folder, &whole));
        assert!(found == expected, "case {case}, killed so: {pieces:#?}\n{found:?}\n{expected:?}");
        case += 1;
    }
}
