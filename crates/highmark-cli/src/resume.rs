//! `highmark resume`, and `train --resume auto`: going on with a run.

use std::time::Instant;

use highmark::{ResumePoint, StopFlag, checkpoint_is_of_end};

use crate::args::ResumeArgs;
use crate::config::Config;
use crate::experiment::Experiment;
use crate::failure::{Failure, Result};
use crate::inspect::read_report;
use crate::lost_files;
use crate::notice;
use crate::run_folder::{self, RunFolder};
use crate::run_report::RunReport;
use crate::screen::Screen;
use crate::shell;
use crate::text_table::count;
use crate::train::carry_out;

/// Goes on with the run in a folder.
pub(crate) fn run(args: &ResumeArgs, start: Instant) -> Result<()> {
    let folder = RunFolder::open(&args.run)?;
    refuse_fewer_epochs(&folder, args)?;
    let config = Config::of_resume(&args.run, args)?;
    let screen = Screen::new(args.quiet, args.json);
    if let Some(report) = ended(&folder, &config)? {
        refuse_more_time(&report, &config, args)?;
        if is_whole(&folder, &report, screen)? {
            return show_ended(&report, &config, &folder, screen, args.json);
        }
    }
    let experiment = Experiment::prepare(config, notice::watch(&args.deadline)?)?;
    go_on(experiment, folder, screen, args.json, start)
}

/// Goes on with the run in a folder, if it is a run of these settings.
pub(crate) fn go_on_with(
    folder: RunFolder,
    config: Config,
    stop: StopFlag,
    screen: Screen,
    json: bool,
    start: Instant,
) -> Result<()> {
    let run = Config::of_file(&folder.file(run_folder::CONFIG))?;
    // A run that uses identifiers has been begun by an earlier version, and goes on so.
    let decided = config.decided || config.ignore == run.ignore;
    let config = Config { decided, ..config };
    let mut experiment = Experiment::prepare(config, stop)?;
    experiment.config.check_same(&run)?;
    let begun = run_folder::has_checkpoint(folder.path());
    if begun && run.epochs > experiment.config.epochs && experiment.config.epochs.is_some() {
        // It may have been extended since, and does not become shorter again.
        let (epochs, shown) = (count(run.epochs.unwrap_or_default(), "epoch"), folder.path().display());
        screen.say(format!(
            "The run in {shown} is one of {epochs}, and stays so: what has begun does not become shorter."
        ));
        experiment.config.epochs = run.epochs;
    }
    let same_epochs = Config { epochs: experiment.config.epochs, ..run };
    if begun && !experiment.config.has_limits_of(&same_epochs) {
        screen
            .say("The limits of time and money are those of this command now, and no more those of the run.");
    }
    if let Some(report) = ended(&folder, &experiment.config)?
        && is_whole(&folder, &report, screen)?
    {
        return show_ended(&report, &experiment.config, &folder, screen, json);
    }
    go_on(experiment, folder, screen, json, start)
}

fn go_on(
    mut experiment: Experiment,
    folder: RunFolder,
    screen: Screen,
    json: bool,
    start: Instant,
) -> Result<()> {
    let checkpoint = experiment.config.checkpoint_config(folder.path())?;
    let keeps = checkpoint.is_some();
    if !keeps && run_folder::has_checkpoint(folder.path()) {
        // Without new ones the old one would be that of another place than the files beside it.
        return Err(Failure::failed(format!(
            "no-checkpoint: the run in {} has a checkpoint to go on from, and goes on saving them; leave it out, or train anew with another --out",
            folder.path().display()
        )));
    }
    experiment.learner.set_checkpoint(checkpoint)?;
    let from = if keeps { experiment.learner.resume()? } else { None };
    let can_go_on = |from: &ResumePoint| from.finished || experiment.config.epochs <= Some(from.epochs);
    // One that was being extended has the report of before.
    let has_ended = |report: &RunReport| {
        report.has_model() && from.as_ref().is_none_or(|from| report.epochs_had() == from.epochs)
    };
    if !from.as_ref().is_some_and(can_go_on)
        && let Some(report) = read_report(folder.path())?.filter(has_ended)
    {
        return Err(Failure::failed(format!(
            "the run in {} has ended, but {}",
            folder.path().display(),
            why_no_more(&folder, &report)
        )));
    }
    if from.is_none() {
        screen.say("There is no checkpoint yet: the run begins anew.");
    }
    carry_out(experiment, folder, from.as_ref(), screen, json, start)
}

