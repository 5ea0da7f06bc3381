use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::*;
use crate::seed::{Random, Stream};

fn read_with(text: &str, options: &CsvOptions) -> Result<Table> {
    read_csv_from(Path::new("x.csv"), text.as_bytes(), options)
}

fn read(text: &str) -> Table {
    read_with(text, &CsvOptions::default()).unwrap()
}

fn failure(text: &[u8]) -> String {
    read_csv_from(Path::new("x.csv"), text, &CsvOptions::default()).unwrap_err().to_string()
}

fn only_column(values: &[&str]) -> ArrayRef {
    read(&format!("c,d\n{},0\n", values.join(",0\n"))).columns()[0].1.clone()
}

fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    let array = array.as_dictionary::<Int32Type>();
    let values = array.downcast_dict::<arrow_array::StringArray>().unwrap();
    values.into_iter().map(|text| text.map(String::from)).collect()
}

#[test]
fn integers_that_lack_values_are_known() {
    let text = "a,b,c,d,e,f\n1,,1.0,,1,x\n,2,,,2,\n3,4,3,,3,y\n";
    for pieces in 1..4 {
        let table = parse_in_pieces(Path::new("x.csv"), text.into(), &CsvOptions::default(), pieces).unwrap();
        let known: Vec<&str> = table.names().filter(|name| table.origin().has_gaps(name)).collect();
        assert_eq!(known, ["a", "b"], "{pieces}");
    }
}

#[test]
fn types_follow_from_all_values() {
    for (values, expected) in [
        (vec!["1", "-2"], "Int64"),
        (vec![" 1 ", "2"], "Int64"),
        (vec!["1", "", "2"], "Float64"),
        (vec!["", "1"], "Float64"),
        (vec!["1", "2.5"], "Float64"),
        (vec!["1", "9223372036854775808"], "Float64"),
        (vec!["1", "inf"], "Float64"),
        (vec!["", "NA"], "Float64"),
        (vec!["True", "false", "TRUE"], "Boolean"),
        (vec!["True", ""], "Text"),
        (vec!["", "True"], "Text"),
        (vec!["True", "1"], "Text"),
        (vec!["1", "True"], "Text"),
        (vec!["1", "x"], "Text"),
        (vec!["1", "1_000"], "Text"),
    ] {
        let found = match only_column(&values).data_type() {
            DataType::Int64 => "Int64",
            DataType::Float64 => "Float64",
            DataType::Boolean => "Boolean",
            DataType::Dictionary(key, value) if **key == DataType::Int32 && **value == DataType::Utf8 => {
                "Text"
            }
            _ => "other",
        };
        assert_eq!(found, expected, "{values:?}");
    }
}

#[test]
fn text_that_began_as_numbers_keeps_its_spelling() {
    assert_eq!(
        texts(&only_column(&["007", "", "1.50", "7", "x", "007"])),
        [Some("007"), None, Some("1.50"), Some("7"), Some("x"), Some("007")].map(|t| t.map(String::from))
    );
    assert_eq!(texts(&only_column(&["TRUE", "", "true"])), [Some("TRUE".into()), None, Some("true".into())]);
    assert_eq!(texts(&only_column(&["", "x"])), [None, Some("x".into())]);
}

#[test]
fn dictionaries_are_sorted_and_blanks_kept() {
    let array = only_column(&["b", " a", "a", "é", "Z", "b"]);
    let dictionary = array.as_dictionary::<Int32Type>();
    let values: Vec<_> = dictionary.values().as_string::<i32>().iter().flatten().collect();
    assert_eq!(values, [" a", "Z", "a", "b", "é"]);
    assert_eq!(dictionary.keys().values(), &[3, 0, 2, 4, 1, 3]);
}

