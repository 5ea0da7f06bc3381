//! Regressions whose target is far from 0 and 1.

use std::path::Path;

use highmark::{
    CsvOptions, DataConfig, Learner, LearnerConfig, OneCycle, R2Score, Split, Table, TabularData,
    read_csv_from,
};

use crate::small_learner::noise;

/// Two targets of very different size that both follow from the columns.
fn houses() -> Table {
    let (area, age) = (noise(1200, 1), noise(1200, 2));
    let row = |(area, age): (&f32, &f32)| {
        let price = 400_000.0 + 150_000.0 * area - 40_000.0 * age;
        format!("{area},{age},{price},{}\n", 0.003 * area + 0.001)
    };
    let header = std::iter::once("area,age,price,rooms\n".to_string());
    let text: String = header.chain(area.iter().zip(&age).map(row)).collect();
    read_csv_from(Path::new("houses.csv"), text.as_bytes(), &CsvOptions::default()).unwrap()
}

fn r2(targets: &[&str], scale_target: bool) -> f64 {
    let targets: Vec<_> = targets.iter().map(ToString::to_string).collect();
    let ignore =
        ["price", "rooms"].iter().filter(|name| !targets.contains(&(**name).into())).map(ToString::to_string);
    let config =
        DataConfig { ignore: ignore.collect(), targets, valid: Split::Rows(0..200), ..DataConfig::default() };
    let data = TabularData::new(&houses(), &config).unwrap();
    let metrics: Vec<Box<dyn highmark::Metric>> = vec![Box::new(R2Score::default())];
    let config = LearnerConfig { metrics, scale_target, ..LearnerConfig::default() };
    let mut learn = Learner::tabular(&data, config).unwrap();
    learn.quiet();
    learn.fit_one_cycle(8, &OneCycle { lr_max: Some(1e-2), ..OneCycle::default() }).unwrap();
    learn.history().this_epoch("r2").unwrap()
}

#[test]
fn a_price_is_learnt_when_the_target_is_scaled() {
    assert!(r2(&["price"], true) > 0.9);
    assert!(r2(&["price"], false) < 0.5, "without it the test shows nothing");
}

#[test]
fn targets_of_different_size_are_learnt_together() {
    // The mean over both targets: neither may be neglected.
    assert!(r2(&["price", "rooms"], true) > 0.9);
}

#[test]
fn a_constant_target_is_refused() {
    let text = "x,y\n".to_string() + &"1,7\n2,7\n".repeat(50);
    let table = read_csv_from(Path::new("c.csv"), text.as_bytes(), &CsvOptions::default()).unwrap();
    let data =
        TabularData::new(&table, &DataConfig { targets: vec!["y".into()], ..DataConfig::default() }).unwrap();
    let config = LearnerConfig { scale_target: true, ..LearnerConfig::default() };
    let error = Learner::tabular(&data, config).err().unwrap().to_string();
    assert!(error.contains("`y`") && error.contains("nothing to learn"), "{error}");
}
