//! The models that are trained, and on what.

use std::sync::Arc;

use highmark::{
    Accuracy, Callback, CallbackState, CrossEntropy, DataConfig, Dataset, Event, EventSet, Flow, Learner,
    LearnerConfig, NamedData, Result, Split, Table, TabularConfig, TabularData, TabularModel, Trainer,
};

use crate::synthetic;

/// The shape of the work: hidden layers and rows a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Outputs of the hidden layers.
    pub layers: &'static [usize],
    /// Rows a batch.
    pub rows: usize,
}

impl Shape {
    /// The article's: 61 inputs (nine embeddings and six numbers), 200, 100, two classes; 64 rows.
    pub const ARTICLE: Self = Self { layers: &[200, 100], rows: 64 };

    /// The article's network on large batches.
    pub const LARGE_BATCH: Self = Self { layers: &[200, 100], rows: 1024 };

    /// A wide one.
    pub const WIDE: Self = Self { layers: &[1024, 512, 256], rows: 1024 };

    /// Levels of the categorical columns of the Adult data, missing among them.
    pub const LEVELS: [usize; 9] = [10, 17, 8, 16, 7, 6, 3, 43, 3];

    /// Continuous columns of the Adult data.
    pub const NUMBERS: usize = 6;

    /// Inputs of the first layer, the hidden layers, and the two classes.
    pub fn widths(self) -> Vec<usize> {
        let embedded: usize = Self::LEVELS.iter().map(|levels| highmark::embedding_size(*levels)).sum();
        [&[embedded + Self::NUMBERS], self.layers, &[2]].concat()
    }

    /// Levels of the categorical columns of a table with a column of identifiers: customers, articles, places.
    pub const ID_LEVELS: [usize; 3] = [10_000, 20, 10];

    /// Its continuous columns.
    pub const ID_NUMBERS: usize = 10;

    /// A model of this shape for the columns of the Adult data that computes on `threads` threads.
    pub fn model(self, threads: usize) -> Result<TabularModel> {
        self.model_of(&Self::LEVELS, Self::NUMBERS, threads)
    }

    fn model_of(self, levels: &[usize], numbers: usize, threads: usize) -> Result<TabularModel> {
        let name = |(i, levels): (usize, &usize)| (format!("column_{i}"), *levels);
        let columns: Vec<_> = levels.iter().enumerate().map(name).collect();
        let config = TabularConfig { layers: self.layers.to_vec(), ..TabularConfig::default() };
        Ok(TabularModel::new(&config, &columns, numbers, 2, 42)?.threads(threads))
    }

    /// A silent learner on `data`, as users get it.
    pub fn learner(self, data: &TabularData, threads: usize) -> Result<Learner> {
        let model = TabularConfig { layers: self.layers.to_vec(), ..TabularConfig::default() };
        let mut learner = Learner::tabular(data, LearnerConfig { model, ..self.config(threads) })?;
        learner.quiet();
        Ok(learner)
    }

    /// The same on rows that are encoded already.
    pub fn learner_on(self, train: Arc<Dataset>, valid: Arc<Dataset>, threads: usize) -> Result<Learner> {
        self.silent(self.model(threads)?, train, valid, threads)
    }

    /// The same on rows [with identifiers](with_ids).
    pub fn learner_on_ids(self, train: Arc<Dataset>, valid: Arc<Dataset>, threads: usize) -> Result<Learner> {
        self.silent(self.model_of(&Self::ID_LEVELS, Self::ID_NUMBERS, threads)?, train, valid, threads)
    }

    fn silent(
        self,
        model: TabularModel,
        train: Arc<Dataset>,
        valid: Arc<Dataset>,
        threads: usize,
    ) -> Result<Learner> {
        let loss = Box::new(CrossEntropy::default());
        let mut learner = Learner::new(Box::new(model), loss, train, valid, self.config(threads))?;
        learner.quiet();
        Ok(learner)
    }

    fn config(self, threads: usize) -> LearnerConfig {
        LearnerConfig {
            batch_size: self.rows,
            metrics: vec![Box::new(Accuracy::default())],
            threads,
            ..LearnerConfig::default()
        }
    }
}

/// The Adult data, split as in the article.
pub fn adult() -> Result<TabularData> {
    split_as_in_the_article(&NamedData::Adult.table()?)
}

/// A tenth of it, for counting instructions: an epoch of 50 steps, validated on as many rows as the whole.
pub fn tenth_of_adult() -> Result<TabularData> {
    let training = NamedData::Adult.table()?.rows() / 10;
    split_as_in_the_article(&NamedData::Adult.table()?.slice(0, training + 236))
}

fn split_as_in_the_article(table: &Table) -> Result<TabularData> {
    let config = DataConfig {
        targets: vec!["salary".into()],
        valid: Split::Rows(1024..1260),
        ..DataConfig::default()
    };
    TabularData::new(table, &config)
}

/// 20,000 rows to train on and 5,000 to test with, of a table with a column of identifiers.
pub fn with_ids() -> Result<[Arc<Dataset>; 2]> {
    let rows = |rows, seed| synthetic(rows, &Shape::ID_LEVELS, Shape::ID_NUMBERS, seed);
    Ok([rows(20_000, 1)?, rows(5_000, 2)?])
}

/// A callback that listens to every event, so that the loop cannot take its short way, and counts them.
pub fn watcher() -> Box<dyn Callback> {
    Box::new(Watcher(0))
}

struct Watcher(u64);

impl Callback for Watcher {
    fn name(&self) -> &'static str {
        "watcher"
    }

    fn events(&self) -> EventSet {
        EventSet::ALL
    }

    fn handle(&mut self, _: Event, _: &mut Trainer) -> Flow {
        self.0 += 1;
        Ok(())
    }

    fn save_state(&self) -> Result<CallbackState> {
        Ok(CallbackState::none())
    }

    fn load_state(&mut self, _: &CallbackState) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_that_of_the_data() {
        let data = adult().unwrap();
        assert_eq!(data.pipeline.cardinalities(), Shape::LEVELS);
        assert_eq!(data.train.n_cont(), Shape::NUMBERS);
        assert_eq!(Shape::ARTICLE.widths(), [61, 200, 100, 2]);
        assert_eq!(data.train.rows() / Shape::ARTICLE.rows, 505);
        let tenth = tenth_of_adult().unwrap();
        assert_eq!((tenth.train.rows() / Shape::ARTICLE.rows, tenth.valid.rows()), (50, 236));
    }
}
