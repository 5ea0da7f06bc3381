//! The article's model out of Burn's own layers.

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor};

use crate::data::Shapes;

#[derive(Module, Debug)]
pub struct Tabular {
    embeddings: Vec<Embedding>,
    numbers_norm: BatchNorm,
    hidden: Vec<Linear>,
    norms: Vec<BatchNorm>,
    last: Linear,
}

impl Tabular {
    pub fn new(shapes: &Shapes, device: &Device) -> Self {
        let embedding = |(levels, size): (&usize, &usize)| EmbeddingConfig::new(*levels, *size).init(device);
        let inputs = shapes.sizes.iter().sum::<usize>() + shapes.numbers;
        let widths = [inputs, 200, 100];
        Self {
            embeddings: shapes.levels.iter().zip(&shapes.sizes).map(embedding).collect(),
            numbers_norm: BatchNormConfig::new(shapes.numbers).init(device),
            hidden: widths
                .windows(2)
                .map(|w| LinearConfig::new(w[0], w[1]).with_bias(false).init(device))
                .collect(),
            norms: widths[1..].iter().map(|width| BatchNormConfig::new(*width).init(device)).collect(),
            last: LinearConfig::new(100, 2).init(device),
        }
    }

    /// `codes` are [rows, 1] for each column, `numbers` are [rows, columns].
    pub fn forward(&self, codes: &[Tensor<2, Int>], numbers: Tensor<2>) -> Tensor<2> {
        let embedded = self.embeddings.iter().zip(codes).map(|(embedding, codes)| {
            let [rows, _] = codes.dims();
            let vectors: Tensor<3> = embedding.forward(codes.clone());
            let [_, _, size] = vectors.dims();
            vectors.reshape([rows, size])
        });
        let numbers = self.numbers_norm.forward(numbers);
        let mut x = Tensor::cat(embedded.chain([numbers]).collect(), 1);
        for (linear, norm) in self.hidden.iter().zip(&self.norms) {
            x = norm.forward(relu(linear.forward(x)));
        }
        self.last.forward(x)
    }
}
