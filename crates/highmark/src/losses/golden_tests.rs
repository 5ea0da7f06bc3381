//! Every loss against torch's numbers: the mean, its gradient and every row.

use super::LossKind;
use crate::Targets;

#[derive(serde::Deserialize)]
struct Case {
    loss: LossKind,
    outputs: usize,
    raw: Vec<f32>,
    classes: Option<Vec<u32>>,
    values: Option<Vec<f32>>,
    value: f32,
    grad: Vec<f32>,
    per_row: Vec<f32>,
}

fn near(case: &Case, what: &str, own: &[f32], wanted: &[f32]) {
    assert_eq!(own.len(), wanted.len());
    for (a, b) in own.iter().zip(wanted) {
        assert!((a - b).abs() <= 2e-6 * b.abs().max(0.1), "{:?}, {what}: {a} is not {b}", case.loss);
    }
}

#[test]
fn torch_agrees() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../tests/golden/losses/losses.json")).unwrap();
    assert!(cases.len() >= 16);
    for case in &cases {
        let targets = match (&case.classes, &case.values) {
            (Some(classes), _) => Targets::Classes(classes.clone()),
            (None, values) => Targets::Values { values: values.clone().unwrap(), width: case.outputs },
        };
        let loss = case.loss.build();
        loss.check(case.outputs, &targets).unwrap();
        let mut grad = vec![f32::NAN; case.raw.len()];
        let value = loss.evaluate(&case.raw, case.outputs, &targets, Some(&mut grad)).unwrap();
        near(case, "mean", &[value], &[case.value]);
        near(case, "gradient", &grad, &case.grad);
        let mut rows = vec![7.0; 3];
        loss.per_row(&case.raw, case.outputs, &targets, &mut rows).unwrap();
        near(case, "rows", &rows, &case.per_row);
    }
}
