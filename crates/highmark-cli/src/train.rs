//! `highmark train`.

use std::time::Instant;

use highmark::{
    Callback, CsvLogger, EventLog, Learner, Monitor, Outcome, ProgressBar, ResumePoint, SaveBest, StopFlag,
};

use crate::args::{ResumeWhen, TrainArgs};
use crate::config::Config;
use crate::experiment::Experiment;
use crate::failure::{Failure, Result};
use crate::new_limits::NewLimits;
use crate::notice;
use crate::resume;
use crate::run_folder::{self, RunFolder};
use crate::run_report::{Measured, RunReport, SecondsByPhase};
use crate::screen::{self, Screen};
use crate::shell;
use crate::source;
use crate::text_table::count;

/// Trains, and leaves a run folder behind. `start` is when the process began.
pub(crate) fn run(args: &TrainArgs, start: Instant) -> Result<()> {
    let config = Config::of_train(args)?;
    let screen = Screen::new(args.quiet, args.json);
    let stop = notice::watch(&args.deadline)?;
    let auto = args.resume == ResumeWhen::Auto;
    let Some(out) = config.out.clone() else {
        if auto {
            return Err(Failure::usage("resume: name the run's folder with --out, to find it again"));
        }
        let experiment = Experiment::prepare(config, stop)?;
        let folder = RunFolder::number(&source::name(&experiment.config.data))?;
        return carry_out(experiment, folder, None, screen, args.json, start);
    };
    // Before the data is read, so that what is in the folder stays as it was looked at.
    let mut folder =
        if auto { RunFolder::open_or_create(&out)? } else { RunFolder::create(&out, args.overwrite)? };
    if auto && folder.holds_run() {
        return resume::go_on_with(folder, config, stop, screen, args.json, start);
    }
    let experiment = Experiment::prepare(config, stop).inspect_err(|_| folder.discard())?;
    carry_out(experiment, folder, None, screen, args.json, start)
}

/// Trains in the run's folder, from the beginning or from where the run was left, and tells how it went.
pub(crate) fn carry_out(
    mut experiment: Experiment,
    mut folder: RunFolder,
    from: Option<&ResumePoint>,
    screen: Screen,
    json: bool,
    start: Instant,
) -> Result<()> {
    let direction = experiment.config.direction()?;
    let trained = train(&mut experiment, &folder, from, screen, start);
    let broken = trained.as_ref().is_err_and(|failure| !matches!(failure, Failure::Interrupted(_)));
    let best = experiment.learner.history().best_then_loss(experiment.config.monitor(), direction);
    if broken && from.is_none() && best.is_none() {
        folder.restore();
        folder.discard();
    }
    let report = trained?;
    report.show_news(&folder, screen, json)?;
    if report.has_model() {
        folder.tidy();
        return Ok(());
    }
    // Going on with it would break down again: whatever it was to replace is worth more.
    let back = if folder.restore() { "; the run that was in it before is back" } else { "" };
    // Told already by the lines on the screen, if there are any.
    let why = if screen == Screen::Silent { format!(": {}", report.stop_detail) } else { String::new() };
    Err(Failure::failed(format!("training broke down{why} (run folder {}{back})", folder.path().display())))
}

