//! `highmark show`.

use std::fmt::Write;

use highmark::{ColumnKind, ColumnSummary, DataConfig, Table, TaskKind, cont_cat_split};
use serde_json::{Value, json};

use crate::args::ShowArgs;
use crate::config::{Config, LeftOut, OneOrMore};
use crate::doubts;
use crate::failure::{Failure, Result};
use crate::inferred::{not_meant, remedies};
use crate::screen;
use crate::source;
use crate::text_table::{count, text_table, thousands};

/// Summarises the columns.
pub(crate) fn run(args: &ShowArgs) -> Result<()> {
    let mut config = Config::of_show(args)?;
    let table = source::read(&args.data, &config.csv_options()?)?;
    if let Some(hint) = source::delimiter_hint(&args.data, &table) {
        screen::note(format!("note: {hint}"));
    }
    let named = config.cat.iter().chain(&config.cont).chain([&config.also_cat, &config.ignore]);
    let named = named.flat_map(|names| &names.0);
    for name in named {
        table.column(name)?;
    }
    let asked = config.task;
    if !args.target.is_empty() {
        config.complete(&table)?;
    }
    let task = config.task.filter(|_| !args.target.is_empty());
    let refused = config.check_classes(&table, asked).err();
    let left_out = LeftOut::lines(&config.leave_out_identifiers(&table));
    // A task that nobody has asked for is doubted.
    let used = DataConfig { task: asked, ..config.data_config()? };
    let mut columns = table.describe();
    let (continuous, _) = cont_cat_split(&table, config.max_card, &[]);
    columns.iter_mut().for_each(|column| column.kind = kind_of(column, &continuous, &config));
    let features =
        columns.iter().filter(|column| ["continuous", "categorical"].contains(&kind(column, &config)));
    let features: Vec<String> = features.map(|column| column.name.clone()).collect();
    let refusals = table.refusals_with(&used).into_iter().map(Failure::from).chain(refused);
    let refusals: Vec<_> = refusals.filter_map(|refusal| refusal.message().map(String::from)).collect();
    let mut doubted = not_meant(table.warnings_with(&used), &config);
    // Said already.
    doubted.retain(|warning| !refusals.iter().any(|refusal| refusal.starts_with(&warning.message)));
    let doubts = doubts::of_columns(&table, &features);
    let warnings: Vec<_> = doubted.iter().map(ToString::to_string).chain(doubts).collect();
    if args.json {
        let columns: Vec<Value> = columns.iter().map(|column| as_json(column, &config)).collect();
        let value = json!({ "data": args.data, "rows": table.rows(), "task": task, "columns": columns, "refusals": refusals, "left_out": left_out, "warnings": warnings });
        return screen::print_json(&value);
    }
    let rows: Vec<_> = columns.iter().map(|column| row(column, &config, table.rows())).collect();
    let header = ["column", "type", "kind", "missing", "distinct", "values"];
    let mut text = format!(
        "{}: {}, {}\n\n",
        source::shown(&args.data),
        count(table.rows(), "row"),
        count(columns.len(), "column")
    );
    text += &text_table(&header, &rows);
    if let Some(task) = task {
        text += &balance(&columns, &args.target, task, &table);
    }
    if !refusals.is_empty() {
        text.push('\n');
        text.extend(refusals.iter().map(|line| format!("train refuses: {}\n", one_line(line))));
    }
    if !left_out.is_empty() {
        text.push('\n');
        text.extend(left_out.iter().map(|line| format!("train leaves out: {}\n", one_line(line))));
    }
    if !warnings.is_empty() {
        text.push('\n');
        text.extend(warnings.iter().map(|line| format!("warning: {}\n", one_line(line))));
        text.extend([&*remedies(&doubted, &config), "\n"]);
    }
    screen::print(&text)
}

/// What it was said to be, or else inferred.
fn kind_of(column: &ColumnSummary, continuous: &[String], config: &Config) -> ColumnKind {
    let said = [(&config.cont, ColumnKind::Continuous), (&config.cat, ColumnKind::Categorical)];
    let named =
        |named: &Option<OneOrMore>| named.as_ref().is_some_and(|named| named.0.contains(&column.name));
    match said.into_iter().find(|(names, _)| named(names)) {
        Some((_, kind)) => kind,
        None if config.also_cat.0.contains(&column.name) => ColumnKind::Categorical,
        None if continuous.contains(&column.name) => ColumnKind::Continuous,
        None => ColumnKind::Categorical,
    }
}

