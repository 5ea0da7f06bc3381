//! The workers on highmark's side.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use highmark::{
    CsvOptions, DataConfig, Dataset, Learner, NamedData, OneCycle, Split, TabularData, Targets, read_csv,
};
use highmark_bench::{Peak, Shape, adult, synthetic, watcher, with_ids};

use crate::Failure;
use crate::gemm::Gemm;
use crate::turns::{Work, serve};

/// Serves the work of these arguments.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let number = |text: &str| text.parse::<usize>().map_err(|_| format!("`{text}` is not a number"));
    match *arguments {
        [name @ ("article" | "large-batch" | "wide"), threads, how] => {
            let shape = match name {
                "wide" => Shape::WIDE,
                "large-batch" => Shape::LARGE_BATCH,
                _ => Shape::ARTICLE,
            };
            let mut training = Training::new(shape, number(threads)?, how)?;
            // As for the others, the first epoch is not measured.
            training.turn()?;
            serve(how, &mut training)
        }
        ["ids", threads] => {
            let [train, test] = with_ids()?;
            let valid = synthetic(Shape::ARTICLE.rows, &Shape::ID_LEVELS, Shape::ID_NUMBERS, 3)?;
            let learner = Shape::ARTICLE.learner_on_ids(train, valid, number(threads)?)?;
            let mut training = Training { learner, test, one_cycle: false };
            training.turn()?;
            serve("", &mut training)
        }
        ["floor", threads, flop] => {
            let (peak, threads) = (Peak::detect(), number(threads)?);
            let rounds = number(flop)? as u64 / (threads as u64 * peak.round_flops());
            peak.seconds(threads, rounds);
            serve(peak.name(), &mut Floor { peak, threads, rounds })
        }
        ["gemm", threads] => serve("", &mut Gemm::new(number(threads)?)?),
        ["csv", file, target] => {
            serve("", &mut Csv { file: file.into(), config: config(target, Split::default()) })
        }
        ["rows", rows] => serve("", &mut Rows::new(number(rows)?)?),
        _ => Err(format!("there is no worker `{}`", arguments.join(" ")).into()),
    }
}

fn config(target: &str, valid: Split) -> DataConfig {
    DataConfig { targets: vec![target.into()], valid, ..DataConfig::default() }
}

/// An epoch a turn.
struct Training {
    learner: Learner,
    test: Arc<Dataset>,
    one_cycle: bool,
}

impl Training {
    fn new(shape: Shape, threads: usize, how: &str) -> Result<Self, Failure> {
        let data = adult()?;
        let (test, _) = data.pipeline.apply_labelled(&NamedData::AdultTest.table()?)?;
        let mut learner = shape.learner(&data, threads)?;
        match how {
            "flat" | "one-cycle" => {}
            "watched" => learner.callbacks_mut().add(watcher())?,
            _ => return Err(format!("`{how}` is neither flat, one-cycle nor watched").into()),
        }
        Ok(Self { learner, test: Arc::new(test), one_cycle: how == "one-cycle" })
    }
}

impl Work for Training {
    fn turn(&mut self) -> Result<f64, Failure> {
        let begin = Instant::now();
        if self.one_cycle {
            self.learner.fit_one_cycle(1, &OneCycle::default())?;
        } else {
            self.learner.fit(1, None)?;
        }
        Ok(begin.elapsed().as_secs_f64())
    }

    fn accuracy(&mut self) -> Result<Option<f64>, Failure> {
        let Some(Targets::Classes(classes)) = self.test.targets() else { return Ok(None) };
        let predicted = self.learner.predict_dataset(&self.test)?;
        let right =
            predicted.chunks_exact(2).zip(classes).filter(|(p, class)| (p[1] > p[0]) == (**class == 1));
        Ok(Some(right.count() as f64 / classes.len() as f64))
    }
}

/// What the machine could do at best.
struct Floor {
    peak: Peak,
    threads: usize,
    rounds: u64,
}

impl Work for Floor {
    fn turn(&mut self) -> Result<f64, Failure> {
        Ok(self.peak.seconds(self.threads, self.rounds))
    }
}

/// From a file to encoded rows.
struct Csv {
    file: PathBuf,
    config: DataConfig,
}

impl Work for Csv {
    fn turn(&mut self) -> Result<f64, Failure> {
        let begin = Instant::now();
        let table = read_csv(Path::new(&self.file), &CsvOptions::default())?;
        let data = TabularData::new(&table, &self.config)?;
        let seconds = begin.elapsed().as_secs_f64();
        if data.train.rows() == 0 {
            return Err("the file has no rows".into());
        }
        Ok(seconds)
    }
}

/// Epochs of a dataset of any size; small ones go round until a million rows are trained on, and the time is that of
/// a million rows.
struct Rows {
    learner: Learner,
    rows: usize,
}

impl Rows {
    fn new(rows: usize) -> Result<Self, Failure> {
        let train = synthetic(rows, &Shape::LEVELS, Shape::NUMBERS, 1)?;
        let valid = synthetic(Shape::ARTICLE.rows, &Shape::LEVELS, Shape::NUMBERS, 1)?;
        Ok(Self { learner: Shape::ARTICLE.learner_on(train, valid, 2)?, rows })
    }
}

impl Work for Rows {
    fn turn(&mut self) -> Result<f64, Failure> {
        let epochs = 1_000_000_usize.div_ceil(self.rows);
        let begin = Instant::now();
        self.learner.fit(epochs, None)?;
        Ok(begin.elapsed().as_secs_f64() * 1e6 / (epochs * self.rows) as f64)
    }
}
