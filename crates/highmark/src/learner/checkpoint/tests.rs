//! Torn and altered checkpoints.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::learner::frame::Frame;
use crate::learner::history::History;
use crate::{Random, Stream, TabularConfig, TabularModel};

/// A frame whose numbers tell it from others.
pub(in crate::learner) fn frame(number: usize) -> Frame {
    let mut frame = Frame::default();
    let mut history = History::default();
    (0..number + 3).for_each(|i| history.add_step(i as f32, 0.1, 0.9));
    let weights: Vec<f32> = (0..33).map(|i| (i * number) as f32).collect();
    let model = TabularModel::new(&TabularConfig::default(), &[], 1, 1, 0).unwrap();
    let start = frame.copy(&model, &weights);
    frame.name("layers.0.0.weight".into(), vec![3, 11], start..start + 33);
    frame.add(&model, "optim.grad_avg".into(), &weights[1..20]);
    frame.share("callback.save_best.values".into(), weights.into());
    frame.add_doubles("metric.mae".into(), &[f64::NAN, 1.5]);
    frame.follow(&history, 0);
    let mut identity = Identity::default();
    identity.add("seed", &number).unwrap();
    frame.meta = Some(Meta {
        format: FORMAT,
        identity,
        position: Position {
            n_epoch: 10,
            epoch: number,
            pass: Some(Phase::Train),
            iter: 3,
            n_iter: 9,
            train_iter: 12,
            finished: false,
        },
        counters: Counters::default(),
        optimizer_steps: number as u64,
        hypers: Vec::new(),
        rows: vec![EpochRow { valid_loss: Some(f64::INFINITY), ..EpochRow::default() }],
        iters: vec![number],
        smooth: history.smooth,
        plans: Vec::new(),
        planner: None,
        non_finite: serde_json::Value::Null,
        cancels: Vec::new(),
        monitored: None,
        seconds: Seconds::default(),
        callbacks: BTreeMap::from([("save_best".into(), serde_json::json!({"wait": 3}))]),
        text: "seed = 42".into(),
    });
    frame
}

pub(in crate::learner) fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("highmark-{name}-{}", std::process::id()));
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn bytes(number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame(number).write(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_written_is_read_back() {
    let read = Checkpoint::parse(&bytes(4)).unwrap();
    assert_eq!(read.meta.position.epoch, 4);
    assert_eq!(read.meta.rows[0].valid_loss, Some(f64::INFINITY));
    assert_eq!(read.floats("layers.0.0.weight", 33).unwrap()[2], 8.0);
    assert_eq!(read.floats("callback.save_best.values", 33).unwrap()[32], 128.0);
    assert_eq!(read.floats("history.losses", 7).unwrap()[6], 6.0);
    assert!(read.doubles("metric.mae")[0].is_nan());
    assert!(read.floats("optim.grad_avg", 18).is_err());
}

#[test]
fn cut_at_every_length_it_is_refused_and_the_one_before_is_used() {
    let (good, folder) = (bytes(2), folder("torn"));
    fs::write(previous(&folder), bytes(1)).unwrap();
    for length in 0..good.len() {
        assert!(Checkpoint::parse(&good[..length]).is_err(), "{length} bytes");
        // Through the disk not each time: it is the same code.
        if length % 97 == 0 {
            fs::write(newest(&folder), &good[..length]).unwrap();
            let found = find(&folder).unwrap().unwrap();
            assert_eq!((found.checkpoint.meta.position.epoch, found.path), (1, previous(&folder)));
            let note = found.note.unwrap();
            assert!(note.contains("checkpoint.safetensors") && note.contains("the one before"), "{note}");
        }
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(Checkpoint::parse(&longer).is_err());
    fs::write(newest(&folder), good).unwrap();
    let found = find(&folder).unwrap().unwrap();
    assert_eq!((found.checkpoint.meta.position.epoch, found.note), (2, None));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn with_any_byte_altered_it_is_refused() {
    let good = bytes(2);
    let mut random = Random::new(1, Stream::User, 0);
    for place in 0..good.len() {
        let mut altered = good.clone();
        altered[place] ^= 1 << random.below(8);
        assert!(Checkpoint::parse(&altered).is_err(), "byte {place}");
        altered[place] = random.next_u32() as u8;
        assert!(altered == good || Checkpoint::parse(&altered).is_err(), "byte {place}");
    }
}

#[test]
fn what_is_no_checkpoint_is_refused_with_a_reason() {
    let refused = |file: &[u8]| Checkpoint::parse(file).unwrap_err();
    assert!(refused(b"").contains("not a checkpoint"));
    assert!(refused(b"PK\x03\x04 some archive").contains("not a checkpoint"));
    // A length that nobody has memory for.
    assert!(refused(&[u64::MAX.to_le_bytes(), [0; 8]].concat()).contains("not a checkpoint"));
    let foreign = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let foreign = [&(foreign.len() as u64).to_le_bytes()[..], foreign, &[0; 4]].concat();
    assert!(refused(&foreign).contains("not a checkpoint of highmark"));
    let mut other = frame(1);
    other.meta.as_mut().unwrap().format = 7;
    let mut file = Vec::new();
    other.write(&mut file).unwrap();
    assert!(refused(&file).contains("written in format 7, and this version reads 1"));
}

#[test]
fn a_folder_with_only_damaged_ones_is_an_error_and_an_empty_one_is_not() {
    let folder = folder("damaged");
    assert!(find(&folder).unwrap().is_none());
    assert!(find(&folder.join("missing")).unwrap().is_none());
    fs::write(newest(&folder), b"torn").unwrap();
    fs::write(previous(&folder), b"torn").unwrap();
    let error = find(&folder).err().unwrap().to_string();
    for part in ["checkpoint.safetensors: ", "checkpoint-previous.safetensors: ", "move it away"] {
        assert!(error.contains(part), "{error}");
    }
    // Between the two renames of a save there is only the one before.
    fs::write(previous(&folder), bytes(3)).unwrap();
    fs::remove_file(newest(&folder)).unwrap();
    let found = find(&folder).unwrap().unwrap();
    assert_eq!((found.checkpoint.meta.position.epoch, found.note), (3, None));
    fs::remove_dir_all(folder).unwrap();
}
