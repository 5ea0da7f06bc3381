//! Where a probability becomes a yes.

use std::path::Path;

use highmark::{
    Activation, BceWithLogits, CsvOptions, DataConfig, Learner, LearnerConfig, Loss, LossKind, Predicted,
    Result, SavedModel, Split, Table, TabularConfig, TabularData, Targets, read_csv_from, write_csv_to,
};

fn data(targets: &[&str]) -> (Table, TabularData) {
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
    (table, data)
}

/// Trained for an epoch under `threshold`: what the learner and its file predict for the rows.
fn predictions(targets: &[&str], threshold: f32) -> (Predicted, Predicted) {
    let (table, data) = data(targets);
    let name = format!("{}-{threshold}", targets.len());
    let mut learn = Learner::tabular(&data, learner_config(&name, threshold)).unwrap();
    learn.quiet();
    learn.fit(1, None).unwrap();
    let own = learn.predict(&table).unwrap().0;
    let saved = SavedModel::load(learn.save("model").unwrap()).unwrap().predict(&table).unwrap().0;
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

/// Labels by a loss of one's own, which is in no file.
struct Strict;

impl Loss for Strict {
    fn name(&self) -> &'static str {
        "strict"
    }

    fn activation(&self) -> Activation {
        Activation::Sigmoid
    }

    fn threshold(&self) -> f32 {
        0.9
    }

    fn evaluate(
        &self,
        raw: &[f32],
        outputs: usize,
        targets: &Targets,
        grad: Option<&mut [f32]>,
    ) -> Result<f32> {
        BceWithLogits::default().evaluate(raw, outputs, targets, grad)
    }

    fn check(&self, outputs: usize, targets: &Targets) -> Result<()> {
        BceWithLogits::default().check(outputs, targets)
    }

    fn per_row(&self, raw: &[f32], outputs: usize, targets: &Targets, out: &mut Vec<f32>) -> Result<()> {
        BceWithLogits::default().per_row(raw, outputs, targets, out)
    }
}

#[test]
fn the_threshold_of_a_loss_of_ones_own_is_in_the_file() {
    let (table, data) = data(&["tall", "old"]);
    let mut learn =
        Learner::tabular_with_loss(&data, Box::new(Strict), learner_config("strict", 0.5)).unwrap();
    learn.quiet();
    let own = learn.predict(&table).unwrap().0;
    let saved = SavedModel::load(learn.save("model").unwrap()).unwrap().predict(&table).unwrap().0;
    assert_eq!((own.threshold, &own), (0.9, &saved));
}
