//! Burn on its CPU backend, with the batches of an epoch in tensors before the clock starts.
//!
//! `peer-burn DATA` speaks as every worker does: it says what it is, then answers `turn` and `accuracy`.

mod data;
mod model;

use std::io::{BufRead, Write};
use std::time::Instant;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

use data::{Batch, Rows, Shapes};
use model::Tabular;

const ROWS: usize = 64;

struct Training {
    model: Tabular,
    optimizer: ModuleOptimizer,
    batches: Vec<Batch>,
    test: Rows,
    device: Device,
}

impl Training {
    fn epoch(&mut self) -> f64 {
        let begin = Instant::now();
        let loss = CrossEntropyLossConfig::new().init(&self.device);
        let mut last: Option<Tensor<1>> = None;
        for batch in &self.batches {
            let logits = self.model.forward(&batch.codes, batch.numbers.clone());
            let value = loss.forward(logits, batch.classes.clone());
            let gradients = GradientsParams::from_grads(value.backward(), &self.model);
            self.model = self.optimizer.step(1e-3, self.model.clone(), gradients);
            last = Some(value);
        }
        // Whatever is still under way belongs to the epoch.
        if let Some(value) = last {
            assert!(value.into_scalar::<f32>().is_finite(), "the loss is not a number");
        }
        begin.elapsed().as_secs_f64()
    }

    fn accuracy(&self) -> f64 {
        let device = Device::flex();
        let model = self.model.valid();
        let all = self.test.batch(0..self.test.len(), &device);
        let logits: Vec<f32> =
            model.forward(&all.codes, all.numbers).into_data().try_to_vec().expect("logits are numbers");
        let right = logits.chunks_exact(2).zip(self.test.classes()).filter(|(p, y)| (p[1] > p[0]) == (**y == 1));
        right.count() as f64 / self.test.len() as f64
    }
}

fn main() {
    let folder = std::env::args().nth(1).expect("the folder with the data");
    let folder = std::path::Path::new(&folder);
    let device = Device::flex().autodiff();
    device.seed(42);
    let shapes = Shapes::read(folder);
    let (train, test) = (Rows::read(folder, "train", &shapes), Rows::read(folder, "test", &shapes));
    let batches = (0..train.len() / ROWS).map(|i| train.batch(i * ROWS..(i + 1) * ROWS, &device)).collect();
    let optimizer = AdamWConfig::new().with_beta_2(0.99).with_epsilon(1e-5).with_weight_decay(0.01).init();
    let model = Tabular::new(&shapes, &device);
    let mut training = Training { model, optimizer, batches, test, device };
    training.epoch();
    answer("{\"version\": \"0.22.1\", \"detail\": \"flex\"}");
    for line in std::io::stdin().lock().lines() {
        match line.expect("text").as_str() {
            "turn" => answer(&format!("{{\"seconds\": {}}}", training.epoch())),
            "accuracy" => answer(&format!("{{\"accuracy\": {}}}", training.accuracy())),
            other => panic!("`{other}` is neither `turn` nor `accuracy`"),
        }
    }
}

fn answer(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("somebody listens");
}
