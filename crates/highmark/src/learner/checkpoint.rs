//! The checkpoint: one safetensors file with everything that a fit needs to go on as if it had never stopped.
//!
//! The parameters stand under the model's names, so the file also serves as weights; the optimizer's averages begin with
//! `optim.`, the record with `history.`, running sums with `metric.`, callbacks' numbers with `callback.NAME.`. Everything
//! small is JSON in the metadata. The last tensor, 8 bytes, is the checksum of all bytes before it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::budget::{Plan, PlannerState};
use super::checksum::checksum;
use super::history::{EpochRow, Smooth};
use super::identity::Identity;
use super::outcome::Cancel;
use super::progress::Counters;
use super::trainer::Phase;
use crate::optim::Hypers;
use crate::{Error, Result};

/// The key of our metadata, and the version of its format.
pub(crate) const KEY: &str = "highmark-checkpoint";
pub(crate) const FORMAT: u32 = 1;
/// The name of the tensor with the checksum.
pub(crate) const CHECKSUM: &str = "checksum";

const NEWEST: &str = "checkpoint.safetensors";
const PREVIOUS: &str = "checkpoint-previous.safetensors";

/// The newest checkpoint of a folder.
pub(crate) fn newest(folder: &Path) -> PathBuf {
    folder.join(NEWEST)
}

/// The one before, for the case that the newest is damaged.
pub(crate) fn previous(folder: &Path) -> PathBuf {
    folder.join(PREVIOUS)
}

/// Everything but numbers in bulk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) format: u32,
    pub(crate) identity: Identity,
    pub(crate) position: Position,
    pub(crate) counters: Counters,
    pub(crate) optimizer_steps: u64,
    pub(crate) hypers: Vec<Hypers>,
    pub(crate) rows: Vec<EpochRow>,
    pub(crate) iters: Vec<usize>,
    pub(crate) smooth: Smooth,
    pub(crate) plans: Vec<Plan>,
    pub(crate) planner: Option<PlannerState>,
    pub(crate) non_finite: Value,
    pub(crate) cancels: Vec<Cancel>,
    pub(crate) monitored: Option<(String, f64)>,
    pub(crate) seconds: Seconds,
    pub(crate) callbacks: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) text: String,
}

/// Where in the fit it was made: between two batches of a pass, or between two epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Epochs planned.
    pub(crate) n_epoch: usize,
    /// The epoch under way, or the next one.
    pub(crate) epoch: usize,
    /// The pass under way.
    pub(crate) pass: Option<Phase>,
    /// Batches of the pass that are done, and all of them.
    pub(crate) iter: usize,
    pub(crate) n_iter: usize,
    pub(crate) train_iter: usize,
    /// Whether the fit had come to its end: all epochs ran, or a callback ended it.
    pub(crate) finished: bool,
}

/// Time spent so far.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seconds {
    pub(crate) train: f64,
    pub(crate) validate: f64,
    pub(crate) save: f64,
    /// Of the epoch and the pass under way.
    pub(crate) epoch: f64,
    pub(crate) pass: f64,
    /// In all, with what is none of these: loading the data, for one.
    #[serde(default)]
    pub(crate) used: f64,
}

impl Seconds {
    pub(crate) fn in_all(self) -> f64 {
        // Earlier versions did not count the rest.
        self.used.max(self.train + self.validate + self.save + self.pass)
    }
}

/// A checkpoint that was read back whole.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) meta: Meta,
    pub(crate) floats: BTreeMap<String, Vec<f32>>,
    pub(crate) doubles: BTreeMap<String, Vec<f64>>,
}

