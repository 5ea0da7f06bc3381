use std::path::Path;

use super::super::{CsvOptions, FillStrategy, Pipeline, Targets, read_csv_from};
use super::*;

fn table(text: &str) -> Table {
    read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default()).unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Six rows, of which the last two are for validation.
const PEOPLE: &str = "\
age,city,rooms,member,y
30.0,Oslo,2,True,no
,Bergen,3,False,yes
50.0,Oslo,2,True,no
41.0,,3,True,yes
60.0,Tromso,4,False,no
20.0,Oslo,2,True,yes
";

fn config() -> DataConfig {
    DataConfig { targets: names(&["y"]), valid: Split::Rows(4..6), ..DataConfig::default() }
}

fn people() -> TabularData {
    TabularData::new(&table(PEOPLE), &config()).unwrap()
}

fn failure(text: &str, config: &DataConfig) -> String {
    TabularData::new(&table(text), config).unwrap_err().to_string()
}

#[test]
fn columns_codes_and_statistics() {
    let TabularData { train, valid, pipeline, train_rows, valid_rows, valid_drift, .. } = people();
    assert_eq!(pipeline.cont_names(), ["age"]);
    assert_eq!(pipeline.cat_names(), ["city", "rooms", "member", "age_na"]);
    // Text has the levels of all rows, numbers those of the training rows.
    assert_eq!(pipeline.classes("city").unwrap(), ["#na#", "Bergen", "Oslo", "Tromso"]);
    assert_eq!(pipeline.classes("rooms").unwrap(), ["#na#", "2", "3"]);
    assert_eq!(pipeline.classes("age_na").unwrap(), ["#na#", "False", "True"]);
    assert_eq!(pipeline.cardinalities(), [4, 3, 3, 3]);
    assert_eq!(pipeline.fill_values(), [("age".to_owned(), 41.0)]);
    assert_eq!(pipeline.means(), [40.5]);
    assert_eq!(train.x_cat(), [2, 1, 2, 1, 1, 2, 1, 2, 2, 1, 2, 1, 0, 2, 2, 1]);
    assert_eq!(valid.x_cat(), [3, 0, 1, 1, 2, 1, 2, 1]);
    assert_eq!(train.targets(), Some(&Targets::Classes(vec![0, 1, 0, 1])));
    assert_eq!((train_rows, valid_rows), (vec![0, 1, 2, 3], vec![4, 5]));
    assert_eq!(
        valid_drift.lines(),
        ["column `rooms`: 1 of 2 rows hold values that training did not have, treated as missing: `4`"]
    );
    let sum: f32 = train.x_cont().iter().sum();
    assert!(sum.abs() < 1e-5, "{sum}");
}

#[test]
fn a_saved_pipeline_is_the_same() {
    let pipeline = people().pipeline;
    let json = serde_json::to_string(&pipeline).unwrap();
    assert_eq!(serde_json::from_str::<Pipeline>(&json).unwrap(), pipeline);
}

#[test]
fn an_even_count_fills_the_mean_of_the_middle_two() {
    let text = "a,y\n1.0,no\n2.0,yes\n,no\n7.0,yes\n5.0,no\n9.0,no\n";
    let data = TabularData::new(&table(text), &config()).unwrap();
    assert_eq!(data.pipeline.fill_values(), [("a".to_owned(), 2.0)]);
    let config = DataConfig { valid: Split::Rows(5..6), ..config() };
    assert_eq!(
        TabularData::new(&table(text), &config).unwrap().pipeline.fill_values(),
        [("a".to_owned(), 3.5)]
    );
}

#[test]
fn a_later_table_may_differ() {
    let pipeline = people().pipeline;
    // Other order, an extra column, integers as text and floats, text as a number, nothing to predict.
    let later = table("extra,rooms,city,age,member\nx,3.0,Oslo,44,true\ny,two,Rome,,\n");
    let (data, drift) = pipeline.apply(&later).unwrap();
    assert_eq!(data.x_cat(), [2, 2, 2, 1, 0, 0, 0, 2]);
    assert_eq!(data.targets(), None);
    assert_eq!(drift.extra, ["extra"]);
    assert!(drift.reordered && !drift.is_empty());
    assert_eq!(drift.missing, [("member".to_owned(), 1)]);
    let unseen: Vec<_> =
        drift.unseen.iter().map(|u| (u.column.as_str(), u.rows, u.examples.join("/"))).collect();
    assert_eq!(unseen, [("city", 1, "Rome".to_owned()), ("rooms", 1, "two".to_owned())]);
}

