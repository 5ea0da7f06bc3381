//! The exported rows.

use std::fs;
use std::ops::Range;
use std::path::Path;

use burn::tensor::{Device, Int, Tensor, TensorData};

/// What `shapes.json` says, as far as it is needed here.
pub struct Shapes {
    pub levels: Vec<usize>,
    pub sizes: Vec<usize>,
    pub numbers: usize,
}

impl Shapes {
    pub fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("shapes.json")).expect("shapes.json");
        // Flat JSON with one level of lists: what lies between `"name":` and the end of the value.
        let value = |name: &str| -> Vec<usize> {
            let start = text.find(&format!("\"{name}\":")).expect(name) + name.len() + 3;
            let rest = text[start..].trim_start();
            let end = rest.find(if rest.starts_with('[') { ']' } else { '\n' }).unwrap_or(rest.len());
            let numbers = rest[..end].split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
            numbers.map(|part| part.parse().expect("a number")).collect()
        };
        Self { levels: value("levels"), sizes: value("embedding_sizes"), numbers: value("numbers")[0] }
    }
}

/// Encoded rows.
pub struct Rows {
    columns: usize,
    numbers: usize,
    x_cat: Vec<i32>,
    x_cont: Vec<f32>,
    y: Vec<i32>,
}

/// Some of them in tensors: a column of codes each, the numbers, the classes.
pub struct Batch {
    pub codes: Vec<Tensor<2, Int>>,
    pub numbers: Tensor<2>,
    pub classes: Tensor<1, Int>,
}

impl Rows {
    pub fn read(folder: &Path, name: &str, shapes: &Shapes) -> Self {
        let words = |file: &str| -> Vec<[u8; 4]> {
            let bytes = fs::read(folder.join(format!("{name}-{file}"))).expect(file);
            bytes.as_chunks().0.to_vec()
        };
        let integers = |file| words(file).into_iter().map(i32::from_ne_bytes).collect();
        Self {
            columns: shapes.levels.len(),
            numbers: shapes.numbers,
            x_cat: integers("cat.i32"),
            x_cont: words("cont.f32").into_iter().map(f32::from_ne_bytes).collect(),
            y: integers("y.i32"),
        }
    }

    pub fn len(&self) -> usize {
        self.y.len()
    }

    pub fn classes(&self) -> &[i32] {
        &self.y
    }

    pub fn batch(&self, rows: Range<usize>, device: &Device) -> Batch {
        let count = rows.len();
        let codes = (0..self.columns).map(|column| {
            let codes: Vec<i32> = rows.clone().map(|row| self.x_cat[row * self.columns + column]).collect();
            Tensor::from_data(TensorData::new(codes, [count, 1]), device)
        });
        let numbers = self.x_cont[rows.start * self.numbers..rows.end * self.numbers].to_vec();
        Batch {
            codes: codes.collect(),
            numbers: Tensor::from_data(TensorData::new(numbers, [count, self.numbers]), device),
            classes: Tensor::from_data(TensorData::new(self.y[rows].to_vec(), [count]), device),
        }
    }
}
