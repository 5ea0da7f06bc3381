//! A checkpoint in memory: filled by the training thread between two steps, written by another.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::checkpoint::{CHECKSUM, KEY, Meta};
use super::checksum::Summing;
use super::history::History;
use crate::engine::Lines;
use crate::models::Model;

/// The numbers of a tensor: copies in the frame's buffers, or shared with somebody who never changes them.
enum Source {
    Floats(Range<usize>),
    Shared(Arc<[f32]>),
    Doubles(Range<usize>),
    /// Of the history, which only grows: one of its series of floats, or of doubles.
    FloatSeries(usize),
    DoubleSeries(usize),
}

struct Entry {
    name: String,
    shape: Vec<usize>,
    source: Source,
}

/// Buffers that are used again for the next checkpoint, so that filling them is copying and no more.
#[derive(Default)]
pub(crate) struct Frame {
    /// What is not numbers in bulk; `None` before it is filled.
    pub(crate) meta: Option<Meta>,
    entries: Vec<Entry>,
    floats: Lines,
    used: usize,
    doubles: Vec<f64>,
    float_series: [Vec<f32>; 2],
    double_series: [Vec<f64>; 2],
    /// Which turn of the history the series follow: it goes back when a fit does.
    turn: u32,
}

impl Frame {
    /// Forgets the tensors and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.meta = None;
        self.entries.clear();
        self.doubles.clear();
        self.used = 0;
    }

    /// Asks for the memory of so many floats, and touches it, so that the first frame is no slower than the others.
    pub(crate) fn reserve(&mut self, floats: usize) {
        self.floats.grow(floats);
    }

    /// Has `model` copy numbers that several tensors share and says where they are.
    pub(crate) fn copy(&mut self, model: &dyn Model, numbers: &[f32]) -> usize {
        let start = self.used;
        self.used += numbers.len();
        self.floats.grow(self.used);
        model.copy(numbers, &mut self.floats[start..self.used]);
        start
    }

    /// Names a part of what was copied.
    pub(crate) fn name(&mut self, name: String, shape: Vec<usize>, range: Range<usize>) {
        self.entries.push(Entry { name, shape, source: Source::Floats(range) });
    }

    /// Has `model` copy a tensor without more shape than its length.
    pub(crate) fn add(&mut self, model: &dyn Model, name: String, numbers: &[f32]) {
        let start = self.copy(model, numbers);
        self.name(name, vec![numbers.len()], start..start + numbers.len());
    }

    /// Takes a tensor without copying it.
    pub(crate) fn share(&mut self, name: String, numbers: Arc<[f32]>) {
        self.entries.push(Entry { name, shape: vec![numbers.len()], source: Source::Shared(numbers) });
    }

    /// Copies numbers of double precision.
    pub(crate) fn add_doubles(&mut self, name: String, numbers: &[f64]) {
        let start = self.doubles.len();
        self.doubles.extend_from_slice(numbers);
        let source = Source::Doubles(start..self.doubles.len());
        self.entries.push(Entry { name, shape: vec![numbers.len()], source });
    }

    /// Copies what the series of the history have grown by. `turn` changes when they were put back.
    pub(crate) fn follow(&mut self, history: &History, turn: u32) {
        if self.turn != turn {
            self.float_series.iter_mut().for_each(Vec::clear);
            self.double_series.iter_mut().for_each(Vec::clear);
            self.turn = turn;
        }
        let floats = [("losses", &history.losses), ("smooth_losses", &history.smooth_losses)];
        for (i, (name, all)) in floats.into_iter().enumerate() {
            let own = &mut self.float_series[i];
            own.extend_from_slice(&all[own.len().min(all.len())..]);
            let (name, shape) = (format!("history.{name}"), vec![all.len()]);
            self.entries.push(Entry { name, shape, source: Source::FloatSeries(i) });
        }
        for (i, (name, all)) in [("lrs", &history.lrs), ("moms", &history.moms)].into_iter().enumerate() {
            let own = &mut self.double_series[i];
            own.extend_from_slice(&all[own.len().min(all.len())..]);
            let (name, shape) = (format!("history.{name}"), vec![all.len()]);
            self.entries.push(Entry { name, shape, source: Source::DoubleSeries(i) });
        }
    }

    /// Writes the file.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut header = Vec::new();
        let mut json = serde_json::Serializer::new(&mut header);
        let mut map = json.serialize_map(None)?;
        map.serialize_entry("__metadata__", &BTreeMap::from([(KEY, serde_json::to_string(&self.meta)?)]))?;
        let mut end = 0;
        for Entry { name, shape, source } in &self.entries {
            let (dtype, width) = match source {
                Source::Floats(_) | Source::Shared(_) | Source::FloatSeries(_) => ("F32", 4),
                Source::Doubles(_) | Source::DoubleSeries(_) => ("F64", 8),
            };
            let start = end;
            end += width * shape.iter().product::<usize>();
            map.serialize_entry(name, &Placed { dtype, shape, data_offsets: [start, end] })?;
        }
        let sum = Placed { dtype: "U64", shape: &[1], data_offsets: [end, end + 8] };
        map.serialize_entry(CHECKSUM, &sum)?;
        map.end()?;
        header.resize(header.len().next_multiple_of(8), b' ');

        let mut out = Summing::new(out);
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for entry in &self.entries {
            match &entry.source {
                Source::Floats(range) => write_floats(&mut out, &self.floats[range.clone()]),
                Source::Shared(numbers) => write_floats(&mut out, numbers),
                Source::FloatSeries(i) => write_floats(&mut out, &self.float_series[*i]),
                Source::Doubles(range) => write_doubles(&mut out, &self.doubles[range.clone()]),
                Source::DoubleSeries(i) => write_doubles(&mut out, &self.double_series[*i]),
            }?;
        }
        let (out, sum) = out.finish();
        out.write_all(&sum.to_le_bytes())
    }
}

/// What the header says of a tensor.
#[derive(Serialize)]
struct Placed<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

/// Numbers that become bytes at a time.
const PIECE: usize = 1024;
/// Bytes that go to the file at a time. More would be memory of its own each time, which the system has to clear.
pub(crate) const PIECE_BYTES: usize = 1 << 16;

fn write_floats(out: &mut impl Write, numbers: &[f32]) -> io::Result<()> {
    let mut bytes = [0; 4 * PIECE];
    for piece in numbers.chunks(PIECE) {
        bytes.as_chunks_mut().0.iter_mut().zip(piece).for_each(|(to, x)| *to = x.to_le_bytes());
        out.write_all(&bytes[..4 * piece.len()])?;
    }
    Ok(())
}

fn write_doubles(out: &mut impl Write, numbers: &[f64]) -> io::Result<()> {
    let mut bytes = [0; 4 * PIECE];
    for piece in numbers.chunks(PIECE / 2) {
        bytes.as_chunks_mut().0.iter_mut().zip(piece).for_each(|(to, x)| *to = x.to_le_bytes());
        out.write_all(&bytes[..8 * piece.len()])?;
    }
    Ok(())
}
