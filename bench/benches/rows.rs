//! Kernels and steps, one row each. `cargo xtask bench` turns what criterion measures into GFLOP/s and shares of the
//! peak; the throughput of a row is its floating-point operations if its name ends in `flop`, else rows of data.

use std::hint::black_box;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use highmark::{
    Batch, CrossEntropy, CsvOptions, DataConfig, Learner, Loader, Loss, Mode, Model, NamedData, Optimizer,
    OptimizerConfig, Order, ParamKind, Params, Result, Split, TabularData, read_csv_from,
};
use highmark_bench::{Peak, Shape, adult, forward_flops, step_flops, synthetic};

const THREADS: [usize; 2] = [1, 2];

fn peak(c: &mut Criterion) {
    let peak = Peak::detect();
    let rounds = 1 << 20;
    let mut group = c.benchmark_group("peak");
    for threads in THREADS {
        group.throughput(Throughput::Elements(threads as u64 * rounds * peak.round_flops()));
        group.bench_function(BenchmarkId::new("multiply-add flop", threads), |b| {
            b.iter_custom(|n| Duration::from_secs_f64((0..n).map(|_| peak.seconds(threads, rounds)).sum()));
        });
    }
}

/// Time of `steps` training steps, from whole epochs with their shuffle, loading, and record.
fn train(learner: &mut Learner, steps: u64) -> Result<Duration> {
    let (mut done, mut time) = (0, Duration::ZERO);
    while done < steps {
        time += learner.fit(1, None)?.timings.train;
        done += learner.history().losses.len() as u64;
    }
    Ok(time.mul_f64(steps as f64 / done as f64))
}

fn steps(c: &mut Criterion) -> Result<()> {
    let data = adult()?;
    let mut group = c.benchmark_group("training step");
    for (name, shape) in [("article, 64 rows", Shape::ARTICLE), ("wide, 1024 rows", Shape::WIDE)] {
        for threads in THREADS {
            let mut learner = shape.learner(&data, threads)?;
            group.throughput(Throughput::Elements(step_flops(&shape.widths(), shape.rows)));
            let mut failure = None;
            group.bench_function(BenchmarkId::new(format!("{name} flop"), threads), |b| {
                b.iter_custom(|n| {
                    train(&mut learner, n).unwrap_or_else(|e| {
                        failure = Some(e);
                        Duration::from_nanos(n)
                    })
                });
            });
            failure.map_or(Ok(()), Err)?;
        }
    }
    Ok(())
}

/// The first batch of an epoch.
fn batch(data: &TabularData, rows: usize) -> Result<Batch> {
    let loader = Loader::new(Arc::clone(&data.train), rows, Order::Shuffled { seed: 42 }, true)?;
    let mut batch = loader.empty_batch();
    loader.load(0, &mut batch);
    Ok(batch)
}

fn passes(c: &mut Criterion) -> Result<()> {
    let data = adult()?;
    let mut group = c.benchmark_group("pass");
    for (name, shape) in [("article", Shape::ARTICLE), ("wide", Shape::WIDE)] {
        let batch = batch(&data, shape.rows)?;
        let flops = forward_flops(&shape.widths(), shape.rows);
        for threads in THREADS {
            let mut model = shape.model(threads)?;
            let mut raw = Vec::new();
            let train = Mode::Train { seed: 42, step: 0 };
            model.forward(&batch, train, &mut raw)?;
            group.throughput(Throughput::Elements(flops));
            for (pass, mode) in [("forward", train), ("forward without training", Mode::Eval)] {
                group.bench_function(BenchmarkId::new(format!("{name}: {pass} flop"), threads), |b| {
                    b.iter(|| model.forward(&batch, mode, &mut raw));
                });
            }
            model.forward(&batch, train, &mut raw)?;
            let grad: Vec<f32> = raw.iter().map(|x| x / shape.rows as f32).collect();
            group.throughput(Throughput::Elements(2 * flops));
            group.bench_function(BenchmarkId::new(format!("{name}: backward flop"), threads), |b| {
                b.iter(|| {
                    model.params_mut().zero_grad();
                    model.backward(&batch, &grad)
                });
            });
        }
    }
    Ok(())
}

