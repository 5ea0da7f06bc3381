//! All cases of a file, counted.

use std::collections::BTreeMap;
use std::path::Path;

use highmark::Result;

use super::by_design::explain;
use super::case::Cases;
use super::replay::replay;

/// How many cases went how.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Agree in everything.
    pub(crate) passed: usize,
    /// Differ on purpose, by the name of the difference.
    pub(crate) by_design: BTreeMap<&'static str, usize>,
    /// What is wrong with the others.
    pub(crate) failures: Vec<String>,
}

/// Replays all cases of `file`; models go to `folder`, which is removed again.
pub(crate) fn run(file: &Path, folder: &Path) -> Result<Tally> {
    let mut tally = Tally::default();
    for (number, case) in Cases::read(file)?.iter().enumerate() {
        let ours = match replay(case, folder) {
            Ok(ours) => ours,
            Err(error) => {
                tally.failures.push(format!("case {number}: {error}"));
                continue;
            }
        };
        let differences = ours.differences(&case.recorded());
        if differences.is_empty() {
            tally.passed += 1;
        } else if let Some(name) = explain(case, &ours) {
            *tally.by_design.entry(name).or_default() += 1;
        } else {
            let (system, epochs, values, callbacks) =
                (case.system, case.epochs, case.values(), &case.callbacks);
            let what = format!(
                "case {number} ({system:?}, {} {:?}), {epochs} epochs: {values:?}",
                case.monitor(),
                case.direction()
            );
            tally.failures.push(format!("{what}\n  {callbacks:?}\n  {}", differences.join("\n  ")));
        }
    }
    Ok(tally)
}

impl Tally {
    /// `3 differ by design (name: 2, other: 1)`.
    pub(crate) fn differ_by_design(&self) -> String {
        let names: Vec<_> = self.by_design.iter().map(|(name, count)| format!("{name}: {count}")).collect();
        let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        format!("{} differ by design{names}", self.by_design.values().sum::<usize>())
    }
}