fn train(
    experiment: &mut Experiment,
    folder: &RunFolder,
    from: Option<&ResumePoint>,
    screen: Screen,
    start: Instant,
) -> Result<RunReport> {
    let mut saving = Instant::now();
    let toml = experiment.config.repeatable(folder.path())?;
    let mut others = callbacks(experiment, folder);
    let path = folder.file(run_folder::CONFIG);
    if from.is_none() {
        folder.begin(&toml)?;
    } else {
        if !experiment.config.has_limits_of(&Config::of_file(&path)?) {
            others.push(Box::new(NewLimits { path: path.clone(), config: toml.clone() }));
        }
        // Once more, to see how long this disk takes for it: the end of the run is planned by that.
        let there =
            std::fs::read_to_string(&path).map_err(|error| highmark::Error::io("read", &path, error))?;
        folder.write(run_folder::CONFIG, &there)?;
    }
    let mut save = saving.elapsed();
    experiment.lines()?.iter().for_each(|line| screen.say(line));
    screen.say(format!("run        {}", folder.path().display()));
    from.iter().flat_map(|from| resume::lines(from)).for_each(|line| screen.say(line));
    screen.say("");

    let (epochs, schedule) = (experiment.config.most_epochs(), experiment.config.schedule()?);
    let direction = experiment.config.direction()?;
    let monitor = experiment.config.monitor().to_string();
    // The end of the run writes its report and takes away what it needs no more: on this disk, at this time, that takes about
    // twice as long as its beginning did.
    let counted = start.checked_sub(2 * save).unwrap_or(start);
    let budget = experiment.config.budget(counted)?;
    let learner = &mut experiment.learner;
    // Now, so that a limit of time counts it before it plans the rest.
    let constant = learner.validate_constant()?;
    if from.is_none() {
        learner.set_checkpoint(experiment.config.checkpoint_config(folder.path())?)?;
    }
    learner.set_budget(budget);
    // A run without a limit may be given one when it is resumed.
    learner.count_from(counted);
    learner.trainer_mut().console = screen.console();
    if experiment.config.save_best {
        // Every improvement counts here: `min_delta` is about when it pays to go on, not about which model is better.
        let best =
            SaveBest::new(Monitor::new(&monitor)).path(folder.file(run_folder::MODEL)).ties_by_loss(true);
        learner.callbacks_mut().add(Box::new(best))?;
    }
    let fitted = learner.fit_with(epochs, None, &schedule, others);
    let kept = learner.callbacks().get::<SaveBest>();
    let saved = kept.is_some_and(|best| !best.saved().is_empty());
    let unwritten = kept.and_then(SaveBest::unwritten);
    learner.callbacks_mut().remove("save_best");
    let path = folder.file(run_folder::MODEL);
    let report = match (fitted, unwritten) {
        (Ok(report), _) => report,
        (Err(error), Some(of)) => return Err(keep_elsewhere(learner, &error, of, folder)),
        (Err(error), None) => {
            let kept = if path.is_file() && folder.check().is_ok() {
                "; the best model so far is in it"
            } else {
                ""
            };
            // Of a run that is resumed they may have changed meanwhile.
            let data = from.map(|_| format!("data {}, ", source::shown(&experiment.config.data)));
            let data = data.unwrap_or_default();
            let message = format!("{error} ({data}run folder {}{kept})", folder.path().display());
            return Err(Failure::failed(message));
        }
    };
    if report.outcome == Outcome::Interrupted {
        return Err(interrupted(&report, folder));
    }
    // What is left takes no longer than a validation, and without it there would be a model and no report. A second Ctrl-C ends
    // it all the same.
    learner.set_stop_flag(StopFlag::default());
    let best = learner.history().best_then_loss(&monitor, direction);

    saving = Instant::now();
    let broke_down = matches!(&report.outcome, Outcome::Cancelled(cancel) if cancel.by == "non_finite");
    let keeps = experiment.config.checkpoint_config(folder.path())?.is_some();
    if screen == Screen::Silent && keeps && !broke_down && report.checkpoint.is_none() {
        // Else told when it happened. Whoever wants to hear of errors alone relies on checkpoints no less.
        screen::note(format!(
            "no checkpoint could be saved in {}: the run cannot be trained for more epochs",
            folder.path().display()
        ));
    }
    let none = broke_down && !saved;
    if none {
        // The weights are no numbers any more.
        folder.remove(run_folder::MODEL)?;
    } else if !saved {
        // SaveBest has written no best one, so the model handed back is the last.
        if let Err(error) = learner.trainer_mut().save_to(&path, false) {
            let of = (report.epochs_run.saturating_sub(1), learner.trainer().steps());
            return Err(keep_elsewhere(learner, &error, of, folder));
        }
    }
    if !folder.file(run_folder::CONFIG).exists() {
        // Somebody has removed the folder meanwhile; without its config it could not be resumed or extended.
        folder.write(run_folder::CONFIG, &toml)?;
    }
    save += saving.elapsed() + report.timings.save;
    let validating = Instant::now();
    let final_metrics = if none { Vec::new() } else { learner.validate()? };
    let phases = SecondsByPhase {
        load: experiment.load.as_secs_f64(),
        prepare: experiment.prepare.as_secs_f64(),
        train: report.timings.train.as_secs_f64(),
        validate: (report.timings.validate + validating.elapsed()).as_secs_f64(),
        save: save.as_secs_f64(),
    };
    let history = experiment.learner.history();
    // What was spent before it was resumed is part of the run.
    let elapsed = start.elapsed() + from.map(|from| from.spent).unwrap_or_default();
    let measured = Measured {
        report: &report,
        history,
        best,
        final_metrics,
        constant,
        kept_best: saved,
        phases,
        elapsed,
    };
    let report = RunReport::new(&experiment.config, measured)?;
    folder.write(run_folder::REPORT, &(screen::json(&report)? + "\n"))?;
    Ok(report)
}

/// The run's folder does not take the model that the learner holds, of this epoch and step: so that it is not lost with the
/// process, it goes where the system keeps temporary files.
fn keep_elsewhere(
    learner: &mut Learner,
    error: &highmark::Error,
    (epoch, step): (usize, u64),
    folder: &RunFolder,
) -> Failure {
    let kept = run_folder::own_folder(&std::env::temp_dir()).and_then(|own| {
        let path = own.join(run_folder::MODEL);
        let saved = learner.trainer_mut().save_as_of(&path, false, Some(epoch), step);
        // Nothing is in it then.
        saved.inspect_err(|_| drop(std::fs::remove_dir(&own))).map(|()| path)
    });
    let kept = match kept {
        Ok(path) => format!("the model is kept in {} instead", path.display()),
        Err(error) => format!("nor can the model be kept elsewhere: {error}"),
    };
    Failure::failed(format!("{error} (run folder {}); {kept}", folder.path().display()))
}

/// A signal or a deadline has ended the training: not a failure, if it can be taken up again.
fn interrupted(report: &highmark::Report, folder: &RunFolder) -> Failure {
    let (epochs, path) = (count(report.epochs_run, "epoch"), folder.path().display());
    if report.checkpoint.is_some() {
        return Failure::Interrupted(format!(
            "interrupted after {epochs}; go on with: highmark resume {}",
            shell::word(folder.path())
        ));
    }
    Failure::failed(format!(
        "interrupted after {epochs}, without a checkpoint to go on from (run folder {path})"
    ))
}

/// What accompanies the fit, beside [`SaveBest`].
fn callbacks(experiment: &Experiment, folder: &RunFolder) -> Vec<Box<dyn Callback>> {
    let config = &experiment.config;
    let mut callbacks: Vec<Box<dyn Callback>> = vec![
        Box::new(ProgressBar),
        Box::new(CsvLogger::new(folder.file(run_folder::HISTORY))),
        Box::new(EventLog::new(folder.file(run_folder::EVENTS))),
    ];
    callbacks.extend(config.stopping().map(|stopping| Box::new(stopping) as Box<dyn Callback>));
    callbacks
}
