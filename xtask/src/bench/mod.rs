//! `cargo xtask bench`: how fast highmark is, against the machine, against itself, and against others.

mod build;
mod guard;
mod machine;
mod pairs;
mod peers;
mod rows;
mod scale;
mod worker;

use std::process::ExitCode;

/// What went wrong, in words.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Runs what the arguments after `bench` ask for.
pub(crate) fn run(arguments: &[&str]) -> Result<ExitCode> {
    match *arguments {
        [] => {
            rows::run(None)?;
            pairs::run()?;
            scale::run()?;
        }
        ["rows"] => rows::run(None)?,
        ["rows", filter] => rows::run(Some(filter))?,
        ["pairs"] => pairs::run()?,
        ["scale"] => scale::run()?,
        ["peers", ref options @ ..] => peers::run(&peers::Options::parse(options)?)?,
        ["guard"] => return guard::check(),
        ["guard", "--record"] => guard::record()?,
        _ => {
            return Err(
                format!("`bench {}` is not there; `cargo xtask` shows what is", arguments.join(" ")).into()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
