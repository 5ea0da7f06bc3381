//! `cargo xtask fuzz`: libFuzzer on the stable toolchain.
//!
//! What cargo-fuzz needs nightly for is the sanitizers; coverage is a pass of LLVM that any compiler has.

use std::fs;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{cargo, say};

const TARGETS: [&str; 5] = ["model", "checkpoint", "csv", "config", "replay"];

/// The longest input, in bytes; a seed of a checkpoint has some 10,000.
const LONGEST: u32 = 1 << 16;

const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Fuzzes the targets that are named, or all of them.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    match fuzz(arguments) {
        Ok(true) => {
            say("── nothing was found");
            ExitCode::SUCCESS
        }
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("── {error}"));
            ExitCode::FAILURE
        }
    }
}

fn fuzz(arguments: &[String]) -> Result<bool, Error> {
    let (mut targets, mut seconds, mut keep) = (Vec::new(), 60_u32, false);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--keep" => keep = true,
            "--seconds" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                seconds = number.ok_or_else(|| Error::other("--seconds needs a number"))?;
            }
            "seeds" => {
                return Ok(cargo()
                    .current_dir(folder())
                    .args(["run", "--release", "--example", "seeds"])
                    .status()?
                    .success());
            }
            target if TARGETS.contains(&target) => targets.push(target),
            other => {
                let message = format!("there is no target `{other}`; there are: {}", TARGETS.join(", "));
                return Err(Error::other(message));
            }
        }
    }
    let targets = if targets.is_empty() { TARGETS.to_vec() } else { targets };
    let built = folder().join("target").join("coverage");
    let host = host()?;
    // With a target named, the flags are not for build scripts, which have no fuzzer to link.
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--bins", "--target", &host]).current_dir(folder());
    build.env("RUSTFLAGS", COVERAGE).env("CARGO_TARGET_DIR", &built);
    if !build.status()?.success() {
        return Ok(false);
    }
    let mut sound = true;
    for target in targets {
        let program = built.join(&host).join("release").join(target);
        sound &= fuzz_target(target, &program, seconds, keep)?;
    }
    Ok(sound)
}

fn fuzz_target(target: &str, program: &Path, seconds: u32, keep: bool) -> Result<bool, Error> {
    let corpus = folder().join("corpus").join(target);
    let (found, artifacts) = (folder().join("target").join("found").join(target), folder().join("artifacts"));
    for path in [&corpus, &found, &artifacts] {
        fs::create_dir_all(path)?;
    }
    say(&format!("── fuzzing {target} for {seconds} s"));
    let status = Command::new(program)
        .args([format!("-max_total_time={seconds}"), format!("-max_len={LONGEST}")])
        .args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"])
        .arg(format!("-artifact_prefix={}/{target}-", artifacts.display()))
        .args([&found, &corpus])
        .status()?;
    if !status.success() {
        say(&format!("── {target}: {status}; the input is in {}", artifacts.display()));
        return Ok(false);
    }
    if keep {
        let merged = Command::new(program)
            .args(["-set_cover_merge=1", "-verbosity=0"])
            .args([&corpus, &found])
            .status()?;
        return Ok(merged.success());
    }
    Ok(true)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("fuzz")
}

/// The triple that the compiler builds for.
fn host() -> Result<String, Error> {
    let output =
        Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_string).ok_or_else(|| Error::other("rustc does not say what it builds for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fuzzer is a workspace of its own, with a lock file of its own that nothing else asks for.
    #[test]
    fn the_lock_file_has_what_the_crates_depend_on() {
        let lock = fs::read_to_string(folder().join("Cargo.lock")).unwrap();
        for name in ["highmark", "highmark-cli"] {
            let manifest = folder().join("../crates").join(name).join("Cargo.toml");
            let locked =
                lock.split("[[package]]").find(|part| part.contains(&format!("name = \"{name}\"\n")));
            let (mut within, mut seen) = (false, 0);
            for line in fs::read_to_string(manifest).unwrap().lines() {
                if line.starts_with('[') {
                    within = line.ends_with("dependencies]") && !line.contains("dev-");
                } else if let Some((key, _)) =
                    line.split_once(['=', '.']).filter(|_| within && !line.starts_with('#'))
                {
                    let dependency = format!("\"{}", key.trim());
                    assert!(locked.unwrap().contains(&dependency), "fuzz/Cargo.lock: {name} needs {key}");
                    seen += 1;
                }
            }
            assert!(seen > 3, "{name} has dependencies");
        }
    }
}