#[test]
fn all_spellings_of_missing() {
    for spelling in CsvOptions::default().missing {
        let table = read(&format!("c,d\n1.5,a\n{spelling},{spelling}\n\"{spelling}\",b\n"));
        assert_eq!(table.columns()[0].1.as_primitive::<Float64Type>().null_count(), 2, "{spelling}");
        assert_eq!(table.columns()[1].1.null_count(), 1, "{spelling}");
    }
    assert_eq!(read("c,d\n1,NAN\n2,1\n").columns()[1].1.null_count(), 1);
    // Like pandas, other words and other capitals are text.
    assert_eq!(read("c\nna\nx\n").columns()[0].1.null_count(), 0);
    let options = CsvOptions { missing: vec!["?".into()], ..CsvOptions::default() };
    assert_eq!(read_with("c\n?\n1\n", &options).unwrap().columns()[0].1.null_count(), 1);
}

#[test]
fn quotes_hold_delimiters_lines_and_quotes() {
    let table = read("a,b\n\"x, y\",1\n\"two\nlines\",2\n\"a \"\"word\"\"\",3\n");
    assert_eq!(
        texts(&table.columns()[0].1),
        ["x, y", "two\nlines", "a \"word\""].map(|t| Some(t.to_owned()))
    );
    assert_eq!(table.columns()[1].1.as_primitive::<Int64Type>().values(), &[1, 2, 3]);
}

#[test]
fn ragged_rows_name_the_line() {
    assert_eq!(failure(b"a,b\n1,2\n3\n"), "x.csv, line 3: has 1 value, expected 2 values");
    let error = failure(b"a,b\n\"1\n2\",2\n\n\n3,4,5\n");
    assert!(error.starts_with("x.csv, line 6: has 3 values, expected 2 values"), "{error}");
    let error = failure(b"a,b\r\n1,2\r\n\"3,4\r\n5,6\"\r\n");
    assert!(error.starts_with("x.csv, line 3: has 1 value, expected 2 values; a quote"), "{error}");
    let error = failure(b"a,b\n1,2,\n");
    assert!(
        error.ends_with("expected 2 values; it ends with a delimiter that the header does not have"),
        "{error}"
    );
    for (text, hint) in [
        ("a;b\n1,5;2\n", "try the delimiter ';'"),
        ("a\tb\n1,5\t2\n", "try the delimiter tab"),
        ("a|b\n1,5|2\n", "try the delimiter '|'"),
    ] {
        let error = failure(text.as_bytes());
        assert!(error.starts_with("x.csv, line 2") && error.ends_with(hint), "{error}");
    }
}

#[test]
fn a_quote_that_is_never_closed_is_no_value() {
    for (text, line) in [
        ("a,b\n1,2\n3,\"x\n5,6\n", 3),
        ("a,b\r\n1,2\r\n\"3,4\r\n5,6\r\n", 3),
        ("a,b\n\n\n1,\"x\"\"\n5,6\n", 4),
        ("a,b\n\"1\n\",\"x", 3),
        ("a,\"b\n1,2\n", 1),
        ("a\n1\n\"", 3),
    ] {
        let expected = format!("x.csv, line {line}: a quote opened in line {line} is never closed");
        assert_eq!(failure(text.as_bytes()), expected, "{text:?}");
    }
    let options = CsvOptions { header: false, comment: Some(b'#'), ..CsvOptions::default() };
    assert!(read_with("#\"\n1,\"x", &options).is_err());
    for fine in ["a,b\n1,\"x\"", "a,b\n1,\"\"\"\"", "a,b\n1,5\"\n", "a,b\n1,\"x\"y\"\n", "a,b\n1,\"\"\n\n"] {
        assert_eq!(read(fine).rows(), 1, "{fine:?}");
    }
    assert_eq!(read_with("1,2\n#\"\n", &options).unwrap().rows(), 1);
}

