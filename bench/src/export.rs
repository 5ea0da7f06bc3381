//! The data for the others, so that all train on the same rows in the same encoding.

use std::fs;
use std::path::Path;

use highmark::{Dataset, NamedData, Targets};
use highmark_bench::{Shape, adult, with_ids};
use serde_json::json;

use crate::Failure;

/// How often the Adult rows stand in `adult-x10.csv`, for reading a file that takes a while.
const TIMES: usize = 10;

/// Writes `adult.csv`, `adult-test.csv` and `adult-x10.csv`, the Adult data [encoded](encoded), and in `ids` the table with
/// identifiers.
pub(crate) fn all(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    let csv = NamedData::Adult.csv_bytes()?;
    fs::write(folder.join("adult.csv"), &csv)?;
    fs::write(folder.join("adult-test.csv"), NamedData::AdultTest.csv_bytes()?)?;
    let header = csv.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut long = csv[..header].to_vec();
    (0..TIMES).for_each(|_| long.extend_from_slice(&csv[header..]));
    fs::write(folder.join("adult-x10.csv"), long)?;

    let data = adult()?;
    let (test, _) = data.pipeline.apply_labelled(&NamedData::AdultTest.table()?)?;
    encoded(folder, [&data.train, &test], &Shape::LEVELS, Shape::NUMBERS)?;
    let [train, test] = with_ids()?;
    encoded(&folder.join("ids"), [&train, &test], &Shape::ID_LEVELS, Shape::ID_NUMBERS)
}

/// Writes `train-` and `test-` `cat.i32`, `cont.f32` and `y.i32`, row by row in the machine's byte order, and their shapes in
/// `shapes.json`.
fn encoded(
    folder: &Path,
    [train, test]: [&Dataset; 2],
    levels: &[usize],
    numbers: usize,
) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    write(folder, "train", train)?;
    write(folder, "test", test)?;
    let sizes: Vec<_> = levels.iter().map(|levels| highmark::embedding_size(*levels)).collect();
    let shapes = json!({
        "rows": train.rows(),
        "test_rows": test.rows(),
        "levels": levels,
        "embedding_sizes": sizes,
        "numbers": numbers,
    });
    Ok(fs::write(folder.join("shapes.json"), format!("{shapes:#}\n"))?)
}

fn write(folder: &Path, name: &str, data: &Dataset) -> Result<(), Failure> {
    let Some(Targets::Classes(classes)) = data.targets() else {
        return Err("the data has classes".into());
    };
    let codes: Vec<u8> = data.x_cat().iter().flat_map(|code| code.to_ne_bytes()).collect();
    let numbers: Vec<u8> = data.x_cont().iter().flat_map(|number| number.to_ne_bytes()).collect();
    let classes: Vec<u8> = classes.iter().flat_map(|class| class.to_ne_bytes()).collect();
    fs::write(folder.join(format!("{name}-cat.i32")), codes)?;
    fs::write(folder.join(format!("{name}-cont.f32")), numbers)?;
    Ok(fs::write(folder.join(format!("{name}-y.i32")), classes)?)
}
