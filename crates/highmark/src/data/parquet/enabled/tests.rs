use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;

use super::super::super::{CsvOptions, DataConfig, Table, TabularData, read_csv_from};
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

/// As pyarrow writes a list, a struct and a uuid.
#[test]
fn what_is_not_used_may_be_of_any_type() {
    use ::parquet::data_type::{
        ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
    };
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    let schema = "message m {
        required int64 a;
        required group place { required int64 x; required int64 y; }
        required group tags (LIST) { repeated group list { required binary element (UTF8); } }
        required fixed_len_byte_array(16) key;
        required int64 y;
    }";
    let file = File::new("nested");
    let out = std::fs::File::create(&file.0).unwrap();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(out, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let numbers: Vec<i64> = (0..40).map(|row| row * 7 % 40).collect();
    for _ in 0..3 {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&numbers, None, None).unwrap();
        column.close().unwrap();
    }
    // Two in a list.
    let mut column = group.next_column().unwrap().unwrap();
    let repetition: Vec<i16> = (0..80).map(|value| value % 2).collect();
    let texts = vec![ByteArray::from("x"); 80];
    column.typed::<ByteArrayType>().write_batch(&texts, Some(&[1; 80]), Some(&repetition)).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let keys: Vec<FixedLenByteArray> = vec![ByteArray::from(vec![7; 16]).into(); 40];
    column.typed::<FixedLenByteArrayType>().write_batch(&keys, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&numbers, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();

    let table = read_parquet(&file.0).unwrap();
    assert_eq!(
        (table.names().collect::<Vec<_>>(), table.rows()),
        (vec!["a", "place", "tags", "key", "y"], 40)
    );
    let dtypes: Vec<String> = table.describe().into_iter().map(|column| column.dtype).collect();
    assert_eq!(dtypes[1..4], ["nested", "nested", "FixedSizeBinary(16)"]);
    let mut config = DataConfig { targets: vec!["y".into()], ..DataConfig::default() };
    let refused: Vec<String> = table.refusals_with(&config).iter().map(ToString::to_string).collect();
    assert_eq!(refused[0], "column `place`: is nested, which is not supported; flatten it, or leave it out");
    assert!(TabularData::new(&table, &config).is_err());
    config.ignore = ["place", "tags", "key"].map(String::from).to_vec();
    assert_eq!(table.refusals_with(&config).len(), 0);
    assert_eq!(TabularData::new(&table, &config).unwrap().pipeline.cont_names(), ["a"]);
}