#[test]
fn files_that_are_something_else() {
    assert_eq!(failure(b""), "x.csv: the file is empty");
    assert_eq!(failure(b"\xEF\xBB\xBF\n\n"), "x.csv: the file is empty");
    assert!(failure(b"a,b\n").contains("no rows"));
    assert_eq!(
        failure(b"a\n1\n\xE9t\xE9\n"),
        "x.csv, line 3: not UTF-8; convert the file to UTF-8, such as with iconv -f latin1 -t utf-8"
    );
    assert!(failure(b"\xFF\xFEa\0").contains("UTF-16 (little endian)"));
    assert!(failure(b"\x1F\x8B\x08").contains("gzip"));
    let error = failure(b"a,b,a\n1,2,3\n");
    assert!(error.contains("columns 1 and 3 are both named `a`"), "{error}");
}

#[test]
fn byte_order_mark_and_unnamed_columns() {
    let table = read("\u{feff},b\n1,2\n");
    assert_eq!(table.names().collect::<Vec<_>>(), ["Unnamed: 0", "b"]);
}

#[test]
fn dialects() {
    let tabs = read_csv_from(Path::new("x.tsv"), "a\tb\n1\t2\n".as_bytes(), &CsvOptions::default()).unwrap();
    assert_eq!(tabs.names().collect::<Vec<_>>(), ["a", "b"]);
    let options = CsvOptions {
        header: false,
        trim: true,
        comment: Some(b'|'),
        column_names: Some(vec!["a".into(), "b".into()]),
        ..CsvOptions::default()
    };
    let table = read_with("|note\n1, \"x, y\"\n 2,  z \n", &options).unwrap();
    assert_eq!(table.columns()[0].1.as_primitive::<Int64Type>().values(), &[1, 2]);
    assert_eq!(texts(&table.columns()[1].1), [Some("x, y".into()), Some("z ".into())]);
    let options = CsvOptions { header: false, ..CsvOptions::default() };
    assert_eq!(read_with("1,2\n", &options).unwrap().names().collect::<Vec<_>>(), ["column_1", "column_2"]);
    let options = CsvOptions { column_names: Some(vec!["a".into()]), ..CsvOptions::default() };
    assert!(read_with("x,y\n1,2\n", &options).is_err());
    for decimal in [b',', b'"'] {
        let options = CsvOptions { decimal, ..CsvOptions::default() };
        let error = read_with("x,y\n1,2\n", &options).unwrap_err().to_string();
        assert!(error.contains("so that numbers fall apart"), "{error}");
    }
}

#[test]
fn written_and_read_again() {
    let text = "i,f,b,t\n1,2.0,True,\" a, \"\"b\"\"\"\n2,,False,\n";
    let path = std::env::temp_dir().join(format!("highmark-csv-{}.csv", std::process::id()));
    write_csv(&read(text), &path).unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(written, text);
}

