//! `highmark validate`.

use highmark::{Metric, StopFlag, metric};
use serde_json::json;

use crate::args::ValidateArgs;
use crate::config::{Config, OneOrMore};
use crate::experiment::Experiment;
use crate::failure::{Failure, Result};
use crate::notice;
use crate::run_report::measure;
use crate::screen;
use crate::source;
use crate::text_table::{count, text_table};
use crate::trained::Trained;

/// What a model is worth on some rows.
struct Scores {
    data: String,
    rows: usize,
    /// Rows without a target.
    left_out: usize,
    /// By name, the loss first.
    values: Vec<(String, f64)>,
    /// In what the rows differ from the training rows.
    drift: Vec<String>,
}

/// Measures the model and prints loss and metrics.
pub(crate) fn run(args: &ValidateArgs) -> Result<()> {
    for name in args.metrics.iter().flatten() {
        metric(name).map_err(Failure::usage)?;
    }
    let trained = Trained::find(&args.run)?;
    let stop = notice::watch(&args.deadline)?;
    let scores = match &args.data {
        Some(data) => on_data(args, &trained, data, stop)?,
        None => on_own_rows(args, &trained, stop)?,
    };
    if scores.left_out > 0 {
        screen::note(format!("{} without a target left out", count(scores.left_out, "row")));
    }
    scores.drift.iter().for_each(screen::note);
    if args.json {
        let finite = |x: f64| x.is_finite().then_some(x);
        let mut value = json!({ "model": trained.file, "data": scores.data, "rows": scores.rows, "left_out": scores.left_out, "drift": scores.drift });
        for (name, x) in &scores.values {
            value[name] = json!(finite(*x));
        }
        return screen::print_json(&value);
    }
    let rows: Vec<_> = scores.values.iter().map(|(name, x)| vec![name.clone(), measure(*x)]).collect();
    let title = format!(
        "{} on {} of {}",
        trained.file.display(),
        count(scores.rows, "row"),
        source::shown(&scores.data)
    );
    screen::print(&format!("{title}\n\n{}", text_table(&["measure", "value"], &rows)))
}

/// The rows that the run validated on, by the same way as the run, so that the numbers are the same.
fn on_own_rows(args: &ValidateArgs, trained: &Trained, stop: StopFlag) -> Result<Scores> {
    let Some(mut config) = trained.config()? else {
        let message = format!(
            "{} is not the folder of a run, so it is not known which rows it was validated on; name the data too",
            args.run.display()
        );
        return Err(Failure::usage(message));
    };
    if let Some(metrics) = &args.metrics {
        // Nothing is monitored here.
        (config.metrics, config.monitor) = (Some(OneOrMore(metrics.clone())), Some("valid_loss".into()));
    }
    config.set_csv(&args.csv);
    config.drop_missing_target |= args.drop_missing_target;
    config.threads = args.threads.unwrap_or(config.threads);
    config.check()?;
    let model = trained.load(args.threads)?;
    let mut experiment = Experiment::prepare(config, stop)?;
    if experiment.data.pipeline != *model.pipeline()? {
        let message = format!(
            "{} is no longer what this run was trained on; to measure the model on it as it is now, name it: highmark validate RUN FILE",
            source::shown(&experiment.config.data)
        );
        return Err(Failure::failed(message));
    }
    experiment.learner.load_weights(&trained.file)?;
    let values = experiment.learner.validate()?;
    let data = match &experiment.config.valid_file {
        Some(file) => file.clone(),
        None => format!("the validation rows of {}", source::shown(&experiment.config.data)),
    };
    Ok(Scores {
        data,
        rows: experiment.data.valid.rows(),
        left_out: 0,
        values,
        drift: experiment.data.valid_drift.lines(),
    })
}

/// All rows of other data.
fn on_data(args: &ValidateArgs, trained: &Trained, data: &str, stop: StopFlag) -> Result<Scores> {
    let mut model = trained.load(args.threads)?.stop_flag(stop);
    let table = source::read(data, &trained.csv_options(&args.csv)?)?;
    let read = table.rows();
    let (table, _) = if args.drop_missing_target {
        let targets = model.pipeline()?.task().columns().into_iter().map(String::from).collect::<Vec<_>>();
        table.rows_with(&targets)?
    } else {
        (table, Vec::new())
    };
    let names = match (&args.metrics, trained.config()?.and_then(|config| config.metrics)) {
        (Some(names), _) => names.clone(),
        (None, Some(names)) => names.0,
        (None, None) => vec![Config::default_metric(model.pipeline()?.task().kind()).to_string()],
    };
    let metrics: Result<Vec<Box<dyn Metric>>, _> = names.iter().map(|name| metric(name)).collect();
    let mut metrics = metrics.map_err(Failure::usage)?;
    let hint = || source::delimiter_hint(data, &table).map(Failure::failed);
    let (loss, drift) =
        model.evaluate(&table, &mut metrics).map_err(|error| hint().unwrap_or_else(|| error.into()))?;
    let values = metrics.iter().map(|metric| (metric.name().to_string(), metric.value()));
    let values = std::iter::once(("valid_loss".to_string(), loss)).chain(values).collect();
    Ok(Scores {
        data: data.into(),
        rows: table.rows(),
        left_out: read - table.rows(),
        values,
        drift: drift.lines(),
    })
}
