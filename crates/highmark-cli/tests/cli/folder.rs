//! A folder for one test.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Ran, run_in, run_on};

/// An empty folder that the command runs in; removed when the test has passed.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Empty, and named after the test.
    pub(crate) fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// With one file in it.
    pub(crate) fn with(test: &str, file: &str, text: &str) -> Self {
        let folder = Self::new(test);
        folder.write(file, text);
        folder
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    pub(crate) fn bytes(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).unwrap()
    }

    pub(crate) fn json(&self, file: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(file)).unwrap()
    }

    /// What is in a folder of it, sorted.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs the command here; the arguments are split at blanks.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        run_in(&self.0, arguments)
    }

    /// The same with something on its standard input.
    pub(crate) fn run_on(&self, arguments: &str, input: &str) -> Ran {
        run_on(&self.0, arguments, input)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop(fs::remove_dir_all(&self.0));
        }
    }
}
