//! Where lines for the user go, and the bar below them.

use std::fmt;
use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where lines go. The default is standard output.
///
/// ```
/// use std::sync::mpsc;
/// use highmark::{Console, Output, ProgressBar};
/// # use highmark::{DataConfig, Learner, LearnerConfig, NamedData, TabularData};
/// # let table = NamedData::Adult.table()?.slice(0, 500);
/// # let data = TabularData::new(&table, &DataConfig { targets: vec!["salary".into()], ..DataConfig::default() })?;
/// # let mut learn = Learner::tabular(&data, LearnerConfig::default())?;
/// # learn.quiet();
/// let (sender, lines) = mpsc::channel();
/// let show = move |line: &str| drop(sender.send(line.to_string()));
/// learn.trainer_mut().console = Console::new(Output::Lines(Box::new(show)));
/// learn.callbacks_mut().add(Box::new(ProgressBar))?;
/// learn.fit(2, None)?;
/// // The names of the columns, and a line an epoch.
/// let lines: Vec<String> = lines.try_iter().collect();
/// assert!(lines[0].trim_start().starts_with("epoch") && lines.len() == 3, "{lines:?}");
/// # Ok::<(), highmark::Error>(())
/// ```
pub enum Output {
    /// Standard output, with a bar when it is a terminal.
    Stdout,
    /// Standard error, with a bar when it is a terminal.
    Stderr,
    /// Nowhere.
    Silent,
    /// To a function, without a bar.
    Lines(Box<dyn FnMut(&str) + Send>),
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "Stdout",
            Self::Stderr => "Stderr",
            Self::Silent => "Silent",
            Self::Lines(_) => "Lines(..)",
        })
    }
}

/// Shows lines, and on a terminal a bar beneath them.
///
/// ```
/// use highmark::{Console, Output};
/// let mut console = Console::new(Output::Stderr);
/// console.start_bar("rows".into(), 2);
/// console.move_bar(1, || "half".into());
/// console.line("above the bar, if there is one");
/// console.end_bar();
/// assert!(!console.has_bar());
/// assert!(!Console::new(Output::Silent).is_terminal());
/// ```
pub struct Console {
    output: Output,
    bar: Option<ProgressBar>,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("output", &self.output).finish_non_exhaustive()
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new(Output::Stdout)
    }
}

impl Console {
    /// A console that writes to `output`.
    pub fn new(output: Output) -> Self {
        Self { output, bar: None }
    }

    /// Shows a line, above the bar if there is one. An output that is closed is ignored: training goes on.
    pub fn line(&mut self, text: &str) {
        let output = &mut self.output;
        let mut write = || match output {
            Output::Stdout => drop(writeln!(std::io::stdout(), "{text}")),
            Output::Stderr => drop(writeln!(std::io::stderr(), "{text}")),
            Output::Silent => {}
            Output::Lines(show) => show(text),
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Whether a person looks at it.
    pub fn is_terminal(&self) -> bool {
        match self.output {
            Output::Stdout => std::io::stdout().is_terminal(),
            Output::Stderr => std::io::stderr().is_terminal(),
            Output::Silent | Output::Lines(_) => false,
        }
    }

    /// Starts a bar of `steps` steps, on a terminal only.
    pub fn start_bar(&mut self, title: String, steps: usize) {
        self.end_bar();
        let target = match self.output {
            _ if !self.is_terminal() => return,
            Output::Stderr => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::stdout(),
        };
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
        if let Ok(style) =
            ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {elapsed}<{eta} {msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(title);
        self.bar = Some(bar);
    }

    /// Moves the bar, if there is one.
    pub fn move_bar(&mut self, step: usize, message: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            bar.set_message(message());
            bar.set_position(step as u64);
        }
    }

    /// Whether there is a bar to move.
    pub fn has_bar(&self) -> bool {
        self.bar.is_some()
    }

    /// Takes the bar away.
    pub fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
