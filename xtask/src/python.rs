//! The Python package: built as a wheel, installed into an environment of its own, and tested there.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::say;

/// What the tests need.
const REQUIREMENTS: &str = "python/requirements-test.txt";

/// Builds, installs and tests, up to the first step that fails.
pub(crate) fn run() -> ExitCode {
    match test() {
        Ok(()) => {
            say("── all is well");
            ExitCode::SUCCESS
        }
        Err(message) => {
            say(&format!("── {message}"));
            ExitCode::FAILURE
        }
    }
}

fn test() -> Result<(), String> {
    let target = PathBuf::from(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
    // Absolute, since some steps run elsewhere.
    let target = std::path::absolute(target).map_err(|e| e.to_string())?;
    let environment = target.join("venv");
    let program = |name: &str| environment.join("bin").join(name);
    let step = |what: &str, command: &mut Command| {
        say(&format!("── {what}"));
        execute(command).map_err(|error| format!("{what}: {error}"))
    };

    prepare(&environment, &step)?;
    let wheels = target.join("wheels");
    // Of old versions nothing may be left to be installed.
    if wheels.exists() {
        std::fs::remove_dir_all(&wheels).map_err(|e| format!("{}: {e}", wheels.display()))?;
    }
    // With the profile of the other tests, whose builds of the dependencies it shares.
    let mut build = Command::new(program("maturin"));
    build.args(["build", "--quiet", "--locked", "--profile", "dev", "--out"]).arg(&wheels);
    build.arg("--interpreter").arg(program("python"));
    step("the wheel", &mut build)?;
    let wheel = only_file(&wheels)?;
    let mut install = Command::new(program("pip"));
    install.args(["install", "--quiet", "--force-reinstall", "--no-deps"]).arg(&wheel);
    step("the wheel's installation", &mut install)?;

    let python = || Command::new(program("python"));
    step("types", python().args(["-m", "mypy"]))?;
    // Away from the sources, so that what is tested is what is installed.
    let (here, tests) =
        (target.join("wheels"), std::path::absolute("python/tests").map_err(|e| e.to_string())?);
    let stubs = ["-m", "mypy.stubtest", "highmark._highmark"];
    step("stubs", python().args(stubs).current_dir(&here))?;
    let configuration = std::path::absolute("pyproject.toml").map_err(|e| e.to_string())?;
    let mut pytest = python();
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c"]).arg(configuration).arg(tests);
    step("tests of the package", pytest.current_dir(&here))
}

/// Makes the environment, unless it is there with these requirements.
fn prepare(
    environment: &Path,
    step: &impl Fn(&str, &mut Command) -> Result<(), String>,
) -> Result<(), String> {
    let wanted = std::fs::read_to_string(REQUIREMENTS).map_err(|e| format!("{REQUIREMENTS}: {e}"))?;
    let mark = environment.join("requirements.txt");
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let recent = "import sys; sys.exit(sys.version_info < (3, 11))";
    let version = Command::new(&python).args(["-c", recent]).status();
    if !version.is_ok_and(|status| status.success()) {
        return Err(format!(
            "`{}` is not Python 3.11 or later; name one in the variable PYTHON",
            python.display()
        ));
    }
    step(
        "an environment for Python",
        Command::new(&python).args(["-m", "venv", "--clear"]).arg(environment),
    )?;
    let mut install = Command::new(environment.join("bin").join("pip"));
    step("what the tests need", install.args(["install", "--quiet", "-r", REQUIREMENTS]))?;
    std::fs::write(&mark, wanted).map_err(|e| format!("{}: {e}", mark.display()))
}

fn only_file(folder: &Path) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let file = entries.flatten().map(|entry| entry.path()).next();
    let file = file.ok_or_else(|| format!("{} is empty", folder.display()))?;
    std::path::absolute(file).map_err(|e| e.to_string())
}

fn execute(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("failed ({status})")),
        Err(error) => Err(format!("cannot be run: {error}")),
    }
}
