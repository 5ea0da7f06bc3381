//! Writes the inputs that fuzzing starts from into `corpus/`. Run it again when a format changes: `cargo xtask fuzz seeds`.

use std::path::Path;
use std::time::Duration;

use highmark::{
    Budget, CheckpointConfig, CsvOptions, DataConfig, Event, Learner, LearnerConfig, Phase, Schedule, Span,
    Split, TabularConfig, TabularData, on, read_csv_from,
};

#[path = "../targets/mod.rs"]
#[allow(dead_code)]
mod targets;

fn main() -> highmark::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in ["model", "checkpoint", "csv", "config", "replay"] {
        std::fs::create_dir_all(corpus.join(target)).expect("a folder can be made");
    }
    models(&corpus.join("model"))?;
    checkpoints(&corpus.join("checkpoint"))?;
    plans(&corpus.join("replay"))?;
    texts(&corpus);
    Ok(())
}

fn models(corpus: &Path) -> highmark::Result<()> {
    let csv = "age,city,height,answer,price\n31,Oslo,1.8,yes,2\n,Bergen,1.7,no,3\n50,Oslo,1.6,yes,4\n22,Rome,1.9,no,5\n";
    let table = read_csv_from("people.csv".as_ref(), csv.repeat(1).as_bytes(), &CsvOptions::default())?;
    for target in ["answer", "price"] {
        let ignore = if target == "answer" { "price" } else { "answer" };
        let config = DataConfig {
            targets: vec![target.into()],
            ignore: vec![ignore.into()],
            valid: Split::Rows(2..4),
            ..DataConfig::default()
        };
        let data = TabularData::new(&table, &config)?;
        let model = TabularConfig { layers: vec![2], ..TabularConfig::default() };
        let config = LearnerConfig {
            model,
            batch_size: 2,
            scale_target: target == "price",
            model_dir: corpus.into(),
            ..LearnerConfig::default()
        };
        let mut learn = Learner::tabular(&data, config)?;
        learn.quiet();
        learn.save(target)?;
    }
    Ok(())
}

fn checkpoints(corpus: &Path) -> highmark::Result<()> {
    for (name, stop) in
        [("train", (2, Phase::Train)), ("validate", (3, Phase::Validate)), ("end", (99, Phase::Train))]
    {
        let folder = targets::scratch("seeds");
        let mut learn = targets::small_learner(Some(CheckpointConfig::new(&folder)));
        let stop = on("stop", Event::After(Span::Batch), move |t| {
            if (t.progress().train_iter, t.phase()) == stop {
                t.stop_flag().raise();
            }
            Ok(())
        });
        learn.fit_with(3, Some(0.01), &Schedule::one_cycle(), vec![stop])?;
        // Without the callback that stops it, whose state a resumed fit would ask for.
        let file = folder.join("checkpoint.safetensors");
        std::fs::copy(file, corpus.join(name)).expect("a file can be copied");
    }
    Ok(())
}

fn plans(corpus: &Path) -> highmark::Result<()> {
    for (name, step) in [("even", 1), ("slower", 40)] {
        let clock = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let shown = clock.clone();
        let mut learn = targets::small_learner(None);
        let shown = move || Duration::from_millis(shown.load(std::sync::atomic::Ordering::Relaxed));
        learn.set_budget(Some(Budget::with_clock(Duration::from_secs(1), shown)?));
        let slow = on("slow", Event::Before(Span::Batch), move |t| {
            let cost = 10 + t.progress().train_iter * step;
            clock.fetch_add(cost as u64, std::sync::atomic::Ordering::Relaxed);
            Ok(())
        });
        learn.fit_with(30, Some(0.01), &Schedule::one_cycle(), vec![slow])?;
        let plans = serde_json::to_string(&learn.history().plans).expect("plans are JSON");
        std::fs::write(corpus.join(name), plans).expect("a file can be written");
    }
    Ok(())
}

fn texts(corpus: &Path) {
    let csv = [
        ("plain", "\0a,b,c\n1,2.5,x\n-3,1e300,\"y, z\"\n,nan,\n"),
        ("quoted", "\0\u{feff}\"a \"\"q\"\"\",b\r\n\"two\nlines\",0x1\r\n+7,٣\r\n"),
        ("semicolons", "\x02a;b\n1,5;2\n3;4\n"),
        ("headless", "\x051,2\n3,4\n"),
        ("ragged", "\0a,b\n1\n1,2,3\n"),
    ];
    let config = [
        (
            "names",
            "data = \"x.csv\"\ntarget = \"y\"\nlayers = [200, 100]\nschedule = \"one-cycle\"\nepochs = 3\n",
        ),
        (
            "tables",
            "target = [\"a\", \"b\"]\nmin_delta = 0.5\nschedule = { name = \"one-cycle\", pct_start = 0.3 }\nnon-finite = { policy = \"rollback\", every = 5 }\n\
             optimizer = { kind = \"sgd\", mom = 0.9, clip = { norm = 1.0 } }\nloss = { name = \"huber\", delta = 2 }\n[embedding-sizes]\ncity = 3\n",
        ),
        (
            "limits",
            "bs = 0\nepochs = 1000001\nseed = 18446744073709551615\nlr = inf\nvalid-rows = \"3..2\"\nthreads = 9999\n",
        ),
        ("budget", "max-time = \"1h 30m\"\nmax-usd = 1.5\nusd-per-hour = 0.45\n"),
    ];
    for (target, texts) in [("csv", &csv[..]), ("config", &config[..])] {
        for (name, text) in texts {
            std::fs::write(corpus.join(target).join(name), text).expect("a file can be written");
        }
    }
}
