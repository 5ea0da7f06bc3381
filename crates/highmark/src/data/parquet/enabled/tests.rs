use std::path::PathBuf;

use super::super::super::{CsvOptions, Table, read_csv_from};
use super::*;

struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("highmark-{}-{name}.parquet", std::process::id())))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_table_comes_back_as_it_was() {
    let text = "i,f,b,t,empty\n1,2.5,True, a,\n-7,,False,,\n9223372036854775807,-0.25,True,é,\n";
    let table = read_csv_from("x.csv".as_ref(), text.as_bytes(), &CsvOptions::default()).unwrap();
    let file = File::new("round");
    write_parquet(&table, &file.0).unwrap();
    let again = Table::read(&file.0).unwrap();
    for ((name, before), (other, after)) in table.columns().iter().zip(again.columns()) {
        assert_eq!(name, other);
        assert_eq!(before, after, "{name}");
    }
}

#[test]
fn many_rows_pass_through_several_chunks() {
    let text: String = (0..150_000)
        .map(|row| if row % 3 == 0 { ",x\n".into() } else { format!("{row}.5,y{}\n", row % 7) })
        .collect();
    let table =
        read_csv_from("x.csv".as_ref(), format!("a,b\n{text}").as_bytes(), &CsvOptions::default()).unwrap();
    let file = File::new("many");
    write_parquet(&table, &file.0).unwrap();
    assert_eq!(read_parquet(&file.0).unwrap().columns(), table.columns());
}

#[test]
fn files_that_are_none() {
    let file = File::new("none");
    std::fs::write(&file.0, "age,city\n").unwrap();
    let error = read_parquet(&file.0).unwrap_err().to_string();
    assert!(error.contains("is no readable Parquet file"), "{error}");
    std::fs::write(&file.0, "").unwrap();
    assert!(read_parquet(&file.0).unwrap_err().to_string().contains("the file is empty"));
}
