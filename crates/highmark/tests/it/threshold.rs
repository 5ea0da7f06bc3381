//! Where a probability becomes a yes.

use std::path::Path;

use highmark::{
    CsvOptions, DataConfig, Learner, LearnerConfig, LossKind, Predicted, SavedModel, Split, Table,
    TabularConfig, TabularData, read_csv_from, write_csv_to,
};

/// Trained for an epoch under `threshold`: the rows, and what the learner and its file predict for them.
fn predictions(targets: &[&str], threshold: f32) -> (Predicted, Predicted) {
    let row = |i: usize| format!("{},{},{}\n", i * 7 % 11, i % 2, i / 2 % 2);
    let text: String = std::iter::once("x,tall,old\n".to_string()).chain((0..40).map(row)).collect();
    let table = read_csv_from(Path::new("t.csv"), text.as_bytes(), &CsvOptions::default()).unwrap();
    let config = DataConfig {
        targets: targets.iter().map(ToString::to_string).collect(),
        cont: Some(vec!["x".into()]),
        cat: Some(vec![]),
        valid: Split::Rows(0..8),
        ..DataConfig::default()
    };
    let data = TabularData::new(&table, &config).unwrap();
    let name = format!("{}-{threshold}", targets.len());
    let mut learn = Learner::tabular(&data, learner_config(&name, threshold)).unwrap();
    learn.quiet();
    learn.fit(1, None).unwrap();
    let own = learn.predict(&table).unwrap().0;
    let saved = SavedModel::load(&learn.save("model").unwrap()).unwrap().predict(&table).unwrap().0;
    (own, saved)
}

fn learner_config(name: &str, threshold: f32) -> LearnerConfig {
    LearnerConfig {
        model: TabularConfig { layers: vec![4], ..TabularConfig::default() },
        batch_size: 16,
        loss: Some(LossKind::BceWithLogits { pos_weight: None, threshold }),
        model_dir: Path::new(env!("CARGO_TARGET_TMPDIR")).join("threshold").join(name),
        ..LearnerConfig::default()
    }
}

fn column(table: &Table, name: &str) -> Vec<String> {
    let mut csv = Vec::new();
    write_csv_to(table, Path::new("predicted.csv"), &mut csv).unwrap();
    let text = String::from_utf8(csv).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(String::from).collect::<Vec<_>>());
    let place = lines.next().unwrap().iter().position(|column| column == name).unwrap();
    lines.map(|mut cells| cells.swap_remove(place)).collect()
}

#[test]
fn a_threshold_decides_in_the_learner_and_in_its_file() {
    for targets in [&["tall", "old"][..], &["tall"]] {
        let (plain, _) = predictions(targets, 0.5);
        let threshold = plain.values[plain.outputs * 3];
        let (own, saved) = predictions(targets, threshold);
        assert_eq!(own, saved, "the file has the threshold too");
        assert_eq!(own.values, plain.values, "the training has nothing to do with it");
        let name = if targets.len() == 1 { "prediction" } else { "prediction_tall" };
        let above = own.values.chunks(own.outputs).map(|row| i64::from(row[0] > threshold).to_string());
        assert_eq!(column(&own.to_table().unwrap(), name), above.collect::<Vec<_>>());
        assert_ne!(column(&own.to_table().unwrap(), name), column(&plain.to_table().unwrap(), name));
    }
}
