use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;

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

/// As pyarrow writes decimals and floats of 16 bits.
#[test]
fn decimals_and_half_floats_are_numbers() {
    use ::parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType};
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    let schema = "message m {
        required fixed_len_byte_array(5) short (DECIMAL(10,2));
        required fixed_len_byte_array(25) long (DECIMAL(59,2));
        required binary any (DECIMAL(10,1));
        required fixed_len_byte_array(2) half (FLOAT16);
    }";
    let file = File::new("decimal");
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let out = std::fs::File::create(&file.0).unwrap();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let fixed = |values: &[i64], width: usize| -> Vec<FixedLenByteArray> {
        let bytes = |value: &i64| {
            let mut bytes = vec![if *value < 0 { 0xff } else { 0 }; width];
            bytes.extend(value.to_be_bytes());
            bytes.split_off(bytes.len() - width)
        };
        values.iter().map(|value| ByteArray::from(bytes(value)).into()).collect()
    };
    let halves = [0x3c00_u16, 0xc500, 0x0001].map(|bits| ByteArray::from(bits.to_le_bytes().to_vec()).into());
    for values in [fixed(&[1234, -1, 0], 5), fixed(&[1234, -256, 0], 25)] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<FixedLenByteArrayType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    let any = [vec![0x7f], vec![0xff, 0x38], vec![0, 200]].map(ByteArray::from);
    column.typed::<ByteArrayType>().write_batch(&any, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<FixedLenByteArrayType>().write_batch(&halves, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();

    let table = read_parquet(&file.0).unwrap();
    let column = |name: &str| table.column(name).unwrap().as_primitive::<Float64Type>().values().to_vec();
    assert_eq!(column("short"), [12.34, -0.01, 0.0]);
    assert_eq!(column("long"), [12.34, -2.56, 0.0]);
    assert_eq!(column("any"), [12.7, -20.0, 20.0]);
    assert_eq!(column("half"), [1.0, -5.0, 2_f64.powi(-24)]);
}

#[test]
fn dates_are_whole_numbers_and_told_of() {
    use ::parquet::data_type::{Int32Type, Int64Type, Int96, Int96Type};
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    let schema = "message m {
        required int32 day (DATE);
        required int64 when (TIMESTAMP(MICROS,true));
        required int64 millis (TIMESTAMP_MILLIS);
        required int96 old;
        required int64 count;
    }";
    let file = File::new("dates");
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let out = std::fs::File::create(&file.0).unwrap();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let rows = 40;
    let mut column = group.next_column().unwrap().unwrap();
    let days: Vec<i32> = (0..rows).map(|row| 18_000 + row * row).collect();
    column.typed::<Int32Type>().write_batch(&days, None, None).unwrap();
    column.close().unwrap();
    for unit in [86_400_000_000, 86_400_000] {
        let mut column = group.next_column().unwrap().unwrap();
        let times: Vec<i64> = days.iter().map(|day| i64::from(*day) * unit).collect();
        column.typed::<Int64Type>().write_batch(&times, None, None).unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    let mut old = Int96::new();
    old.set_data(0, 0, 2_440_588);
    column.typed::<Int96Type>().write_batch(&vec![old; rows as usize], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let counts: Vec<i64> = days.iter().map(|day| i64::from(*day) % 7919).collect();
    column.typed::<Int64Type>().write_batch(&counts, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();

    let table = read_parquet(&file.0).unwrap();
    assert_eq!(table.column("day").unwrap().as_primitive::<arrow_array::types::Int64Type>().value(1), 18_001);
    let told = table.warnings(&["count".into()]);
    for (name, line) in ["day", "when", "millis", "old"].iter().zip(&told) {
        let line = line.message.strip_prefix(&format!("column `{name}`: holds dates")).unwrap();
        assert!(line.contains("put the year, the month or what matters into columns of numbers"), "{line}");
    }
    // Whole numbers of the file's own are a target like others.
    assert_eq!(told.iter().filter(|line| line.kind == crate::WarningKind::Dates).count(), 4, "{told:?}");
}
