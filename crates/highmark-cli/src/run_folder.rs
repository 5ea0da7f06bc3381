//! The folder that a run leaves behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use highmark::{Error, FolderLock, checkpoint_text, checkpoint_text_unchecked, write_file};

use crate::failure::{Failure, Result};
use crate::shell;

pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const HISTORY: &str = "history.csv";
pub(crate) const EVENTS: &str = "events.jsonl";
pub(crate) const REPORT: &str = "report.json";
pub(crate) const MODEL: &str = "best.safetensors";
const CHECKPOINT: &str = "checkpoint.safetensors";
const CHECKPOINT_BEFORE: &str = "checkpoint-previous.safetensors";
/// Where a run that is overwritten waits until there is a model in its place.
pub(crate) const OVERWRITTEN: &str = "overwritten";

/// How every `config.toml` of a run begins: what tells a run's folder from others.
pub(crate) const FIRST_LINE: &str = "# `highmark train` with this file repeats the run.";

/// The files of a run, and nothing else is ever removed. The config is the last: a folder with nothing but that is not
/// taken for a run.
const FILES: [&str; 7] = [HISTORY, EVENTS, REPORT, MODEL, CHECKPOINT, CHECKPOINT_BEFORE, CONFIG];

/// A run's folder, made for it.
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Folders that were not there before, the innermost last.
    made: Vec<PathBuf>,
    lock: Option<FolderLock>,
}

/// Whether a run has saved a state to go on from.
pub(crate) fn has_checkpoint(path: &Path) -> bool {
    [CHECKPOINT, CHECKPOINT_BEFORE].iter().any(|file| path.join(file).is_file())
}

/// How to go on with the run in a folder, which has not ended.
pub(crate) fn next(path: &Path) -> String {
    // A run that is aside comes back first.
    let aside = is_aside(path) || is_partly_aside(path);
    let begun = has_checkpoint(path) || (aside && has_checkpoint(&path.join(OVERWRITTEN)));
    let how = if begun { "go on with it by" } else { "it has no checkpoint, so it can only begin anew, by" };
    format!("{how} `highmark resume {}`", shell::word(path))
}

/// Fails when the folder that is asked for cannot be a new run's.
fn refuse_existing(path: &Path, overwrite: bool) -> Result<()> {
    if path.exists() && !path.is_dir() {
        return Err(Failure::failed(format!(
            "{} is a file, not a folder; choose another --out",
            path.display()
        )));
    }
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    let counts = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| !is_leftover(&entry));
    let message = match (entries.into_iter().any(counts), overwrite) {
        (false, _) => return Ok(()),
        (_, true) if is_run(path) => return Ok(()),
        (_, true) => {
            "holds other things than a run of highmark, so --overwrite leaves it alone; choose another --out"
        }
        (_, false) if path.join(CHECKPOINT).is_file() && !path.join(REPORT).is_file() => {
            "holds a run that has not ended; go on with it by `highmark resume`, or replace it with --overwrite"
        }
        (_, false) => {
            "exists and is not empty; choose another --out, or replace the run in it with --overwrite"
        }
    };
    Err(Failure::failed(format!("the run folder {} {message}", path.display())))
}

/// What to tell of a folder that is not a run's.
fn no_run(path: &Path) -> Failure {
    let shown = path.display();
    let entries = fs::read_dir(path).map(|entries| entries.filter_map(io::Result::ok).collect::<Vec<_>>());
    Failure::failed(match entries {
        _ if !path.exists() => format!("there is no {shown}; name the folder of a run"),
        Ok(entries) if entries.iter().all(is_leftover) => {
            format!("there is no run in {shown} yet; begin it with `highmark train`")
        }
        Ok(_) if has_checkpoint(path) => match fs::read(path.join(CONFIG)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                format!(
                    "{}; without it the run cannot be resumed",
                    Error::io("read", path.join(CONFIG), error)
                )
            }
            Ok(_) if !has_lost_config(path) => format!(
                "{} is not the config of a run; move it away, and the run is resumed by the copy in its checkpoint",
                path.join(CONFIG).display()
            ),
            _ => format!(
                "{shown} has lost its {CONFIG}, which says what was trained; without it the run cannot be resumed"
            ),
        },
        _ => format!("{shown} is not the folder of a run that can be resumed"),
    })
}

