//! The article's experiment: one model, one table, three ways to end training.
//!
//! ```text
//! cargo run --release --example article
//! ```
//!
//! 1. Plain: all ten epochs run, and the weights are those of the last one.
//! 2. Early stopping: it stops three epochs after the last real improvement; the weights are still the last ones.
//! 3. Early stopping and save-best: it stops, and the model that comes back is the best one.

use highmark::{
    Accuracy, Callback, DataConfig, EarlyStopping, Error, Learner, LearnerConfig, Monitor, NamedData,
    OneCycle, Proc, ProgressBar, Result, SaveBest, Split, TabularConfig, TabularData,
};

fn main() -> Result<()> {
    let table = NamedData::Adult.table()?;
    let config = DataConfig {
        targets: vec!["salary".into()],
        procs: vec![Proc::fill_missing(), Proc::Categorify],
        valid: Split::Rows(1024..1260),
        ..DataConfig::default()
    };
    let data = TabularData::new(&table, &config)?;

    run("1. plain", &data, vec![])?;
    run("2. early stopping", &data, vec![Box::new(early_stopping())])?;
    run("3. early stopping and save-best", &data, vec![Box::new(early_stopping()), Box::new(save_best()?)])
}

fn early_stopping() -> EarlyStopping {
    EarlyStopping::new(Monitor::new("accuracy").min_delta(0.01)).patience(3)
}

fn save_best() -> Result<SaveBest> {
    let folder = std::env::temp_dir().join("highmark-article");
    std::fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))?;
    Ok(SaveBest::new(Monitor::new("accuracy")).path(folder.join("model.safetensors")))
}

fn run(title: &str, data: &TabularData, callbacks: Vec<Box<dyn Callback>>) -> Result<()> {
    let mut learn = Learner::tabular(
        data,
        LearnerConfig {
            model: TabularConfig { layers: vec![200, 100], ..TabularConfig::default() },
            metrics: vec![Box::new(Accuracy::default())],
            callbacks,
            ..LearnerConfig::default()
        },
    )?;
    learn.callbacks_mut().add(Box::new(ProgressBar))?;
    let say = |learn: &mut Learner, line: String| learn.trainer_mut().say(&line);
    say(&mut learn, format!("\n{title}"));
    let report = learn.fit_one_cycle(10, &OneCycle::default())?;

    let saved = learn.callbacks().get::<SaveBest>();
    let kept = saved
        .and_then(SaveBest::best_epoch)
        .map_or("the last epoch's".into(), |epoch| format!("epoch {epoch}'s"));
    let files: Vec<_> = saved
        .map(SaveBest::saved)
        .unwrap_or_default()
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let accuracy = learn
        .validate()?
        .into_iter()
        .find(|(name, _)| name == "accuracy")
        .map_or(f64::NAN, |(_, value)| value);
    say(
        &mut learn,
        format!("{} of {} epochs; {}", report.epochs_run, report.epochs_planned, report.stop_reason()),
    );
    say(&mut learn, format!("the model holds {kept} weights and validates at accuracy {accuracy:.6}"));
    for file in files {
        say(&mut learn, format!("saved {file}"));
    }
    Ok(())
}