/// The report of a run that has ended with all the epochs that are asked for.
fn ended(folder: &RunFolder, config: &Config) -> Result<Option<RunReport>> {
    Ok(read_report(folder.path())?.filter(|report| has_ended(report, config)))
}

/// Whether a run with this report has ended with all the epochs that are asked for.
pub(crate) fn has_ended(report: &RunReport, config: &Config) -> bool {
    config.epochs.is_none_or(|epochs| epochs == report.epochs_had()) && report.has_model()
}

/// Whether all files of a run that has ended are there and good. What is lost is told; fails when it is the model, and there is
/// no checkpoint to have it from.
fn is_whole(folder: &RunFolder, report: &RunReport, screen: Screen) -> Result<bool> {
    let (lost, shown) = (lost_files::of(folder.path(), report), folder.path().display());
    if lost.is_empty() {
        return Ok(true);
    }
    if run_folder::has_checkpoint(folder.path()) {
        let files = lost.join(", ");
        screen.say(format!("The run in {shown} has ended, but not all of it is there: {files}, missing or damaged, will be written again from the checkpoint."));
        return Ok(false);
    }
    if lost.contains(&run_folder::MODEL) {
        return Err(Failure::failed(format!(
            "the run in {shown} has ended, but its {} is missing or damaged, and there is no checkpoint to have it from; bring it back, or repeat the run: `highmark train {}`",
            run_folder::MODEL,
            shell::word(folder.file(run_folder::CONFIG))
        )));
    }
    Ok(true)
}

/// A schedule that has begun cannot be shortened, which need not wait until the data is read.
fn refuse_fewer_epochs(folder: &RunFolder, args: &ResumeArgs) -> Result<()> {
    let run = Config::of_file(&folder.file(run_folder::CONFIG))?;
    let begun = run_folder::has_checkpoint(folder.path());
    match (args.epochs, run.epochs) {
        (Some(asked), Some(planned)) if begun && asked < planned => Err(Failure::failed(format!(
            "epochs: the run in {} is one of {}, which cannot become {asked}; resume it without --epochs, or train anew with another --out",
            folder.path().display(),
            count(planned, "epoch")
        ))),
        _ => Ok(()),
    }
}

/// More time for a run that has ended would be left over: its schedule has come down to its end.
fn refuse_more_time(report: &RunReport, config: &Config, args: &ResumeArgs) -> Result<()> {
    let asked = args.max_time.is_some() || args.max_usd.is_some();
    let more =
        config.max_seconds()?.filter(|seconds| asked && *seconds > report.budget_seconds.unwrap_or(0.0));
    more.map_or(Ok(()), |_| {
        Err(Failure::failed(format!(
            "the run in {} has ended, and its schedule with it, so it has no use for more time; train anew with that limit, or extend a run that has --epochs",
            args.run.display()
        )))
    })
}

fn show_ended(
    report: &RunReport,
    config: &Config,
    folder: &RunFolder,
    screen: Screen,
    json: bool,
) -> Result<()> {
    // It may have been killed just before.
    folder.tidy();
    // How many epochs it could have had was never said, so there is no "more" of them.
    let more = if config.most_epochs() == usize::MAX {
        "one whose epochs a budget decides cannot be trained for more"
    } else if matches!(checkpoint_is_of_end(folder.path()), Ok(Some(true))) {
        "--epochs N trains it for more"
    } else {
        &why_no_more(folder, report)
    };
    screen.say(format!("The run in {} has ended; {more}.", folder.path().display()));
    report.show(folder, screen, json)
}

/// Why a run that has ended cannot be trained for more epochs, and what there is to be done.
fn why_no_more(folder: &RunFolder, report: &RunReport) -> String {
    let why = "it left no checkpoint of its end, so it cannot be trained for more epochs";
    // What was not finite would end it there again.
    if !run_folder::has_checkpoint(folder.path()) || report.stop_reason == "non_finite" {
        return format!("{why}; train anew with another --out");
    }
    let (report, run) = (run_folder::REPORT, shell::word(folder.path()));
    format!(
        "{why}; once its {report} is moved away, `highmark resume {run}` trains the end again and saves one"
    )
}

/// Where the run goes on, for people.
pub(crate) fn lines(from: &ResumePoint) -> Vec<String> {
    let note = from.note.iter().map(|note| format!("note       {note}"));
    note.chain([format!("resumed    {from}")]).collect()
}