/// Whether it is of a process that was killed before its run had begun.
fn is_leftover(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    let part = name.strip_suffix(".part").is_some_and(|name| FILES.contains(&name));
    // An earlier version could be killed after it had put such a file aside.
    let aside = || {
        let entries = fs::read_dir(entry.path()).map(|entries| entries.flatten().collect::<Vec<_>>());
        name == OVERWRITTEN && entries.is_ok_and(|entries| entries.iter().all(is_leftover))
    };
    part || name == FolderLock::FILE
        || (name == EVENTS && entry.metadata().is_ok_and(|file| file.len() == 0))
        || aside()
}

/// Whether the folder is a run's: other programs have a `config.toml` or a `report.json` too.
pub(crate) fn is_run(path: &Path) -> bool {
    let has_more = || {
        [EVENTS, REPORT, MODEL, CHECKPOINT].iter().any(|file| path.join(file).is_file())
            // Killed while it was put aside.
            || path.join(OVERWRITTEN).is_dir()
    };
    has_config(path) && has_more() || is_aside(path) || has_config_in_checkpoint(path)
}

/// Whether it is a run that has lost its config, or all but the checkpoint: somebody has removed the rest, or carried it
/// elsewhere. By the looks of the checkpoint: whether it is whole is found out when it is used.
fn has_config_in_checkpoint(path: &Path) -> bool {
    let text = || checkpoint_text_unchecked(path);
    has_lost_config(path) && text().is_some_and(|text| text.starts_with(FIRST_LINE))
}

/// Whether there is no config, or one without a word in it, as a machine that lost its power leaves it. What cannot be read
/// is not lost.
fn has_lost_config(path: &Path) -> bool {
    let nothing = |config: Vec<u8>| config.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace());
    fs::read(path.join(CONFIG)).map_or_else(|error| error.kind() == io::ErrorKind::NotFound, nothing)
}

fn has_config(path: &Path) -> bool {
    fs::read(path.join(CONFIG)).is_ok_and(|config| config.starts_with(FIRST_LINE.as_bytes()))
}

/// Whether a process was killed after it had put the run aside and before another was in its place, or while it brought it
/// back: the config is the last file to go either way. It is not where the run in its place has lost its config, and has a
/// checkpoint to have it from.
fn is_aside(path: &Path) -> bool {
    let aside = path.join(OVERWRITTEN);
    // Files are moved in order: a checkpoint that has come from there has left none of these behind.
    let came_from_there =
        || FILES.iter().take_while(|file| **file != CHECKPOINT_BEFORE).all(|file| !aside.join(file).exists());
    !path.join(CONFIG).exists()
        && has_config(&aside)
        && (!has_config_in_checkpoint(path) || came_from_there())
}

/// Whether a process was killed while it put the run aside.
fn is_partly_aside(path: &Path) -> bool {
    let aside = path.join(OVERWRITTEN);
    has_config(path) && aside.is_dir() && !aside.join(CONFIG).exists()
}

