//! Compares highmark's training with fastai's, number by number.
//!
//! ```text
//! cargo run --release --example golden -- DIR [DIR…]
//! cargo run --release --example golden -- crates/highmark/tests/golden/fastai
//! ```
//!
//! A DIR is a folder that `make_golden.py` (in `tests/golden/fastai`) has written for one training by fastai, or a
//! folder of such folders. From the same initial weights and order of rows highmark trains on its built-in copy of the
//! data, and a line a quantity tells the worst deviation and its bound. The exit code is 1 if one is out of bounds.

mod case;
mod check;
mod quantity;

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use case::Case;
use highmark::{Error, Result};

fn main() -> Result<ExitCode> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        say("usage: cargo run --release --example golden -- DIR [DIR…]");
        return Ok(ExitCode::from(2));
    }
    let (mut good, mut bad) = (0, 0);
    for folder in folders {
        for case in cases(&folder)? {
            say(&format!("{}", case.display()));
            match check::check(&case) {
                Ok(quantities) => {
                    for quantity in quantities {
                        say(&format!("  {quantity}"));
                        *(if quantity.holds() { &mut good } else { &mut bad }) += 1;
                    }
                }
                Err(error) => {
                    say(&format!("  FAIL {error}"));
                    bad += 1;
                }
            }
        }
    }
    say(&format!("{good} quantities within bounds, {bad} out of bounds"));
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The folder itself if it is a case, else the cases in it, by name.
fn cases(folder: &Path) -> Result<Vec<PathBuf>> {
    if Case::is_at(folder) {
        return Ok(vec![folder.to_path_buf()]);
    }
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io("read", folder, e))?;
    let mut cases: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| Case::is_at(path)).collect();
    cases.sort();
    if cases.is_empty() {
        return Err(Error::file(folder, "there is no meta.json in it or in its folders"));
    }
    Ok(cases)
}

/// A reader that has gone away is no reason to stop.
fn say(line: &str) {
    drop(writeln!(stdout(), "{line}"));
}