#[test]
fn numbers_far_from_those_of_training_are_told() {
    // Trained on 30 to 50.
    let pipeline = people().pipeline;
    let lines = |ages: &str| {
        let rows: String = ages.split(' ').map(|age| format!("{age},Oslo,2,True\n")).collect();
        pipeline.apply(&table(&format!("age,city,rooms,member\n{rows}"))).unwrap().1.lines()
    };
    assert_eq!(lines("10 70 40"), [""; 0]);
    let line = "column `age`: 2 of 3 rows hold numbers far from those of training (30 to 50), up to 400.5";
    assert_eq!(lines("5 400.5 40"), [line]);
}

#[test]
fn a_pipeline_without_its_ranges_is_refused() {
    let pipeline = people().pipeline;
    let broken = |ranges: serde_json::Value| {
        let mut json = serde_json::to_value(&pipeline).unwrap();
        json["ranges"] = ranges;
        serde_json::from_value::<Pipeline>(json).map_or(true, |pipeline| pipeline.check().is_err())
    };
    assert!(!broken(serde_json::json!([[30.0, 50.0]])));
    for ranges in
        [serde_json::json!([]), serde_json::json!([[50.0, 30.0]]), serde_json::json!([[null, 50.0]])]
    {
        assert!(broken(ranges));
    }
}

#[test]
fn numbers_are_found_as_text_and_text_as_numbers() {
    let pipeline = people().pipeline;
    let spelled = table("age,city,rooms,member\n30.0,Oslo,3,TRUE\n30.0,x, 2,x\nx,x,x,x\n").slice(0, 2);
    let (data, drift) = pipeline.apply(&spelled).unwrap();
    assert_eq!(data.x_cat(), [2, 2, 2, 1, 0, 1, 0, 1]);
    assert_eq!(drift.unseen.len(), 2);
    let (data, _) = pipeline.apply(&table("age,city,rooms,member\n30,Oslo,3.0,1\n,Oslo,,0\n")).unwrap();
    assert_eq!(data.x_cat(), [2, 2, 2, 1, 2, 0, 1, 2]);
}

#[test]
fn missing_values_that_training_did_not_have_get_the_median() {
    let text = "a,y\n1.0,no\n2.0,yes\n6.0,no\n4.0,yes\n,no\n9.0,no\n";
    let config = DataConfig { procs: vec![Proc::fill_missing()], ..config() };
    let data = TabularData::new(&table(text), &config).unwrap();
    assert_eq!((data.pipeline.fill_values().len(), data.pipeline.cat_names().len()), (0, 0));
    assert_eq!(data.valid.x_cont(), [3.0, 9.0]);
    assert_eq!(data.valid_drift.missing, [("a".to_owned(), 1)]);
}

#[test]
fn fatal_differences_of_a_later_table() {
    let pipeline = people().pipeline;
    let error = |text: &str| pipeline.apply(&table(text)).unwrap_err().to_string();
    assert!(error("aeg,city,rooms,member\n1,x,1,True\n").contains("no column `age`; did you mean `aeg`"));
    assert!(error("age,rooms\n1,1\n").contains("not there: city, member; there are: age, rooms"));
    let words = error("age,city,rooms,member\n1,x,1,True\nold,x,1,True\n");
    assert!(words.contains("column `age`: `old` in line 3 of x.csv is not a number"), "{words}");
    assert!(error("age,city,rooms,member\ninf,x,1,True\n").contains("inf in line 2 of x.csv"));
}

#[test]
fn unusable_targets_fail_only_where_they_are_needed() {
    let pipeline = people().pipeline;
    for (labels, reason) in [("maybe", "no row of the class `maybe`"), ("", "missing")] {
        let later = table(&format!("age,city,rooms,member,y\n1,x,2,True,{labels}\n"));
        let (data, drift) = pipeline.apply(&later).unwrap();
        assert_eq!(data.targets(), None);
        assert!(drift.targets.unwrap().contains(reason));
        assert!(pipeline.apply_labelled(&later).unwrap_err().to_string().contains(reason));
    }
    assert!(pipeline.apply_labelled(&table("age,city,rooms,member\n1,x,2,True\n")).is_err());
}

