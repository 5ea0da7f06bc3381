//! Model files that want to do harm, or have come to harm.

use std::path::{Path, PathBuf};

use highmark::{
    CsvOptions, DataConfig, Learner, LearnerConfig, SavedModel, Split, Table, TabularConfig, TabularData,
    read_csv_from,
};

fn table() -> Table {
    let row = |i: usize| {
        format!("{},{},{},{}\n", ["Oslo", "Bergen", "Rome"][i % 3], i % 17, i * 7 % 11, ["a", "b"][i % 2])
    };
    let text: String = std::iter::once("city,age,size,y\n".to_string()).chain((0..60).map(row)).collect();
    read_csv_from(Path::new("t.csv"), text.as_bytes(), &CsvOptions::default()).unwrap()
}

fn saved(name: &str) -> PathBuf {
    let config = DataConfig {
        targets: vec!["y".into()],
        valid: Split::Rows(0..12),
        max_card: 5,
        ..DataConfig::default()
    };
    let data = TabularData::new(&table(), &config).unwrap();
    let model = TabularConfig { layers: vec![8], ..TabularConfig::default() };
    let model_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("model-files").join(name);
    let config = LearnerConfig { model, batch_size: 16, model_dir, ..LearnerConfig::default() };
    let mut learn = Learner::tabular(&data, config).unwrap();
    learn.quiet();
    learn.fit(1, None).unwrap();
    learn.save("model").unwrap()
}

/// The file with `from` in its description replaced by `to`, which may be longer.
fn edited(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    let header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let text = String::from_utf8(file[8..8 + header].to_vec()).unwrap();
    let quoted = |text: &str| text.replace('"', "\\\"");
    assert!(text.contains(&quoted(from)), "{from} is not in {text}");
    let text = text.replacen(&quoted(from), &quoted(to), 1);
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), &file[8 + header..]].concat()
}

/// The file as an earlier version wrote it, without a checksum, which would be found wrong before anything else is.
fn unsealed(path: &Path) -> Vec<u8> {
    edited(&std::fs::read(path).unwrap(), r#""checksum":"#, r#""was":"#)
}

#[test]
fn an_altered_byte_is_found() {
    let path = saved("altered");
    let file = std::fs::read(&path).unwrap();
    let load = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        SavedModel::load(&path).map(drop)
    };
    for at in (0..file.len()).rev().step_by(31) {
        let mut altered = file.clone();
        altered[at] ^= 1;
        assert!(load(&altered).is_err(), "byte {at} of {}", file.len());
    }
    let mut altered = file.clone();
    *altered.last_mut().unwrap() ^= 1;
    let error = load(&altered).unwrap_err().to_string();
    for part in ["model.safetensors", "damaged", "take another copy", "the checkpoint of its run"] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    load(&file).unwrap();
    // As all files were once.
    let before = unsealed(&path);
    load(&before).unwrap();
}

#[test]
fn a_description_that_does_not_fit_is_refused() {
    let path = saved("edited");
    let file = unsealed(&path);
    let cases = [
        (r#""layers":[8]"#, r#""layers":[100000,100000]"#),
        (r#""layers":[8]"#, r#""layers":[18446744073709551615,18446744073709551615]"#),
        (r#""embedding_sizes":{}"#, r#""embedding_sizes":{"city":1099511627776}"#),
        (r#""embedding_sizes":{}"#, r#""embedding_sizes":{"city":4611686018427387904}"#),
        (r#""model":"TabularModel""#, r#""model":"Foo""#),
        (r#""cont_names":["age","size"]"#, r#""cont_names":["age","age"]"#),
        (r#""cont_names":["age","size"]"#, r#""cont_names":["age"]"#),
        (r#""classes":["a","b"]"#, r#""classes":[]"#),
        (r#""outputs":2"#, r#""outputs":3"#),
        (r#""format":1"#, r#""format":99"#),
    ];
    for (from, to) in cases {
        std::fs::write(&path, edited(&file, from, to)).unwrap();
        let error = SavedModel::load(&path).err().unwrap_or_else(|| panic!("{to} was taken")).to_string();
        assert!(error.contains("model.safetensors"), "{to}: {error}");
    }
    std::fs::write(&path, &file).unwrap();
    let mut model = SavedModel::load(&path).unwrap();
    assert_eq!(model.predict(&table()).unwrap().0.rows(), 60);
}

#[test]
fn a_cut_file_is_refused_at_every_length() {
    let path = saved("cut");
    let file = std::fs::read(&path).unwrap();
    for length in (0..file.len()).step_by(97).chain([7, 8, 9, file.len() - 1]) {
        std::fs::write(&path, &file[..length]).unwrap();
        assert!(SavedModel::load(&path).is_err(), "{length} of {} bytes were taken", file.len());
    }
}

#[test]
fn weights_that_are_not_numbers_are_refused() {
    let path = saved("nan");
    let mut file = unsealed(&path);
    let end = file.len();
    file[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    // The last tensor by name may be the optimizer's; every one in turn must not be taken for a good model.
    let header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let start = 8 + header;
    for at in (start..end - 4).step_by(4) {
        file[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    }
    std::fs::write(&path, &file).unwrap();
    let error = SavedModel::load(&path).unwrap_err().to_string();
    assert!(error.contains("not numbers"), "{error}");
}
