//! Every metric against scikit-learn's numbers, over any cut into batches, and saved and resumed.

use super::metric;
use crate::{Activation, Predictions, Targets};

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    activation: Activation,
    outputs: usize,
    raw: Vec<f32>,
    classes: Option<Vec<u32>>,
    values: Option<Vec<f32>>,
    /// `null` where the metric is not defined.
    metrics: std::collections::BTreeMap<String, Option<f64>>,
}

impl Case {
    fn targets(&self, rows: std::ops::Range<usize>) -> Targets {
        match (&self.classes, &self.values) {
            (Some(classes), _) => Targets::Classes(classes[rows].to_vec()),
            (None, values) => {
                let values = values.as_ref().unwrap();
                let width = self.outputs;
                Targets::Values { values: values[rows.start * width..rows.end * width].to_vec(), width }
            }
        }
    }
}

#[test]
fn scikit_learn_agrees() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../tests/golden/metrics/metrics.json")).unwrap();
    assert!(cases.len() >= 8);
    for case in cases {
        let rows = case.raw.len() / case.outputs;
        for (name, wanted) in &case.metrics {
            for batch in [rows, 7, 1] {
                let mut one = metric(name).unwrap();
                assert!(one.value().is_nan(), "{name}");
                one.check(case.outputs, case.activation, &case.targets(0..rows)).unwrap();
                for start in (0..rows).step_by(batch) {
                    let end = rows.min(start + batch);
                    let raw = &case.raw[start * case.outputs..end * case.outputs];
                    let predictions = Predictions { raw, outputs: case.outputs, activation: case.activation };
                    one.update(&predictions, &case.targets(start..end)).unwrap();
                    let state = one.save_state().unwrap();
                    one = metric(name).unwrap();
                    one.load_state(&state).unwrap();
                }
                let value = one.value();
                match wanted {
                    Some(wanted) => assert!(
                        (value - wanted).abs() <= 1e-6 * wanted.abs().max(1.0),
                        "{}, {name} in batches of {batch}: {value} is not {wanted}",
                        case.name
                    ),
                    None => assert!(value.is_nan(), "{}, {name}: {value} is not NaN", case.name),
                }
                one.reset();
                assert!(one.value().is_nan(), "{name} after a reset");
            }
        }
    }
}
