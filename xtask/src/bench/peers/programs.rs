//! The others' programs: a Python environment of their own, Burn's, and the data that all of them read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::{Result, build};
use crate::say;

/// How to start a worker of the other side.
pub(crate) enum Program {
    /// A script of `bench/peers`.
    Python { script: String, arguments: Vec<String> },
    /// `bench/peers/burn`.
    Burn,
    /// Highmark itself, doing something else.
    Highmark(Vec<String>),
}

/// Everything that the others need, made ready.
pub(crate) struct Programs {
    /// `target/peers`.
    folder: PathBuf,
}

impl Programs {
    /// Makes what is missing, which takes minutes the first time.
    pub(crate) fn prepare() -> Result<Self> {
        let programs = Self { folder: build::target()?.join("peers") };
        fs::create_dir_all(&programs.folder)?;
        programs.make_environment()?;
        programs.build_burn()?;
        let mut export = Command::new(build::program("highmark-bench")?);
        build::done(export.arg("export").arg(programs.data()))?;
        Ok(programs)
    }

    /// The folder of the exported data.
    pub(crate) fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    /// The command of a program.
    pub(crate) fn command(&self, program: &Program) -> Result<Command> {
        Ok(match program {
            Program::Python { script, arguments } => {
                let mut python = self.python(script);
                python.args(arguments);
                python
            }
            Program::Burn => {
                let name = format!("peer-burn{}", std::env::consts::EXE_SUFFIX);
                let mut burn = Command::new(self.folder.join("burn/release").join(name));
                burn.arg(self.data());
                burn
            }
            Program::Highmark(arguments) => {
                let mut worker = Command::new(build::program("highmark-bench")?);
                worker.arg("worker").args(arguments);
                worker
            }
        })
    }

    /// A script of `bench/peers` in the environment.
    pub(crate) fn python(&self, script: &str) -> Command {
        let mut python = Command::new(self.interpreter());
        python.arg(scripts().join(format!("{script}.py")));
        // Nothing of what is set for other programs may slow these down.
        python.env("PYTHONDONTWRITEBYTECODE", "1").env("TF_CPP_MIN_LOG_LEVEL", "3");
        ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "XLA_FLAGS"]
            .iter()
            .for_each(|variable| {
                python.env_remove(variable);
            });
        python
    }

    fn interpreter(&self) -> PathBuf {
        self.folder.join(if cfg!(windows) { "venv/Scripts/python.exe" } else { "venv/bin/python" })
    }

    /// The environment holds what its copy of the requirements says, or is made anew.
    fn make_environment(&self) -> Result<()> {
        let read = |name: &str| fs::read_to_string(scripts().join(name));
        let wanted = read("requirements.txt")? + &read("constraints.txt")?;
        let copy = self.folder.join("installed.txt");
        if fs::read_to_string(&copy).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        say("making a Python environment with what highmark is measured against: some gigabytes, once");
        let venv = self.folder.join("venv");
        build::done(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        let mut pip = Command::new(self.interpreter());
        pip.args(["-m", "pip", "install", "--quiet"]);
        pip.arg("--requirement").arg(scripts().join("requirements.txt"));
        pip.arg("--constraint").arg(scripts().join("constraints.txt"));
        build::done(&mut pip)?;
        Ok(fs::write(copy, wanted)?)
    }

    /// The package, as its users install it.
    pub(crate) fn install_highmark(&self) -> Result<()> {
        say("installing the Python package");
        let mut pip = Command::new(self.interpreter());
        pip.args(["-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps"]).arg(build::root());
        build::done(&mut pip)
    }

    fn build_burn(&self) -> Result<()> {
        let mut cargo = build::cargo();
        // Its own folder, so that the program is built for nobody who did not ask.
        cargo.current_dir(scripts().join("burn")).args(["build", "--release", "--locked", "--target-dir"]);
        build::done(cargo.arg(self.folder.join("burn")))
    }
}

fn scripts() -> PathBuf {
    Path::new(&build::root()).join("bench/peers")
}