fn kind(column: &ColumnSummary, config: &Config) -> &'static str {
    // Where all columns of a kind are named, the others of that kind are not used.
    let not_named =
        |named: &Option<OneOrMore>| named.as_ref().is_some_and(|named| !named.0.contains(&column.name));
    match column.kind {
        _ if config.target.0.contains(&column.name) => "target",
        _ if config.ignore.0.contains(&column.name) => "not used",
        ColumnKind::Continuous if not_named(&config.cont) => "not used",
        ColumnKind::Categorical if not_named(&config.cat) => "not used",
        ColumnKind::Continuous => "continuous",
        ColumnKind::Categorical => "categorical",
    }
}

fn row(column: &ColumnSummary, config: &Config, rows: usize) -> Vec<String> {
    let missing = match column.missing {
        0 => "0".into(),
        missing => format!("{} ({:.1}%)", thousands(missing), 100.0 * missing as f64 / rows.max(1) as f64),
    };
    let values = match column.range {
        Some((min, mean, max)) if column.kind == ColumnKind::Continuous => {
            format!("{} to {}, mean {}", short(min), short(max), short(mean))
        }
        _ => {
            let top = column
                .top
                .iter()
                .map(|(value, n)| format!("{} ({})", beginning(value.trim()), thousands(*n)));
            let more = if column.distinct > column.top.len() { ", ..." } else { "" };
            top.collect::<Vec<_>>().join(", ") + more
        }
    };
    let distinct = thousands(column.distinct);
    let kind = kind(column, config).to_string();
    vec![one_line(&column.name), column.dtype.clone(), kind, missing, distinct, values]
}

/// As it is shown where a line must not end.
fn one_line(text: &str) -> String {
    screen::visible(text).replace('\n', "\\n")
}

/// The beginning of a value, on one line.
fn beginning(value: &str) -> String {
    const SHOWN: usize = 30;
    let mut start: String = value.chars().take(SHOWN).collect();
    if start.len() < value.len() {
        start += "...";
    }
    one_line(&start)
}

/// A number with no more digits than a reader takes in.
fn short(x: f64) -> String {
    // From here on not every integer is one of these numbers.
    const LARGE: f64 = (1_u64 << 53) as f64;
    if x.abs() >= LARGE {
        format!("{x:.4e}")
    } else if x.fract() == 0.0 {
        format!("{x}")
    } else {
        format!("{x:.4}")
    }
}

/// How the values of the targets are shared out.
fn balance(columns: &[ColumnSummary], targets: &[String], task: TaskKind, table: &Table) -> String {
    // Writing to a String cannot fail.
    let mut text = format!("\ntask: {task}\n");
    for column in targets.iter().filter_map(|name| columns.iter().find(|column| column.name == *name)) {
        if task == TaskKind::Regression {
            let Some((min, mean, max)) = column.range else { continue };
            let (min, mean, max) = (short(min), short(mean), short(max));
            let _ = writeln!(text, "{}: {min} to {max}, mean {mean}", one_line(&column.name));
            continue;
        }
        let share = |n: usize| 100.0 * n as f64 / table.rows().max(1) as f64;
        let row = |(value, n): &(String, usize)| {
            vec![beginning(value), thousands(*n), format!("{:.1}%", share(*n))]
        };
        let rows: Vec<_> = column.top.iter().map(row).collect();
        let _ = write!(text, "\n{}", text_table(&[&one_line(&column.name), "rows", "share"], &rows));
        if column.distinct > column.top.len() {
            let _ = writeln!(text, "and {} more values", thousands(column.distinct - column.top.len()));
        }
        text += &imbalance(column, task).unwrap_or_default();
    }
    text
}

/// What to do where the most frequent class has at least four times the rows that the others have on average.
fn imbalance(column: &ColumnSummary, task: TaskKind) -> Option<String> {
    const TIMES: usize = 4;
    let (class, most) = column.top.first()?;
    let others = column.top.iter().skip(1).map(|(_, n)| n).sum::<usize>();
    let more = column.distinct > column.top.len();
    // Of those that are not among the most frequent, none has more rows than the last that is.
    let least =
        column.top.last().filter(|_| more).map_or(0, |(_, n)| (column.distinct - column.top.len()) * n);
    let uneven = *most * column.distinct.saturating_sub(1) >= TIMES * (others + least);
    (task == TaskKind::Classification && column.distinct > 1 && uneven).then(|| {
        format!(
            "\nimbalanced: most rows have the class {}. --class-weights balanced lets all classes weigh the same; --metrics \
             balanced_accuracy says more than accuracy\n",
            beginning(class)
        )
    })
}

fn as_json(column: &ColumnSummary, config: &Config) -> Value {
    let top = column.top.iter().map(|(value, n)| json!({ "value": value, "rows": n }));
    let range = column.range.map(|(min, mean, max)| json!({ "min": min, "mean": mean, "max": max }));
    json!({
        "name": column.name,
        "dtype": column.dtype,
        "kind": kind(column, config),
        "missing": column.missing,
        "distinct": column.distinct,
        "range": range,
        "top": top.collect::<Vec<_>>(),
    })
}
