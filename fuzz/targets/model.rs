//! A model file without a checksum, so that what comes after it is reached: it is refused, or it can describe itself and
//! predict.

use highmark::{CsvOptions, SavedModel, read_csv_from};

/// Rows to predict, for the columns of the seeds.
const ROWS: &str = "age,city,height\n31,Oslo,1.8\n,Rome,\n1e30,,-1\n";

pub(crate) fn run(data: &[u8]) {
    let folder = super::scratch("model");
    let path = folder.join("model.safetensors");
    let mut file = data.to_vec();
    // The key becomes one that nobody looks for.
    if let Some(at) = file.windows(8).position(|bytes| bytes == b"checksum") {
        file[at..at + 8].copy_from_slice(b"unsealed");
    }
    std::fs::write(&path, file).expect("a file can be written");
    let Ok(model) = SavedModel::load(&path) else { return };
    let mut model = model.threads(1);
    let table =
        read_csv_from("rows.csv".as_ref(), ROWS.as_bytes(), &CsvOptions::default()).expect("it is sound");
    if let Ok((predicted, drift)) = model.predict(&table) {
        drop((predicted.to_table(), drift.lines()));
    }
}
