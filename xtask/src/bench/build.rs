//! Where things are, and building them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Result;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Cargo's target folder: this program lies in `target/debug`.
pub(crate) fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    match program.parent().and_then(Path::parent) {
        Some(target) => Ok(target.to_path_buf()),
        None => Err(format!("{} does not lie in a target folder", program.display()).into()),
    }
}

/// A program of the workspace, built for release.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    Ok(target()?.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// `cargo` in the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Builds packages of the workspace for release.
pub(crate) fn release(packages: &[&str]) -> Result<()> {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--locked"]).env("CARGO_TARGET_DIR", target()?);
    packages.iter().for_each(|package| {
        cargo.args(["--package", package]);
    });
    done(&mut cargo)
}

/// Runs a command to its end; a failure is an error that names it.
pub(crate) fn done(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} failed ({status})").into()),
        Err(error) => Err(format!("{name} cannot be run: {error}").into()),
    }
}
