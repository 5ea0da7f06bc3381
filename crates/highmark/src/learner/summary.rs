//! The text of [`Learner::summary`].

use std::fmt::Write;

use super::Learner;

impl Learner {
    /// Layers, shapes, parameters, loss, optimizer and callbacks, as text.
    pub fn summary(&self) -> String {
        let t = &self.trainer;
        let (rows, columns) = (t.train.batch_size(), t.train.dataset().n_cat() + t.train.dataset().n_cont());
        let rule = "=".repeat(76);
        let mut text = format!("{} (input: {rows} x {columns})\n{rule}\n", t.model.name());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<30}{:<20}{:>12}\n{rule}", "Layer", "Output shape", "Parameters");
        for line in t.model.layers() {
            let shape = format!("{rows} x {}", line.outputs);
            let _ = writeln!(text, "{:<30}{shape:<20}{:>12}", line.layer, thousands(line.parameters));
        }
        let hypers = &t.optimizer.groups()[0].hypers;
        let optimizer = format!(
            "{} (lr {}, mom {}, wd {})",
            t.optimizer.config().kind.name(),
            hypers.lr,
            hypers.mom,
            hypers.wd
        );
        let names: Vec<_> =
            self.callbacks.iter().map(|c| format!("  - {} ({:?})\n", c.name(), c.stage())).collect();
        let _ = writeln!(text, "{rule}\nTotal parameters: {}", thousands(t.model.params().len()));
        let _ = writeln!(text, "Optimizer: {}\nLoss: {}", optimizer, t.loss.name());
        let _ = write!(text, "Callbacks:{}\n{}", if names.is_empty() { " none" } else { "" }, names.concat());
        text
    }
}

/// 1234567 as 1,234,567.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