#[test]
fn a_missing_file_is_named() {
    let error = read_csv("no/such.csv", &CsvOptions::default()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read no/such.csv"), "{error}");
}

/// Texts of up to 80 pieces that mean something to the parser.
fn random_texts(count: u64) -> impl Iterator<Item = String> {
    let parts = [
        ",", ",", ",", "\n", "\n", "\r\n", "\r", "\"", "\"", "\"\"", "#", "a", "bc", "é", " ", "1", "-0",
        "2.5",
    ];
    (0..count).map(move |number| {
        let mut random = Random::new(number, Stream::Split, 0);
        let length = random.next_u32() % 80;
        (0..length).map(|_| parts[random.next_u32() as usize % parts.len()]).collect()
    })
}

#[test]
fn records_are_those_of_the_csv_crate() {
    let long =
        format!("{},\"{}\"\"{}\"x,\n{}", "a".repeat(63), "b".repeat(64), "c\n".repeat(70), "d".repeat(200));
    for text in random_texts(5000).chain([long]) {
        for comment in [None, Some(b'#')] {
            let options = CsvOptions { comment, ..CsvOptions::default() };
            // The crate takes a comment without a line end for a record.
            let text = if comment.is_some() { format!("{text}\n") } else { text.clone() };
            let Ok(source) = Source::new(Path::new("x.csv"), text.clone().into(), &options) else { continue };
            let mut theirs = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .comment(comment)
                .from_reader(text.as_bytes());
            let mut ours = source.records(0);
            for expected in theirs.byte_records() {
                assert!(ours.find(usize::MAX), "{text:?}");
                let expected: Vec<Vec<u8>> = expected.unwrap().iter().map(<[u8]>::to_vec).collect();
                assert_eq!(record(&mut ours), expected, "{text:?}");
            }
            assert!(!ours.find(usize::MAX), "{text:?}");
        }
    }
}

/// Everything about a table, or the error.
fn outcome(text: &str, options: &CsvOptions, pieces: usize) -> String {
    match parse_in_pieces(Path::new("x.csv"), text.into(), options, pieces) {
        Ok(table) => format!("{table:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn any_number_of_pieces_gives_the_same() {
    let values = ["1", "-0", "007", "2.5", "", "NA", "True", "x", "\"y\nz\"", "\"a,\"\"b\""];
    // Mostly whole tables, of columns that become of another type on their way, at times with a wrong line.
    let tables = (0..500).map(|number| {
        let mut random = Random::new(number, Stream::Split, 1);
        let mut below = |n: usize| random.next_u32() as usize % n;
        let (some, rows) = (1 + below(values.len()), below(40));
        let mut text = String::from("a,b\n");
        for _ in 0..rows {
            let end = if below(200) == 0 { ",\"\n" } else { "\n" };
            text.extend([values[below(some)], ",", values[below(values.len())], end]);
        }
        text
    });
    let mut good = 0;
    for text in tables.chain(random_texts(500)) {
        for header in [true, false] {
            let options = CsvOptions { header, comment: Some(b'#'), ..CsvOptions::default() };
            let whole = outcome(&text, &options, 1);
            good += usize::from(whole.starts_with("Table"));
            for pieces in [2, 3, 5, 16] {
                assert_eq!(outcome(&text, &options, pieces), whole, "{pieces} pieces of {text:?}");
            }
        }
    }
    assert!(good > 700, "{good} of the texts are tables");
}

#[test]
fn any_number_of_pieces_gives_the_same_of_many_rows() {
    // Short rows first, and columns that become of another type behind those that the length of a piece is told from.
    let row = |row: u32| match row {
        0..6000 => format!("{row},{}.5,0{},x{},\n", row % 9, row % 3, row % 700),
        6000..6010 => format!("{row},,NA,,{}\n", "long ".repeat(row as usize)),
        _ => format!("{row},0.{row},7a,\"a\n{}\",late\n", row % 5),
    };
    let text: String = std::iter::once("a,b,c,d,e\n".into()).chain((0..9000).map(row)).collect();
    let read = |pieces| {
        parse_in_pieces(Path::new("x.csv"), text.clone().into(), &CsvOptions::default(), pieces).unwrap()
    };
    let whole = read(1);
    for pieces in [2, 3, 5] {
        assert!(read(pieces).columns() == whole.columns(), "{pieces} pieces");
    }
    let third = texts(whole.column("c").unwrap());
    let expected = |row| match row {
        0..6000 => Some(format!("0{}", row % 3)),
        6000..6010 => None,
        _ => Some("7a".into()),
    };
    assert!(third.into_iter().eq((0..9000).map(expected)));
}

/// A file that is gone with it.
struct Written(std::path::PathBuf);

impl Written {
    fn new(name: &str, text: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("highmark-{}-{name}.csv", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn windows_of_a_file_give_what_the_whole_does() {
    let values = ["1", "-0", "007", "2.5", "", "NA", "True", "x", "ü", "\"y\nz\"", "\"a,\"\"b\"", "5\" pipe"];
    let tables = (0..300).map(|number| {
        let mut random = Random::new(number, Stream::Split, 2);
        let mut below = |n: usize| random.next_u32() as usize % n;
        let (some, rows) = (1 + below(values.len()), below(60));
        let mut text = String::from(["a,b\n", "\u{feff}a,b\r\n", "\"a\nb\",c\n"][below(3)]);
        for _ in 0..rows {
            let end = ["\n", "\r\n", "\n\n", ",\"\n"][below(204).saturating_sub(200)];
            text.extend([values[below(some)], ",", values[below(values.len())], end]);
        }
        text + ["", "\n \n"][usize::from(below(9) == 0)]
    });
    let (mut read, mut good) = (0, 0);
    for text in tables.chain(random_texts(300)) {
        let file = Written::new("windows", text.as_bytes());
        for (header, window) in [(true, 8), (true, 64), (false, 23), (false, 150)] {
            let options = CsvOptions { header, comment: Some(b'#'), ..CsvOptions::default() };
            let whole = parse_in_pieces(&file.0, text.clone().into(), &options, 1);
            good += usize::from(whole.is_ok() && text.len() > window);
            for pieces in [1, 2, 5] {
                if let Some(table) = read_in_windows(&file.0, &options, window, |_| pieces) {
                    let whole = whole.as_ref().unwrap_or_else(|error| panic!("{error}: {text:?}"));
                    assert!(table.columns() == whole.columns(), "{window} {pieces} {text:?}");
                    let origins = [&table, whole].map(|table| format!("{:?}", table.origin()));
                    assert_eq!(origins[0], origins[1], "{window} {pieces} {text:?}");
                    read += 1;
                }
            }
        }
    }
    // The others have the end of a window in quotes.
    assert!(good > 500 && read > 2 * good, "{read} readings of {good} tables");
}

#[test]
fn what_windows_do_not_tell_is_read_whole() {
    let rows = "1,x\n".repeat(50);
    let whole = |text: &[u8], options: &CsvOptions| {
        let file = Written::new("whole", text);
        assert!(read_in_windows(&file.0, options, 64, |_| 2).is_none());
        read_csv(&file.0, options).map_err(|error| error.to_string())
    };
    let error = whole(&[b"a,b\n", rows.as_bytes(), b"2,\xff\n"].concat(), &CsvOptions::default());
    assert!(error.unwrap_err().contains("line 52: not UTF-8"));
    let trimmed = CsvOptions { trim: true, ..CsvOptions::default() };
    let table = whole(format!("a,b\n{rows}2, \"y\"\n").as_bytes(), &trimmed).unwrap();
    assert_eq!(texts(table.column("b").unwrap())[50].as_deref(), Some("y"));
    let long = format!("a,b\n{rows}2,\"{}\"\n", "y\n".repeat(100));
    assert_eq!(whole(long.as_bytes(), &CsvOptions::default()).unwrap().rows(), 51);
}

#[test]
fn a_stray_quote_does_not_stop_the_windows() {
    let text = format!("a,b\n1,5\" pipe\n{}", "2,x\n".repeat(200));
    let file = Written::new("stray", text.as_bytes());
    for pieces in [1, 2] {
        let table = read_in_windows(&file.0, &CsvOptions::default(), 64, |_| pieces).unwrap();
        assert!(table.columns() == read(&text).columns());
    }
}

#[test]
fn large_files_are_read_as_small_ones() {
    let rows = |last: &str| {
        let rows = (0..400_000).map(|number| format!("{number}\n"));
        std::iter::once("n\n".into()).chain(rows).chain([last.into()]).collect::<String>()
    };
    let file = Written::new("large", rows("").as_bytes());
    assert!(rows("").len() > 8 * PIECE);
    let table = read_csv(&file.0, &CsvOptions::default()).unwrap();
    assert!(table.columns()[0].1.as_primitive::<Int64Type>().values().iter().copied().eq(0..400_000));
    for (last, message) in [
        ("1,2\n", "line 400002: has 2 values, expected 1"),
        ("\"1\n2\n", "line 400002: a quote opened in line 400002 is never closed"),
    ] {
        let file = Written::new("wrong", rows(last).as_bytes());
        let error = read_csv(&file.0, &CsvOptions::default()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
