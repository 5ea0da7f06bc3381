//! Against whom, at what, and how much faster highmark wants to be.

use super::programs::{Program, Programs};

/// The kinds of work that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// The article's model: 505 steps of 64 rows.
    Article,
    /// Layers of 1024, 512 and 256 at 1024 rows: 31 steps.
    Wide,
    /// A table with a column of 10,000 levels: 312 steps of 64 rows.
    Ids,
    /// A product of two matrices of 1024 x 1024.
    Gemm,
    /// Reading a CSV file.
    Csv,
}

impl Work {
    pub(crate) const ALL: [Self; 5] = [Self::Article, Self::Wide, Self::Ids, Self::Gemm, Self::Csv];

    /// As the heading of a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Article => {
                "An epoch of the article's model: 61→200→100→2, nine embeddings, 505 steps of 64 rows, Adam"
            }
            Self::Wide => {
                "An epoch of a wide model: 61→1024→512→256→2, nine embeddings, 31 steps of 1024 rows, Adam"
            }
            Self::Ids => {
                "An epoch on a table with a column of 10,000 levels: 303→200→100→2, 312 steps of 64 rows, Adam"
            }
            Self::Gemm => {
                "A linear layer of 1024 inputs and outputs on 1024 rows: one product of 1024 × 1024 × 1024"
            }
            Self::Csv => {
                "A CSV file of 325,610 rows and 15 columns (Adult ten times): highmark reads and encodes, polars reads"
            }
        }
    }
}

/// A comparison to make.
pub(crate) struct Contender {
    pub(crate) work: Work,
    pub(crate) name: String,
    /// The arguments of highmark's worker.
    pub(crate) ours: Vec<String>,
    pub(crate) theirs: Program,
    /// How many times as fast highmark wants to be.
    pub(crate) wanted: f64,
}

/// Floating-point operations of the matrix products in an epoch of the article's model.
const ARTICLE_FLOP: u64 = 6_283_008_000;

/// The same of the wide one.
const WIDE_FLOP: u64 = 31 * 6 * 1024 * (61 * 1024 + 1024 * 512 + 512 * 256 + 256 * 2);

/// All comparisons between workers.
pub(crate) fn contenders(programs: &Programs) -> Vec<Contender> {
    let python = |script: &str, arguments: &[&str]| Program::Python {
        script: script.to_string(),
        arguments: arguments.iter().map(ToString::to_string).collect(),
    };
    let worker = |arguments: &[&str]| Program::Highmark(arguments.iter().map(ToString::to_string).collect());
    let data = programs.data();
    let data = data.as_str();
    let (long, ids) = (format!("{data}/adult-x10.csv"), format!("{data}/ids"));
    let (article, wide) = (&["article", "2", "flat"][..], &["wide", "2", "flat"][..]);
    let list = [
        (
            Work::Article,
            "fastai `fit_one_cycle`, 2 threads",
            &["article", "2", "one-cycle"][..],
            python("fastai_one_cycle", &[data]),
            60.0,
        ),
        (
            Work::Article,
            "PyTorch by hand, fused AdamW, 1 thread",
            article,
            python("torch_loop", &[data, "article", "1"]),
            12.0,
        ),
        (
            Work::Article,
            "PyTorch by hand, fused AdamW, 2 threads",
            article,
            python("torch_loop", &[data, "article", "2"]),
            12.0,
        ),
        (Work::Article, "Burn, CPU backend Flex, batches in tensors", article, Program::Burn, 6.0),
        (Work::Article, "Keras `fit` on JAX", article, python("keras_fit", &[data]), 5.0),
        (
            Work::Article,
            "JAX, epoch in one `lax.scan`, 1 pinned core",
            article,
            python("jax_scan", &[data, "article", "1"]),
            3.0,
        ),
        (
            Work::Article,
            "JAX, epoch in one `lax.scan`, 2 cores",
            article,
            python("jax_scan", &[data, "article", "2"]),
            3.0,
        ),
        (Work::Article, "highmark on 1 thread", article, worker(&["article", "1", "flat"]), 1.6),
        (
            Work::Article,
            "the multiplications alone at peak, 2 cores",
            article,
            worker(&["floor", "2", &ARTICLE_FLOP.to_string()]),
            0.4,
        ),
        (
            Work::Wide,
            "PyTorch by hand, fused AdamW, 2 threads",
            wide,
            python("torch_loop", &[data, "wide", "2"]),
            1.0,
        ),
        (
            Work::Wide,
            "JAX, epoch in one `lax.scan`, 2 cores",
            wide,
            python("jax_scan", &[data, "wide", "2"]),
            1.0,
        ),
        (
            Work::Wide,
            "the multiplications alone at peak, 2 cores",
            wide,
            worker(&["floor", "2", &WIDE_FLOP.to_string()]),
            0.75,
        ),
        (
            Work::Ids,
            "PyTorch by hand, fused AdamW, 2 threads",
            &["ids", "2"][..],
            python("torch_loop", &[&ids, "article", "2"]),
            2.0,
        ),
        (
            Work::Ids,
            "JAX, epoch in one `lax.scan`, 2 cores",
            &["ids", "2"][..],
            python("jax_scan", &[&ids, "article", "2"]),
            2.0,
        ),
        (Work::Gemm, "PyTorch, 1 thread", &["gemm", "1"][..], python("torch_matmul", &["1"]), 1.0),
        (Work::Gemm, "PyTorch, 2 threads", &["gemm", "2"][..], python("torch_matmul", &["2"]), 1.0),
        (
            Work::Csv,
            "polars, reading alone",
            &["csv", &long, "salary"][..],
            python("polars_csv", &[&long]),
            1.0 / 1.5,
        ),
    ];
    list.into_iter()
        .map(|(work, name, ours, theirs, wanted)| Contender {
            work,
            name: name.to_string(),
            ours: ours.iter().map(ToString::to_string).collect(),
            theirs,
            wanted,
        })
        .collect()
}
