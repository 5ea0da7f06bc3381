//! `highmark show`.

use std::fmt::Write;

use highmark::{ColumnKind, ColumnSummary, Table, TaskKind};
use serde_json::{Value, json};

use crate::args::ShowArgs;
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::inferred::REMEDIES;
use crate::screen;
use crate::source;
use crate::text_table::{count, text_table, thousands};

/// Summarises the columns.
pub(crate) fn run(args: &ShowArgs) -> Result<()> {
    let mut config = Config::default();
    config.set_csv(&args.csv);
    let table = source::read(&args.data, &config.csv_options()?)?;
    if let Some(hint) = source::delimiter_hint(&args.data, &table) {
        screen::note(format!("note: {hint}"));
    }
    let task = if args.target.is_empty() { None } else { Some(TaskKind::infer(&table, &args.target)?) };
    let columns = table.describe();
    let warnings = table.warnings(&args.target);
    let refusals = table.refusals(&args.target).into_iter().map(Failure::from);
    let refusals: Vec<_> = refusals.filter_map(|refusal| refusal.message().map(String::from)).collect();
    if args.json {
        let columns: Vec<Value> = columns.iter().map(|column| as_json(column, &args.target)).collect();
        let value = json!({ "data": args.data, "rows": table.rows(), "task": task, "columns": columns, "refusals": refusals, "warnings": warnings });
        return screen::print_json(&value);
    }
    let rows: Vec<_> = columns.iter().map(|column| row(column, &args.target, table.rows())).collect();
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
    if !warnings.is_empty() {
        text.push('\n');
        text.extend(warnings.iter().map(|line| format!("warning: {}\n", one_line(line))));
        text.extend([REMEDIES, "\n"]);
    }
    screen::print(&text)
}

fn kind(column: &ColumnSummary, targets: &[String]) -> &'static str {
    match column.kind {
        _ if targets.contains(&column.name) => "target",
        ColumnKind::Continuous => "continuous",
        ColumnKind::Categorical => "categorical",
    }
}

fn row(column: &ColumnSummary, targets: &[String], rows: usize) -> Vec<String> {
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
    let kind = kind(column, targets).to_string();
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
            let (min, mean, max) = column.range.unwrap_or((f64::NAN, f64::NAN, f64::NAN));
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
    }
    text
}

fn as_json(column: &ColumnSummary, targets: &[String]) -> Value {
    let top = column.top.iter().map(|(value, n)| json!({ "value": value, "rows": n }));
    let range = column.range.map(|(min, mean, max)| json!({ "min": min, "mean": mean, "max": max }));
    json!({
        "name": column.name,
        "dtype": column.dtype,
        "kind": kind(column, targets),
        "missing": column.missing,
        "distinct": column.distinct,
        "range": range,
        "top": top.collect::<Vec<_>>(),
    })
}
