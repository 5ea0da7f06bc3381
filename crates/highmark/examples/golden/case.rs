//! A folder of golden numbers: what `make_golden.py` writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use highmark::{Error, Result};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

/// One training by fastai: how it was set up, and what came out.
pub(crate) struct Case {
    /// Where it lies.
    pub(crate) folder: PathBuf,
    /// The small things.
    pub(crate) meta: Meta,
    /// Codes, rows × categorical columns, in the order of the CSV; likewise the next two.
    pub(crate) x_cat: Vec<f64>,
    /// Numbers, rows × continuous columns.
    pub(crate) x_cont: Vec<f64>,
    /// Targets.
    pub(crate) y: Vec<f64>,
    /// Row numbers of the CSV.
    pub(crate) valid_rows: Vec<usize>,
    /// After training, activated, validation rows × outputs.
    pub(crate) valid_preds: Vec<f64>,
    /// Row numbers of the CSV, a permutation an epoch.
    pub(crate) order: Vec<Vec<usize>>,
    /// A number a step; likewise the next two.
    pub(crate) loss: Vec<f64>,
    /// Learning rates.
    pub(crate) lr: Vec<f64>,
    /// Momenta.
    pub(crate) mom: Vec<f64>,
}

/// `meta.json`, as far as it is needed.
#[derive(Deserialize)]
pub(crate) struct Meta {
    pub(crate) config: Config,
    pub(crate) cat_names: Vec<String>,
    pub(crate) cont_names: Vec<String>,
    pub(crate) classes: BTreeMap<String, Vec<String>>,
    pub(crate) vocab: Option<Vec<String>>,
    pub(crate) emb_szs: Vec<[usize; 2]>,
    pub(crate) columns: Vec<String>,
    pub(crate) epochs: Vec<Vec<f64>>,
    #[serde(default)]
    pub(crate) fill: BTreeMap<String, f64>,
    #[serde(default)]
    pub(crate) means: BTreeMap<String, f64>,
    #[serde(default)]
    pub(crate) stds: BTreeMap<String, f64>,
}

/// How fastai was told to train.
#[derive(Deserialize)]
pub(crate) struct Config {
    pub(crate) procs: Vec<String>,
    pub(crate) layers: Vec<usize>,
    pub(crate) bs: usize,
    pub(crate) fit: String,
    pub(crate) epochs: usize,
    pub(crate) lr: f64,
    pub(crate) wd: Option<f64>,
    pub(crate) rows: usize,
    pub(crate) dep: String,
    pub(crate) y_range: Option<(f32, f32)>,
    pub(crate) opt: Option<String>,
    pub(crate) mom: Option<f64>,
}

impl Case {
    /// Whether a folder is one of this format.
    pub(crate) fn is_at(folder: &Path) -> bool {
        folder.join("meta.json").is_file()
    }

    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("meta.json");
        let text = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        let meta = serde_json::from_slice(&text).map_err(|e| Error::file(&path, e.to_string()))?;
        let data = TensorFile::read(folder.join("data.safetensors"))?;
        let steps = TensorFile::read(folder.join("steps.safetensors"))?;
        let rows = |numbers: &[f64]| numbers.iter().map(|row| *row as usize).collect::<Vec<_>>();
        let (shape, order) = steps.numbers("order")?;
        let n_train = shape.get(1).copied().unwrap_or_default();
        Ok(Self {
            folder: folder.to_path_buf(),
            meta,
            x_cat: data.numbers("x_cat")?.1,
            x_cont: data.numbers("x_cont")?.1,
            y: data.numbers("y")?.1,
            valid_rows: rows(&data.numbers("valid_rows")?.1),
            valid_preds: data.numbers("valid_preds")?.1,
            order: order.chunks_exact(n_train.max(1)).map(rows).collect(),
            loss: steps.numbers("loss")?.1,
            lr: steps.numbers("lr")?.1,
            mom: steps.numbers("mom")?.1,
        })
    }
}

/// A safetensors file in memory.
pub(crate) struct TensorFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl TensorFile {
    pub(crate) fn read(path: PathBuf) -> Result<Self> {
        let bytes = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        Ok(Self { path, bytes })
    }

    /// Shape and numbers of a tensor. All types of the format fit into an f64.
    pub(crate) fn numbers(&self, name: &str) -> Result<(Vec<usize>, Vec<f64>)> {
        let wrong = |message: String| Error::file(&self.path, format!("`{name}`: {message}"));
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|e| wrong(e.to_string()))?;
        let tensor = tensors.tensor(name).map_err(|e| wrong(e.to_string()))?;
        let data = tensor.data();
        let numbers = match tensor.dtype() {
            Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect(),
            Dtype::F64 => data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
            Dtype::I32 => data.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect(),
            Dtype::I64 => data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
            other => return Err(wrong(format!("{other:?} is not a type of this format"))),
        };
        Ok((tensor.shape().to_vec(), numbers))
    }
}