#[test]
fn features_can_be_chosen() {
    let choose = |cat: Option<&[&str]>, cont: Option<&[&str]>, ignore: &[&str]| {
        let (cat, cont) = (cat.map(names), cont.map(names));
        TabularData::new(&table(PEOPLE), &DataConfig { cat, cont, ignore: names(ignore), ..config() })
            .map(|data| (data.pipeline.cat_names().join(" "), data.pipeline.cont_names().join(" ")))
            .map_err(|error| error.to_string())
    };
    assert_eq!(choose(Some(&["age", "y"]), None, &[]), Ok(("age".into(), String::new())));
    assert_eq!(choose(None, Some(&["rooms"]), &["age"]), Ok(("city member".into(), "rooms".into())));
    assert_eq!(
        choose(None, Some(&["rooms", "member"]), &["age"]),
        Ok(("city".into(), "rooms member".into()))
    );
    assert!(choose(Some(&["age"]), Some(&["age"]), &[]).unwrap_err().contains("both"));
    assert!(choose(Some(&["town"]), None, &[]).unwrap_err().contains("no column `town`"));
    assert!(choose(None, None, &["city", "city"]).unwrap_err().contains("twice"));
    assert!(choose(Some(&[]), Some(&[]), &[]).unwrap_err().contains("no column is left"));
    assert!(
        choose(None, Some(&["city"]), &[])
            .unwrap_err()
            .contains("holds words, such as `Oslo` in line 2 of x.csv, and no numbers; make it categorical")
    );
}

#[test]
fn categories_beside_those_that_are_found() {
    let rows: String =
        (0..60).map(|row| format!("{},{}.5,{row},c{},{}\n", row % 30, row % 4, row % 3, row % 2)).collect();
    let table = table(&format!("store,half,size,city,y\n{rows}"));
    let of = |change: fn(&mut DataConfig)| {
        let mut config = DataConfig { also_cat: names(&["half", "store"]), ..config() };
        change(&mut config);
        let data = TabularData::new(&table, &config).map_err(|error| error.to_string())?;
        Ok::<_, String>((data.pipeline.cat_names().join(" "), data.pipeline.cont_names().join(" ")))
    };
    assert_eq!(of(|_| {}).unwrap(), ("store half city".into(), "size".into()));
    assert_eq!(
        of(|config| config.cont = Some(Vec::new())).unwrap(),
        ("store half city".into(), String::new())
    );
    assert_eq!(of(|config| config.ignore = names(&["half"])).unwrap(), ("store city".into(), "size".into()));
    let error = |change| of(change).unwrap_err();
    assert_eq!(
        error(|config| config.cat = Some(names(&["city"]))),
        "also_cat: adds to the categories that are found, but cat names all of them"
    );
    assert!(
        error(|config| config.cont = Some(names(&["store"]))).contains("both categorical and continuous")
    );
    assert!(error(|config| config.also_cat = names(&["stor"])).contains("did you mean `store`?"));
}

#[test]
fn unusable_data() {
    let no_fill = DataConfig { procs: vec![Proc::Categorify], ..config() };
    assert!(
        failure(PEOPLE, &no_fill)
            .contains("column `age`: 1 of 6 values are missing, first in line 3 of x.csv")
    );
    let no_codes = DataConfig { procs: vec![Proc::fill_missing()], ..config() };
    assert!(failure(PEOPLE, &no_codes).contains("need `categorify`: city, rooms, member"));
    let twice = DataConfig { procs: vec![Proc::Normalize, Proc::Normalize], ..config() };
    assert!(failure(PEOPLE, &twice).contains("`normalize` is given twice"));
    assert!(failure(PEOPLE, &DataConfig { targets: vec![], ..config() }).contains("name the column"));
    assert!(failure("a,y\n,no\n,yes\n,no\n,yes\n1.0,no\n2.0,no\n", &config()).contains("leave it out"));
    assert!(
        failure("a,y\n1.5,no\n1,yes\ninf,no\n1,yes\n1,no\n1,no\n", &config())
            .contains("column `a`: inf in line 4 of x.csv")
    );
    let unseen = failure("a,y\n1,no\n1,yes\n1,no\n1,yes\n1,perhaps\n1,no\n", &config());
    assert!(unseen.contains("`perhaps`") && unseen.contains("stratify"), "{unseen}");
    assert!(failure("a,y\n1,no\n1,no\n1,no\n1,no\n1,yes\n1,no\n", &config()).contains("nothing to learn"));
    let collision = "a,a_na,y\n1.5,x,no\n,x,yes\n1,x,no\n1,x,yes\n1,x,no\n1,x,no\n";
    assert!(failure(collision, &config()).contains("column `a_na`"));
}

#[test]
fn a_validation_table_of_its_own() {
    let valid = table("y,age,city,rooms,member\nyes,33.0,Rome,2,True\n");
    let data =
        TabularData::new(&table(PEOPLE), &DataConfig { valid: Split::Table(valid), ..config() }).unwrap();
    assert_eq!(data.pipeline.classes("city").unwrap(), ["#na#", "Bergen", "Oslo", "Rome", "Tromso"]);
    assert_eq!((data.train.rows(), data.valid.rows(), data.valid_rows), (6, 1, vec![0]));
    assert_eq!(data.valid.targets(), Some(&Targets::Classes(vec![1])));
    assert!(data.valid_drift.reordered);
}

