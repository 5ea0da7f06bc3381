//! The same seed gives the same bits, on any number of threads.

use highmark::{
    Accuracy, DataConfig, Learner, LearnerConfig, NamedData, OneCycle, Order, Split, TabularConfig,
    TabularData,
};

fn trained(data: &TabularData, seed: u64, threads: usize, batch_size: usize) -> (Vec<u32>, Vec<u32>) {
    // Wide enough that the threads have something to share out.
    let model = TabularConfig {
        layers: vec![200, 100],
        dropout: vec![0.1],
        embed_dropout: 0.05,
        ..TabularConfig::default()
    };
    let config = LearnerConfig {
        model,
        metrics: vec![Box::new(Accuracy::default())],
        seed,
        threads,
        batch_size,
        ..LearnerConfig::default()
    };
    let mut learn = Learner::tabular(data, config).unwrap();
    learn.quiet();
    learn.fit_one_cycle(1, &OneCycle::default()).unwrap();
    let params = learn.trainer().model.params();
    let weights = params.values.iter().chain(&params.buffers).map(|x| x.to_bits()).collect();
    (weights, learn.predict_dataset(&data.valid).unwrap().iter().map(|x| x.to_bits()).collect())
}

fn data() -> TabularData {
    let table = NamedData::Adult.table().unwrap().slice(0, 2500);
    let config = DataConfig {
        targets: vec!["salary".into()],
        valid: Split::Rows(1024..1260),
        ..DataConfig::default()
    };
    TabularData::new(&table, &config).unwrap()
}

#[test]
fn twice_and_on_any_number_of_threads() {
    let data = data();
    // In a large batch, threads share what one of them does alone in a small one: embeddings, the norm of the inputs.
    for batch_size in [64, 1000] {
        let once = trained(&data, 42, 1, batch_size);
        for threads in [1, 2, 3, 8] {
            assert!(
                trained(&data, 42, threads, batch_size) == once,
                "{threads} threads, batches of {batch_size}"
            );
        }
        assert!(trained(&data, 43, 1, batch_size) != once);
    }
}

#[test]
fn the_order_is_a_function_of_seed_and_epoch() {
    let loader = |seed| highmark::Loader::new(data().train, 64, Order::Shuffled { seed }, true).unwrap();
    let (mut a, mut b, mut c) = (loader(1), loader(1), loader(2));
    b.start(7);
    c.start(3);
    b.start(3);
    a.start(3);
    assert_eq!(a.rows(), b.rows());
    assert_ne!(a.rows(), c.rows());
}