impl Checkpoint {
    /// Reads a checkpoint. Fails on a file that is not one, is of another format, or has a single wrong bit.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let file = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        Self::parse(&file).map_err(|message| Error::file(path, message))
    }

    fn parse(file: &[u8]) -> Result<Self, String> {
        let tensors =
            SafeTensors::deserialize(file).map_err(|e| format!("not a checkpoint, or damaged: {e}"))?;
        let (_, header) = SafeTensors::read_metadata(file).map_err(|e| format!("damaged: {e}"))?;
        let Some(meta) = header.metadata().as_ref().and_then(|entries| entries.get(KEY)) else {
            return Err("a safetensors file, but not a checkpoint of highmark".into());
        };
        let (content, sum) = file.split_last_chunk::<8>().ok_or("damaged: it is too short")?;
        if checksum(content) != u64::from_le_bytes(*sum) {
            return Err("damaged: its checksum is not that of its content".into());
        }
        // Before the rest, which another format may have in another shape.
        let format = serde_json::from_str::<Value>(meta).ok().and_then(|meta| meta["format"].as_u64());
        if format != Some(u64::from(FORMAT)) {
            let format = format.map_or("another format".into(), |format| format!("format {format}"));
            return Err(format!(
                "written in {format}, and this version reads {FORMAT}; go on with the highmark that wrote it"
            ));
        }
        let meta = serde_json::from_str(meta).map_err(|e| format!("its description is damaged: {e}"))?;
        let (mut floats, mut doubles) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in tensors.iter() {
            let data = tensor.data();
            match tensor.dtype() {
                Dtype::F32 => {
                    let numbers = data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
                    floats.insert(name.to_string(), numbers);
                }
                Dtype::F64 => {
                    let numbers = data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
                    doubles.insert(name.to_string(), numbers);
                }
                _ if name == CHECKSUM => {}
                other => return Err(format!("`{name}` holds {other:?}, which no checkpoint does")),
            }
        }
        Ok(Self { meta, floats, doubles })
    }

    /// The tensor called `name`, of `len` numbers.
    pub(crate) fn floats(&self, name: &str, len: usize) -> Result<&[f32]> {
        let found = self.floats.get(name).filter(|numbers| numbers.len() == len);
        found.map(Vec::as_slice).ok_or_else(|| {
            let message = format!("the checkpoint has no `{name}` of {len} numbers; it is of another model");
            Error::data(message)
        })
    }

    /// The tensors whose names begin with `prefix`, without it.
    pub(crate) fn floats_under(&self, prefix: &str) -> impl Iterator<Item = (&str, &[f32])> {
        let all = self.floats.iter();
        all.filter_map(move |(name, numbers)| Some((name.strip_prefix(prefix)?, numbers.as_slice())))
    }

    /// A series of the record; empty if there was none.
    pub(crate) fn doubles(&self, name: &str) -> Vec<f64> {
        self.doubles.get(name).cloned().unwrap_or_default()
    }
}

/// The text in a checkpoint that need not be whole.
pub(crate) fn text_unchecked(path: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Text {
        text: String,
    }
    let file = File::open(path).ok()?;
    let longest = file.metadata().ok()?.len().checked_sub(8)?;
    let mut length = [0; 8];
    (&file).read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    let mut header = Vec::new();
    // No longer than the file, whatever it says.
    file.take(length.min(longest)).read_to_end(&mut header).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    let text: Text = serde_json::from_str(header["__metadata__"][KEY].as_str()?).ok()?;
    Some(text.text)
}

/// Finds the newest good checkpoint in a folder. `None` if there is none at all; with a note if the newest could not be
/// used. Fails when there are only damaged ones.
pub(crate) fn find(folder: &Path) -> Result<Option<Found>> {
    let (newest, previous) = (newest(folder), previous(folder));
    let exists = |path: &Path| path.try_exists().map_err(|e| Error::io("read", path, e));
    let (has_newest, has_previous) = (exists(&newest)?, exists(&previous)?);
    let error = match has_newest.then(|| Checkpoint::read(&newest)) {
        Some(Ok(checkpoint)) => return Ok(Some(Found { checkpoint, path: newest, note: None })),
        Some(Err(error)) => Some(error),
        None => None,
    };
    let before = match (has_previous.then(|| Checkpoint::read(&previous)), &error) {
        (Some(Ok(checkpoint)), error) => {
            let note = error.as_ref().map(|error| format!("{error}; going on from the one before"));
            return Ok(Some(Found { checkpoint, path: previous, note }));
        }
        (Some(Err(before)), _) => Some(before),
        (None, _) => None,
    };
    let errors: Vec<String> = error.into_iter().chain(before).map(|error| error.to_string()).collect();
    if errors.is_empty() {
        return Ok(None);
    }
    Err(Error::data(format!(
        "{}; there is no other to go on from, so move it away to begin the run anew",
        errors.join("; ")
    )))
}

/// A good checkpoint.
pub(crate) struct Found {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) path: PathBuf,
    /// Why it is not the newest.
    pub(crate) note: Option<String>,
}

#[cfg(test)]
pub(in crate::learner) mod tests;
