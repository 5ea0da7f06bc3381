//! The tables of `docs/performance.md`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use super::Outcome;
use super::contenders::Work;
use super::process::Runs;
use super::programs::Program;
use crate::bench::pairs::spread;
use crate::bench::rows::time;
use crate::bench::{Result, build, machine};

const PAGE: &str = "docs/performance.md";
const PICTURE: &str = "docs/performance.svg";
const BEGIN: &str = "<!-- cargo xtask bench peers: begin -->\n";
const END: &str = "<!-- cargo xtask bench peers: end -->\n";

/// Everything between the marks.
pub(crate) fn text(outcomes: &[Outcome], processes: &[Runs], rounds: usize) -> String {
    let mut text = format!(
        "Measured on {} with {}; {}, {rounds} rounds.\n\n",
        machine::describe(),
        machine::rustc(),
        machine::today()
    );
    let versions: BTreeSet<_> = outcomes
        .iter()
        .filter(|outcome| !matches!(outcome.contender.theirs, Program::Highmark(_)))
        .map(|outcome| {
            let name = outcome.contender.name.split([' ', ',']).next().unwrap_or_default();
            format!("{name} {}", outcome.version)
        })
        .collect();
    if !versions.is_empty() {
        let _ = writeln!(text, "Versions: {}.\n", versions.into_iter().collect::<Vec<_>>().join(", "));
    }
    for work in Work::ALL {
        let rows: Vec<_> = outcomes.iter().filter(|outcome| outcome.contender.work == work).collect();
        if !rows.is_empty() {
            let _ = writeln!(text, "**{}**\n", work.title());
            table(&mut text, &rows);
        }
    }
    if !processes.is_empty() {
        process_table(&mut text, processes);
    }
    text
}

/// Writing to a String cannot fail, here and below.
fn table(text: &mut String, rows: &[&Outcome]) {
    let accuracy = rows.iter().any(|outcome| outcome.accuracy.iter().any(Option::is_some));
    let (title, line) = if accuracy { (" its accuracy | highmark's |", "---|---|") } else { ("", "") };
    let _ = writeln!(
        text,
        "| against | its time | highmark | times as fast: median (lowest–highest) | wanted | |{title}"
    );
    let _ = writeln!(text, "|---|---|---|---|---|---|{line}");
    for outcome in rows {
        let (ours, theirs) = (spread(&outcome.times.a).0, spread(&outcome.times.b).0);
        let (median, low, high) = outcome.times.ratio();
        let wanted = outcome.contender.wanted;
        let (name, met) = (&outcome.contender.name, if median >= wanted { "met" } else { "**missed**" });
        let _ = write!(
            text,
            "| {name} | {} | {} | {} ({}–{}) | {} | {met} |",
            time(theirs),
            time(ours),
            ratio(median),
            ratio(low),
            ratio(high),
            ratio(wanted)
        );
        if accuracy {
            let percent = |x: Option<f64>| x.map_or("–".into(), |x| format!("{:.2} %", 100.0 * x));
            let _ = write!(text, " {} | {} |", percent(outcome.accuracy[1]), percent(outcome.accuracy[0]));
        }
        text.push('\n');
    }
    text.push('\n');
}

fn process_table(text: &mut String, processes: &[Runs]) {
    text.push_str("**Whole processes, from start to end**\n\n");
    text.push_str("| process | time: median (lowest–highest) | first import to last line | peak memory | wanted | epochs run | accuracy kept |\n|---|---|---|---|---|---|---|\n");
    for runs in processes {
        let (median, low, high) = spread(&runs.seconds);
        let memory = runs.memory.map_or("unknown".into(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6));
        let epochs: BTreeSet<_> = runs.results.iter().map(|(epochs, _)| epochs.to_string()).collect();
        let accuracy: BTreeSet<_> =
            runs.results.iter().map(|(_, share)| format!("{:.1} %", 100.0 * share)).collect();
        let script = (!runs.script.is_empty()).then(|| spread(&runs.script).0);
        let join = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            text,
            "| {} | {} ({}–{}) | {} | {memory} | {} | {} | {} |",
            runs.name,
            time(median),
            time(low),
            time(high),
            script.map_or("–".into(), time),
            wanted(runs, script.unwrap_or(median)),
            join(epochs),
            join(accuracy)
        );
    }
    text.push('\n');
}

/// The targets of a process, and whether it meets them; of a script, without the start and end of Python.
fn wanted(runs: &Runs, median: f64) -> String {
    let verdict = |met: bool| if met { "met" } else { "**missed**" };
    let seconds = runs.wanted.0.map(|most| format!("{}: {}", time(most), verdict(median <= most)));
    let memory = runs
        .wanted
        .1
        .zip(runs.memory)
        .map(|(most, memory)| format!("{:.0} MB: {}", most as f64 / 1e6, verdict(memory <= most)));
    let all: Vec<_> = seconds.into_iter().chain(memory).collect();
    if all.is_empty() { "–".into() } else { all.join(", ") }
}

/// A ratio with as many digits as it is worth.
fn ratio(x: f64) -> String {
    let digits = if x >= 20.0 {
        0
    } else if x >= 2.0 {
        1
    } else {
        2
    };
    format!("{x:.digits$}×")
}

/// Puts the text between the marks of the page, and the picture beside it.
pub(crate) fn write(text: &str, picture: &str) -> Result<()> {
    let path = build::root().join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| format!("{PAGE}: {error}"))?;
    let page = replaced(&page, text).ok_or_else(|| {
        format!(
            "{PAGE} has lost its marks `{}` and `{}`; put them where the tables belong",
            BEGIN.trim(),
            END.trim()
        )
    })?;
    fs::write(path, page)?;
    Ok(fs::write(build::root().join(PICTURE), picture)?)
}

fn replaced(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{text}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_between_the_marks_changes() {
        let page = format!("# Title\n{BEGIN}old\n{END}by hand\n");
        assert_eq!(replaced(&page, "new\n").unwrap(), format!("# Title\n{BEGIN}\nnew\n{END}by hand\n"));
        assert_eq!(replaced("# Title\n", "new"), None);
    }

    #[test]
    fn targets_of_a_process() {
        let runs = |memory| Runs {
            name: "highmark",
            wanted: (Some(1.0), Some(100_000_000)),
            seconds: vec![],
            script: vec![],
            memory,
            results: vec![],
        };
        assert_eq!(wanted(&runs(Some(60_000_000)), 1.2), "1.00 s: **missed**, 100 MB: met");
        assert_eq!(wanted(&runs(None), 0.8), "1.00 s: met");
    }

    #[test]
    fn ratios() {
        assert_eq!([45.3, 3.12, 0.404].map(ratio), ["45×", "3.1×", "0.40×"]);
    }
}