#[test]
fn other_tasks() {
    let text = "x,a,b\n1,0,1.5\n2,1,2.5\n3,1,3.5\n4,0,4.5\n5,0,5.5\n6,1,6.5\n";
    let with = |targets: &[&str], task| {
        let config = DataConfig { targets: names(targets), task, ..config() };
        TabularData::new(&table(text), &config)
    };
    let regression = with(&["a", "b"], None).unwrap();
    assert_eq!(
        regression.valid.targets(),
        Some(&Targets::Values { values: vec![0.0, 5.5, 1.0, 6.5], width: 2 })
    );
    assert_eq!(regression.pipeline.task().outputs(), 2);
    let labels = with(&["a"], Some(TaskKind::MultiLabel)).unwrap();
    assert_eq!(labels.valid.targets(), Some(&Targets::Values { values: vec![0.0, 1.0], width: 1 }));
    assert_eq!(with(&["a"], None).unwrap().pipeline.task().kind(), TaskKind::Classification);
    assert_eq!(with(&["b"], None).unwrap().pipeline.task().kind(), TaskKind::Regression);
    assert!(with(&["a", "b"], Some(TaskKind::MultiLabel)).is_err());
    assert!(with(&["a", "b"], Some(TaskKind::Classification)).is_err());
}

#[test]
fn other_fills() {
    let text = "a,y\n1,no\n7,yes\n,no\n7,yes\n5,no\n9,no\n";
    for (strategy, value) in [(FillStrategy::Mode, 7.0), (FillStrategy::Constant(-1.0), -1.0)] {
        let procs = vec![Proc::FillMissing { strategy, add_col: false }];
        let data = TabularData::new(&table(text), &DataConfig { procs, ..config() }).unwrap();
        assert_eq!(data.train.x_cont(), [1.0, 7.0, value as f32, 7.0]);
        assert_eq!(data.train.n_cat(), 0);
    }
}

#[test]
fn categories_keep_their_order_and_what_nobody_has() {
    use arrow_array::{ArrayRef, DictionaryArray, Int8Array, Int64Array, StringArray};

    let coded = |keys: Vec<Option<i8>>, values: ArrayRef| -> ArrayRef {
        Arc::new(DictionaryArray::new(Int8Array::from(keys), values))
    };
    let sizes: ArrayRef = Arc::new(StringArray::from(vec!["XL", "L", "M", "S"]));
    let size = coded([3, 2, 1, 3, 2, 1].into_iter().map(Some).collect(), Arc::clone(&sizes));
    let grade = coded(
        vec![Some(0), None, Some(1), Some(0), Some(0), Some(1)],
        Arc::new(Int64Array::from(vec![3, 1, 2])),
    );
    let columns = vec![("size".into(), Arc::clone(&size)), ("grade".into(), grade), ("y".into(), size)];
    let meant = names(&["size", "grade", "y", "nowhere"]);
    let table = Table::new(columns).unwrap();
    let classes = |table: &Table| {
        let pipeline = TabularData::new(table, &config()).unwrap().pipeline;
        ["size", "grade"]
            .map(|name| pipeline.classes(name).unwrap()[1..].join(" "))
            .to_vec()
            .into_iter()
            .chain([pipeline.task().class_names().join(" ")])
            .collect::<Vec<_>>()
    };
    assert_eq!(classes(&table), ["L M S", "1 3", "L M S"]);
    let table = table.with_categories(meant);
    assert_eq!(classes(&table), ["XL L M S", "3 1 2", "L M S"]);
    assert_eq!(classes(&table.without(&["other"]).unwrap().slice(0, 6)), ["XL L M S", "3 1 2", "L M S"]);
    let data = TabularData::new(&table, &config()).unwrap();
    assert_eq!(data.valid.x_cat(), [3, 1, 2, 2]);
    assert_eq!(data.train.targets(), Some(&Targets::Classes(vec![2, 1, 0, 2])));
}

#[test]
fn rows_on_both_sides_are_told() {
    let given = |train: &[usize], valid: &[usize]| {
        let valid = Split::Given { train: train.into(), valid: valid.into() };
        TabularData::new(&table(PEOPLE), &DataConfig { valid, ..config() }).unwrap()
    };
    let data = given(&[0, 1, 2, 3, 4, 5, 1], &[4, 5]);
    assert_eq!((data.train.rows(), data.train_rows[6]), (7, 1));
    let told =
        "all 2 validation rows are trained on too, so what validation says does not hold for other rows";
    assert!(data.warnings.iter().any(|warning| warning.message == told), "{:?}", data.warnings);
    assert!(!given(&[0, 1, 1, 2], &[4, 5]).warnings.iter().any(|warning| warning.message.contains("too")));
}