fn around(c: &mut Criterion) -> Result<()> {
    let data = adult()?;
    let shape = Shape::ARTICLE;
    let mut group = c.benchmark_group("around the model");

    let mut loader = Loader::new(Arc::clone(&data.train), shape.rows, Order::Shuffled { seed: 42 }, true)?;
    let mut batch = loader.empty_batch();
    let (mut epoch, mut position) = (0, 0);
    group.throughput(Throughput::Elements(shape.rows as u64));
    group.bench_function(BenchmarkId::new("loader: a batch of 64 rows", 1), |b| {
        b.iter(|| {
            if position == loader.batches() {
                (epoch, position) = (epoch + 1, 0);
                loader.start(epoch);
            }
            loader.load(position, &mut batch);
            position += 1;
        });
    });

    let (loss, mut raw) = (CrossEntropy::default(), Vec::new());
    shape.model(1)?.forward(&batch, Mode::Eval, &mut raw)?;
    let mut grad = vec![0.0; raw.len()];
    group.bench_function(BenchmarkId::new("cross-entropy and its gradient: 64 rows", 1), |b| {
        b.iter(|| batch.targets.as_ref().map(|targets| loss.evaluate(&raw, 2, targets, Some(&mut grad))));
    });

    let million = 1_000_000;
    let mut params = Params::default();
    params.add("layers.0.0.weight", &[1000, million / 1000], ParamKind::Weight);
    params.grads.iter_mut().enumerate().for_each(|(i, g)| *g = (i % 7) as f32 - 3.0);
    let mut optimizer = Optimizer::new(&OptimizerConfig::default(), &params, &[], 1e-3)?;
    group.throughput(Throughput::Elements(million as u64));
    group.bench_function(BenchmarkId::new("adam: a step of 1 million parameters", 1), |b| {
        b.iter(|| optimizer.step(&mut params));
    });
    Ok(())
}

fn prediction(c: &mut Criterion) -> Result<()> {
    let rows = 100_000;
    let data = synthetic(rows, &Shape::LEVELS, Shape::NUMBERS, 1)?;
    let mut group = c.benchmark_group("prediction");
    group.throughput(Throughput::Elements(rows as u64));
    for threads in THREADS {
        let mut learner = Shape::ARTICLE.learner_on(Arc::clone(&data), Arc::clone(&data), threads)?;
        group.bench_function(BenchmarkId::new("article: 100 thousand rows", threads), |b| {
            b.iter(|| learner.predict_dataset(&data));
        });
    }
    Ok(())
}

fn tables(c: &mut Criterion) -> Result<()> {
    let csv = NamedData::Adult.csv_bytes()?;
    let read = || read_csv_from(Path::new("adult.csv"), Cursor::new(&csv), &CsvOptions::default());
    let table = read()?;
    let config = DataConfig {
        targets: vec!["salary".into()],
        valid: Split::Rows(1024..1260),
        ..DataConfig::default()
    };
    let mut group = c.benchmark_group("table");
    group.throughput(Throughput::Elements(table.rows() as u64));
    group.bench_function(BenchmarkId::new("CSV to columns", 1), |b| b.iter(read));
    group.bench_function(BenchmarkId::new("columns to encoded data", 1), |b| {
        b.iter(|| TabularData::new(black_box(&table), &config));
    });
    group.bench_function(BenchmarkId::new("CSV to encoded data", 1), |b| {
        b.iter(|| TabularData::new(&read()?, &config));
    });
    Ok(())
}

fn all(c: &mut Criterion) {
    peak(c);
    let groups: [fn(&mut Criterion) -> Result<()>; 5] = [steps, passes, around, prediction, tables];
    for group in groups {
        if let Err(error) = group(c) {
            complain(&error);
        }
    }
}

#[expect(clippy::print_stderr, reason = "the benchmark's output")]
fn complain(error: &highmark::Error) {
    eprintln!("error: {error}");
}

fn quick() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
}

criterion_group! { name = rows; config = quick(); targets = all }
criterion_main!(rows);
