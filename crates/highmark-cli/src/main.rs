//! The command `highmark`: trains, validates and uses tabular neural networks.
//!
//! What was typed ([`args`]) becomes what it means ([`config`]); each command is a file of its own.

mod args;
mod config;
mod experiment;
mod failure;
mod inferred;
mod inspect;
mod lr_find;
mod predict;
mod resume;
mod run_folder;
mod run_lock;
mod run_report;
mod screen;
mod show;
mod source;
mod text_table;
mod train;
mod trained;
mod validate;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let start = Instant::now();
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Also `--help` and `--version`. A reader that has closed the output is not told anything.
        Err(error) => {
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
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
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                screen::error(message);
            }
            failure.exit_code()
        }
    }
}
