//! The command `highmark`: trains, validates and uses tabular neural networks. A library, so that it can be called and tested
//! without a process of its own.
//!
//! What was typed (`args`) becomes what it means (`config`); each command is a file of its own.

mod args;
mod config;
mod doubts;
mod experiment;
mod failure;
mod inferred;
mod inspect;
mod lost_files;
mod lr_find;
mod new_limits;
mod notice;
mod predict;
mod result_file;
mod resume;
mod run_folder;
mod run_report;
mod screen;
mod shell;
mod show;
mod source;
mod text_table;
mod train;
mod trained;
mod validate;

use std::ffi::OsString;
use std::time::Instant;

use clap::Parser;

use crate::args::{Args, Command};

/// Reads an experiment's TOML as the command does, checks it, and checks that it reads itself back: for fuzzing.
#[doc(hidden)]
pub fn check_config(text: &str) -> Result<(), String> {
    let config = config::Config::parse(text)?;
    let written = config.to_toml().map_err(|failure| failure.message().unwrap_or_default().to_string())?;
    let again = config::Config::parse(&written)?.to_toml();
    assert!(again.is_ok_and(|again| again == written), "it is not read back as it was written:\n{written}");
    config.check().map_err(|failure| failure.message().unwrap_or_default().to_string())
}

/// Does what the arguments ask for, the program's name first, and returns the exit code. It reads and writes the streams of
/// the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let start = Instant::now();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        // Also `--help` and `--version`. A reader that has closed the output is not told anything.
        Err(error) => {
            drop(error.print());
            args::comma_hint(&arguments, &error).iter().for_each(screen::note);
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let done = match args.command {
        Command::Train(args) => train::run(&args, start),
        Command::Resume(args) => resume::run(&args, start),
        Command::LrFind(args) => lr_find::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Show(args) => show::run(&args),
    };
    match done {
        Ok(()) => 0,
        Err(failure) => {
            if let Some(message) = failure.message() {
                screen::error(message);
            }
            failure.exit_code()
        }
    }
}
