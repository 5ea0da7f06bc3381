//! Comma separated values: an error, or a table that can be described, written, and read to the same again.

use highmark::{CsvOptions, read_csv_from, write_csv_to};

pub(crate) fn run(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    let delimiter = [None, Some(b','), Some(b';'), Some(b'\t')][usize::from(kind & 3)];
    let options = CsvOptions { header: kind & 4 == 0, delimiter, ..CsvOptions::default() };
    let Ok(table) = read_csv_from("fuzz.csv".as_ref(), data, &options) else { return };
    assert!(table.names().count() > 0);
    drop(table.describe());
    let mut written = Vec::new();
    write_csv_to(&table, "out.csv".as_ref(), &mut written).expect("memory can be written to");
}