impl RunFolder {
    /// Makes and locks the folder of a new run, which may take the place of another run when that is asked for. As of all of
    /// these, fails when another process is at work in it, or when it cannot be written to.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self> {
        Self::take(path, |path| refuse_existing(path, overwrite))
    }

    /// Opens and locks the folder of a run that is there.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::take(path, |path| if is_run(path) { Ok(()) } else { Err(no_run(path)) })
    }

    /// The one or the other; [`RunFolder::holds_run`] tells which.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self> {
        Self::take(path, |path| if is_run(path) { Ok(()) } else { refuse_existing(path, false) })
    }

    /// Makes and locks the first `runs/NAME-N` that is free.
    pub(crate) fn number(name: &str) -> Result<Self> {
        let mut folder = Self { path: PathBuf::from("runs"), made: Vec::new(), lock: None };
        folder.make()?;
        folder.go_to_free(name)?;
        folder.lock(|_| Ok(()))
    }

    /// Makes and locks a folder that `check` has nothing against.
    fn take(path: &Path, check: impl Fn(&Path) -> Result<()>) -> Result<Self> {
        // Nothing is put into a folder that is something else's.
        check(path)?;
        let mut folder = Self { path: path.into(), made: Vec::new(), lock: None };
        folder.make()?;
        folder.lock(check)
    }

    /// Locks it, and asks `check` now that nobody else can change it: a run may have come, or gone, until then.
    fn lock(mut self, check: impl Fn(&Path) -> Result<()>) -> Result<Self> {
        let ready = FolderLock::take(&self.path).map_err(Into::into).and_then(|lock| {
            self.lock = Some(lock);
            check(&self.path)?;
            self.probe()?;
            self.bring_back()?;
            self.unpack()
        });
        if ready.is_err() {
            self.leave();
        }
        if self.holds_run() {
            // Whoever has made the folder, the run in it is another's.
            self.made.clear();
        }
        ready.map(|()| self)
    }

    /// Whether there is a run in it.
    pub(crate) fn holds_run(&self) -> bool {
        is_run(&self.path)
    }

    /// Puts an earlier run aside, whole, until the new one has a model: a run that is killed must not leave less than it
    /// found, nor a config beside the model of another. One that has neither a model nor a state to go on from is not kept.
    pub(crate) fn begin(&self, config: &str) -> Result<()> {
        self.check()?;
        let aside = self.file(OVERWRITTEN);
        let (waits, has_model) = (aside.join(CONFIG).is_file(), self.file(MODEL).is_file());
        if !self.file(CONFIG).is_file() {
            // There is no run, but perhaps what a process has left that was killed before it had begun one. Put aside it would
            // look like a part of one.
            drop(fs::remove_file(aside.join(EVENTS)));
        } else if has_model || (!waits && has_checkpoint(&self.path)) {
            fs::create_dir_all(&aside).map_err(|error| Error::io("create", &aside, error))?;
            remove_files(&aside);
            move_files(&self.path, &aside)?;
        } else {
            // It has come to nothing, and is nothing to come back to: what it had overwritten is, if anything. The files that make
            // the folder a run's are replaced, so that it is one all the time.
            let others = FILES.iter().filter(|file| ![CONFIG, EVENTS].contains(file));
            others.copied().try_for_each(|file| self.remove(file))?;
        }
        // A folder without a run in it.
        drop(fs::remove_dir(&aside));
        // First, so that the folder is a run's from the moment that it has a config.
        let begun = fs::write(self.file(EVENTS), "")
            .map_err(|error| Error::io("write", self.file(EVENTS), error).into());
        begun.and_then(|()| self.write(CONFIG, config)).inspect_err(|_| {
            self.restore();
        })
    }

    /// Brings back the run that was to be overwritten, in place of one that has come to nothing. Whether there was one and
    /// it is back whole.
    pub(crate) fn restore(&self) -> bool {
        let aside = self.file(OVERWRITTEN);
        if !aside.join(CONFIG).is_file() || self.check().is_err() {
            return false;
        }
        for file in FILES {
            drop(self.remove(file));
        }
        let moved = move_files(&aside, &self.path);
        drop(fs::remove_dir(&aside));
        moved.is_ok()
    }

    /// Brings back a run that a process was killed over, so that there is one run here and nothing of it is lost.
    fn bring_back(&self) -> Result<()> {
        let (aside, partly) = (self.file(OVERWRITTEN), is_partly_aside(&self.path));
        if !is_aside(&self.path) && !partly {
            return Ok(());
        }
        if partly {
            // What was put aside is missing here; anything else there is not of this run.
            let kept = FILES.iter().filter(|file| self.file(file).exists());
            kept.for_each(|file| drop(fs::remove_file(aside.join(file))));
        }
        move_files(&aside, &self.path)?;
        drop(fs::remove_dir(aside));
        Ok(())
    }

    /// Writes the config of a run of which only the checkpoint is left. Fails when that cannot be used.
    fn unpack(&self) -> Result<()> {
        if !has_config_in_checkpoint(&self.path) {
            return Ok(());
        }
        checkpoint_text(&self.path)?.map_or(Ok(()), |config| self.write(CONFIG, &config))
    }

    /// Takes away what a run that has ended with a model needs no more.
    pub(crate) fn tidy(&self) {
        if self.check().is_err() {
            return;
        }
        let aside = self.file(OVERWRITTEN);
        remove_files(&aside);
        drop(fs::remove_dir(&aside));
        drop(self.remove(CHECKPOINT_BEFORE));
        // A process that was killed has begun them.
        FILES.iter().for_each(|file| drop(self.remove(&format!("{file}.part"))));
    }

    /// Makes the folder and those above it.
    fn make(&mut self) -> Result<()> {
        let missing = self.path.ancestors().filter(|path| !path.as_os_str().is_empty() && !path.exists());
        let mut missing: Vec<PathBuf> = missing.map(Path::to_path_buf).collect();
        missing.reverse();
        fs::create_dir_all(&self.path).map_err(|error| Error::io("create", &self.path, error))?;
        self.made = missing;
        Ok(())
    }

    /// Goes to the first `NAME-N` that another run has not taken.
    fn go_to_free(&mut self, name: &str) -> Result<()> {
        for n in 1.. {
            let path = self.path.join(format!("{name}-{n}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    self.path.clone_from(&path);
                    self.made.push(path);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    self.leave();
                    return Err(Error::io("create", path, error).into());
                }
            }
        }
        Ok(())
    }

    /// Whether files can be written here, found out before training and not after.
    fn probe(&self) -> Result<()> {
        if let Some(file) = FILES.iter().map(|file| self.file(file)).find(|file| file.is_dir()) {
            return Err(Failure::failed(format!("{} is a folder; choose another --out", file.display())));
        }
        let probe = self.file(&format!("{REPORT}.part"));
        let probed = fs::write(&probe, "").and_then(|()| fs::remove_file(&probe));
        probed.map_err(|error| Error::io("write", probe, error).into())
    }

    /// Removes one of the run's files, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        self.check()?;
        match fs::remove_file(self.file(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("replace", self.file(name), error).into())
            }
            _ => Ok(()),
        }
    }

    /// Takes away what was made for a run that has come to nothing.
    pub(crate) fn discard(&mut self) {
        if !self.made.is_empty() && self.check().is_ok() {
            for file in FILES {
                drop(fs::remove_file(self.file(file)));
                drop(fs::remove_file(self.file(&format!("{file}.part"))));
            }
        }
        self.leave();
    }

    /// Lets go of it, and takes away the folders that were made for it. One with anything in it stays.
    fn leave(&mut self) {
        self.lock = None;
        self.made.iter().rev().for_each(|path| drop(fs::remove_dir(path)));
        self.made.clear();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails when the folder was moved away and another's is in its place.
    pub(crate) fn check(&self) -> Result<()> {
        Ok(self.lock.as_ref().map_or(Ok(()), FolderLock::check)?)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes one of the run's files, whole or not at all.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(write_file(self.file(name), text.as_bytes())?)
    }
}

/// Makes a folder that nobody else has, nor may look into, in one that is everybody's.
pub(crate) fn own_folder(within: &Path) -> highmark::Result<PathBuf> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let mut number = 0_u32;
    loop {
        let own = within.join(format!("highmark-{}-{number}", std::process::id()));
        match builder.create(&own) {
            // Whatever has been put in this place before, it is not ours.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 10_000 => number += 1,
            made => return made.map(|()| own.clone()).map_err(|error| Error::io("create", own, error)),
        }
    }
}

/// Takes away what there is of a run's files.
fn remove_files(from: &Path) {
    FILES.iter().for_each(|file| drop(fs::remove_file(from.join(file))));
}

/// Moves what there is of a run's files.
fn move_files(from: &Path, to: &Path) -> Result<()> {
    for file in FILES {
        match fs::rename(from.join(file), to.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("replace", from.join(file), error).into());
            }
            _ => {}
        }
    }
    Ok(())
}
