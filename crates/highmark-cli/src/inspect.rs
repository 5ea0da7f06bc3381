//! `highmark inspect`.

use std::fmt::Write;
use std::path::Path;

use highmark::{LossKind, Model, SavedModel};
use serde_json::{Value, json};

use crate::args::InspectArgs;
use crate::failure::{Failure, Result};
use crate::resume::has_ended;
use crate::run_folder;
use crate::run_report::{RunReport, measure};
use crate::screen;
use crate::text_table::{text_table, thousands};
use crate::trained::Trained;

/// Describes the model, and the run that it is of.
pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    let trained = Trained::find(&args.run)?;
    let model = SavedModel::load(&trained.file)?;
    let report = trained.run.as_deref().map(read_report).transpose()?.flatten();
    let unfinished = unfinished(&trained, report.as_ref());
    if args.json {
        let mut value = as_json(&trained, &model, report.as_ref())?;
        value["unfinished"] = json!(unfinished);
        return screen::print_json(&value);
    }
    let mut text = description(&trained, &model)?;
    if let Some(report) = report {
        text += "\n";
        text += &report.text(&trained.file);
    }
    if let Some(why) = unfinished {
        text.extend(["\nunfinished ", &why, "\n"]);
    }
    screen::print(&text)
}

/// What to tell of a run that has not come to its end; nothing of one that has, nor of a model without a run.
fn unfinished(trained: &Trained, report: Option<&RunReport>) -> Option<String> {
    // A config that cannot be read any more does not keep the model from being described.
    let config = trained.config().ok().flatten();
    let (run, config) = (trained.run.as_ref()?, config?);
    if report.is_some_and(|report| has_ended(report, &config)) {
        return None;
    }
    if report.is_none() && run.join(run_folder::REPORT).exists() {
        return Some(format!("the report of the run is damaged; {}", run_folder::next(run)));
    }
    let history = std::fs::read_to_string(run.join(run_folder::HISTORY)).unwrap_or_default();
    let done = history.lines().count().saturating_sub(1);
    let of = config.epochs.map(|epochs| format!(" of {}", thousands(epochs))).unwrap_or_default();
    let epochs =
        if config.epochs == Some(1) || (config.epochs.is_none() && done == 1) { "epoch" } else { "epochs" };
    Some(format!(
        "the run has not ended: {}{of} {epochs} are done, and it trains still or was killed; {}",
        thousands(done),
        run_folder::next(run)
    ))
}

/// The report of a run; there is none while it goes on, or when it failed. A damaged one is none either, where a checkpoint
/// is left to write it again from.
pub(crate) fn read_report(run: &Path) -> Result<Option<RunReport>> {
    let path = run.join(run_folder::REPORT);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(highmark::Error::io("read", path, error).into()),
    };
    match serde_json::from_slice(&text) {
        Ok(report) => Ok(Some(report)),
        Err(_) if run_folder::has_checkpoint(run) => {
            screen::note(format!("{} is damaged; resuming the run writes it again", path.display()));
            Ok(None)
        }
        Err(error) => Err(Failure::failed(format!(
            "{}: not the report of a run: {error}; move it away",
            path.display()
        ))),
    }
}

fn description(trained: &Trained, model: &SavedModel) -> Result<String> {
    let (about, pipeline) = (model.description(), model.pipeline()?);
    let (task, from) = (pipeline.task(), &about.provenance);
    let mut text = format!("file       {}\n", trained.file.display());
    let classes = match task.class_names() {
        names if names.is_empty() => String::new(),
        names => format!(": {}", names.join(", ")),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "task       {} of {}{classes}", task.kind(), task.columns().join(", "));
    let _ = writeln!(text, "continuous {}", listed(pipeline.cont_names().iter().cloned()));
    let levels = pipeline.cat_names().iter().zip(pipeline.cardinalities());
    let _ =
        writeln!(text, "categories {}", listed(levels.map(|(name, levels)| format!("{name} ({levels})"))));
    let procs = pipeline.procs().iter().map(ToString::to_string);
    let _ = writeln!(text, "prepared   {}", listed(procs));
    let epoch = from.epoch.map(|epoch| format!(" at epoch {epoch}")).unwrap_or_default();
    let best = from.monitor.as_ref().map(|(name, value)| format!(", {name} {}", measure(*value)));
    let best = best.unwrap_or_default();
    let steps = thousands(from.steps as usize);
    let _ = writeln!(
        text,
        "made by    highmark {}, seed {}, after {steps} steps{epoch}{best}",
        from.version, from.seed
    );
    let threshold = match about.loss {
        LossKind::BceWithLogits { threshold, .. } if threshold != 0.5 => {
            format!(", labels above the probability {threshold}")
        }
        _ => String::new(),
    };
    let _ = writeln!(text, "loss       {}{threshold}", about.loss.build().name());
    let layers = model.model().layers();
    let row = |layer: &highmark::LayerSummary| {
        vec![layer.layer.clone(), layer.outputs.to_string(), thousands(layer.parameters)]
    };
    let rows: Vec<_> = layers.iter().map(row).collect();
    let _ = writeln!(text, "\n{}", text_table(&["layer", "outputs", "parameters"], &rows).trim_end());
    let _ = writeln!(text, "\n{} parameters", thousands(model.model().params().len()));
    Ok(text)
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() { "none".into() } else { items.join(", ") }
}

fn as_json(trained: &Trained, model: &SavedModel, report: Option<&RunReport>) -> Result<Value> {
    let (about, pipeline) = (model.description(), model.pipeline()?);
    let levels = pipeline.cat_names().iter().zip(pipeline.cardinalities());
    let layers = model.model().layers();
    let layer = |layer: &highmark::LayerSummary| json!({ "layer": layer.layer, "outputs": layer.outputs, "parameters": layer.parameters });
    Ok(json!({
        "file": trained.file,
        "task": pipeline.task().kind(),
        "targets": pipeline.task().columns(),
        "classes": pipeline.task().class_names(),
        "continuous": pipeline.cont_names(),
        "categorical": levels.map(|(name, levels)| json!({ "name": name, "levels": levels })).collect::<Vec<_>>(),
        "procs": pipeline.procs().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "config": about.config,
        "loss": about.loss,
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
        "parameters": model.model().params().len(),
        "provenance": about.provenance,
        "report": report,
    }))
}
