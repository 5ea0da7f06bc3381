//! From what was typed to what it means.

use std::fs;
use std::path::{Component, Path, PathBuf};

use highmark::{ActivationFn, NamedData, TaskKind};

use super::{Config, Named, OneOrMore, class_weights};
use crate::args::{
    CheckpointArgs, ColumnArgs, CsvArgs, DataArgs, FitArgs, LrFindArgs, ModelArgs, ResumeArgs, ShowArgs,
    StepArgs, StopArgs, TrainArgs,
};
use crate::failure::{Failure, Result};
use crate::run_folder::CONFIG;
use crate::source::STDIN;

/// Sets what was typed and leaves the rest.
fn set<T>(setting: &mut T, typed: Option<T>) {
    if let Some(typed) = typed {
        *setting = typed;
    }
}

/// Data is looked for from the folder of the file that names it, and only then from where the command runs: a relative
/// path must not mean something else in another folder.
fn beside(folder: &Path, data: String) -> String {
    let path = folder.join(&data);
    let only_here = !path.exists() && Path::new(&data).exists();
    if NamedData::from_name(&data).is_some() || data == STDIN || only_here {
        return data;
    }
    cleaned(path).to_string_lossy().into_owned()
}

/// `x.csv` for `run/../x.csv`, unless `run` is a link to elsewhere.
fn cleaned(path: PathBuf) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        match (part, short.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                short.pop();
            }
            (Component::CurDir, _) => {}
            _ => short.push(part),
        }
    }
    // The file itself may not be there.
    let folder = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()
    };
    let same = folder(&path).is_some_and(|whole| folder(&short) == Some(whole));
    if same { short } else { path }
}

impl Config {
    /// The experiment that these arguments ask for.
    pub(crate) fn of_train(args: &TrainArgs) -> Result<Self> {
        let mut config = Self::of_data(&args.data)?;
        config.set_data(&args.columns)?;
        config.set_csv(&args.csv);
        config.set_model(&args.model)?;
        config.set_step(&args.step)?;
        config.set_fit(&args.fit);
        config.set_stop(&args.stop);
        config.replay = args.replay.clone().or(config.replay);
        if let Some(run) = &mut config.replay {
            // Right from any folder, in the run's config.toml.
            *run = std::path::absolute(&*run).unwrap_or_else(|_| run.clone());
        }
        config.usd_per_hour = args.usd_per_hour.or(config.usd_per_hour);
        config.set_checkpoint(&args.checkpoint);
        config.out = args.out.clone().or(config.out);
        config.check()?;
        Ok(config)
    }

    /// The experiment of the run in `folder`, to go on with it.
    pub(crate) fn of_resume(folder: &Path, args: &ResumeArgs) -> Result<Self> {
        let mut config = Self::of_file(&folder.join(CONFIG))?;
        config.epochs = args.epochs.or(config.epochs);
        config.max_time = args.max_time.clone().or(config.max_time);
        config.max_usd = args.max_usd.or(config.max_usd);
        config.usd_per_hour = args.usd_per_hour.or(config.usd_per_hour);
        set(&mut config.threads, args.threads);
        config.out = Some(folder.into());
        config.check()?;
        Ok(config)
    }

    /// The experiment whose learning rate is to be found.
    pub(crate) fn of_lr_find(args: &LrFindArgs) -> Result<Self> {
        let mut config = Self::of_data(&args.data)?;
        config.set_data(&args.columns)?;
        config.set_csv(&args.csv);
        config.set_model(&args.model)?;
        config.set_step(&args.step)?;
        config.check()?;
        Ok(config)
    }

    /// The columns of a table that is only shown.
    pub(crate) fn of_show(args: &ShowArgs) -> Result<Self> {
        let target = OneOrMore(args.target.clone());
        let mut config = Self { data: args.data.clone(), target, ..Self::default() };
        config.set_columns(&args.columns)?;
        config.set_csv(&args.csv);
        Ok(config)
    }

    /// Defaults for this data, or what a TOML file says.
    fn of_data(data: &str) -> Result<Self> {
        let path = Path::new(data);
        if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
            return Ok(Self { data: data.into(), ..Self::default() });
        }
        Self::of_file(path)
    }

    /// What a TOML file says, with paths from where the command runs.
    pub(crate) fn of_file(path: &Path) -> Result<Self> {
        let mut config = Self::read(path)?;
        if config.data.is_empty() {
            return Err(Failure::usage(format!(
                "{}: it names no data; add a line like data = \"houses.csv\"",
                path.display()
            )));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        config.data = beside(folder, config.data);
        config.valid_file = config.valid_file.map(|file| beside(folder, file));
        Ok(config)
    }

    fn set_data(&mut self, args: &DataArgs) -> Result<()> {
        let (target, task) = (self.target.clone(), self.task);
        if let Some(target) = &args.target {
            // Of what kind another target is has to be found out anew.
            (self.target, self.task) = (OneOrMore(target.clone()), None);
        }
        self.set_columns(&args.columns)?;
        // What was decided of another target does not hold.
        self.decided &= self.target == target && self.task == task;
        set(&mut self.procs, args.procs.clone().map(OneOrMore));
        // One way to split replaces another, together with what belongs to it.
        if args.valid_rows.is_some() || args.valid_frac.is_some() || args.valid_file.is_some() {
            (self.valid_rows, self.valid_frac) = (args.valid_rows.clone(), args.valid_frac);
            self.valid_file.clone_from(&args.valid_file);
            if args.valid_frac.is_none() {
                self.stratify = None;
            }
        }
        match (args.stratify, args.no_stratify) {
            (true, _) => self.stratify = Some(true),
            (_, true) => self.stratify = Some(false),
            _ => {}
        }
        self.drop_missing_target |= args.drop_missing_target;
        Ok(())
    }

    fn set_columns(&mut self, args: &ColumnArgs) -> Result<()> {
        let list = |typed: &Option<Vec<String>>| typed.clone().map(OneOrMore);
        if let Some(task) = &args.task {
            self.task = Some(task.parse::<TaskKind>().map_err(Failure::usage)?);
        }
        self.cat = list(&args.cat).or(self.cat.take());
        set(&mut self.also_cat, list(&args.also_cat));
        self.cont = list(&args.cont).or(self.cont.take());
        set(&mut self.ignore, list(&args.ignore));
        set(&mut self.max_card, args.max_card);
        Ok(())
    }

    pub(crate) fn set_csv(&mut self, args: &CsvArgs) {
        self.delimiter = args.delimiter.clone().or(self.delimiter.take());
        self.decimal = args.decimal.clone().or(self.decimal.take());
        self.header &= !args.no_header;
        set(&mut self.missing, args.missing.clone().map(OneOrMore));
    }

    fn set_model(&mut self, args: &ModelArgs) -> Result<()> {
        set(&mut self.layers, args.layers.clone());
        set(&mut self.dropout, args.dropout.clone());
        set(&mut self.embed_dropout, args.embed_dropout);
        if let Some(name) = &args.activation {
            name.parse::<ActivationFn>().map_err(Failure::usage)?.name().clone_into(&mut self.activation);
        }
        self.y_range = args.y_range.clone().or(self.y_range.take());
        self.scale_target &= !args.no_scale_target;
        Ok(())
    }

    fn set_step(&mut self, args: &StepArgs) -> Result<()> {
        self.bs = args.bs.or(self.bs);
        set(&mut self.optimizer, args.optimizer.clone().map(Named::Name));
        self.wd = args.wd.or(self.wd);
        self.loss = args.loss.clone().map(Named::Name).or(self.loss.take());
        self.label_smoothing = args.label_smoothing.or(self.label_smoothing);
        if let Some(typed) = &args.class_weights {
            self.class_weights = Some(class_weights::parse(typed)?);
        }
        self.clip = args.clip.or(self.clip);
        set(&mut self.accumulate, args.accumulate);
        set(&mut self.non_finite, args.non_finite.clone().map(Named::Name));
        set(&mut self.seed, args.seed);
        set(&mut self.threads, args.threads);
        Ok(())
    }

    fn set_fit(&mut self, args: &FitArgs) {
        self.epochs = args.epochs.or(self.epochs);
        self.max_time = args.max_time.clone().or(self.max_time.take());
        self.max_usd = args.max_usd.or(self.max_usd);
        set(&mut self.lr, args.lr);
        set(&mut self.schedule, args.schedule.clone().map(Named::Name));
        self.metrics = args.metrics.clone().map(OneOrMore).or(self.metrics.take());
    }

    fn set_checkpoint(&mut self, args: &CheckpointArgs) {
        self.checkpoint &= !args.no_checkpoint;
        set(&mut self.checkpoint_epochs, args.checkpoint_epochs);
        set(&mut self.checkpoint_seconds, args.checkpoint_seconds);
        set(&mut self.checkpoint_steps, args.checkpoint_steps);
    }

    fn set_stop(&mut self, args: &StopArgs) {
        self.monitor = args.monitor.clone().or(self.monitor.take());
        self.patience = args.patience.or(self.patience);
        set(&mut self.min_delta, args.min_delta);
        self.early_stopping = (self.early_stopping || args.early_stopping) && !args.no_early_stopping;
        self.save_best = (self.save_best || args.save_best) && !args.no_save_best;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_without_detours() {
        let folder = std::env::temp_dir().join(format!("highmark-cleaned-{}", std::process::id()));
        fs::create_dir_all(folder.join("a/b")).unwrap();
        let short =
            |path: &str| cleaned(folder.join(path)).strip_prefix(&folder).unwrap().display().to_string();
        // Whether the file is there or not.
        assert_eq!((short("a/b/../x.csv"), short("a/b/../../x.csv")), ("a/x.csv".into(), "x.csv".into()));
        assert_eq!((short("a/./x.csv"), short("none/../x.csv")), ("a/x.csv".into(), "none/../x.csv".into()));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.join("a/b"), folder.join("link")).unwrap();
            assert_eq!(short("link/../x.csv"), "link/../x.csv");
        }
        assert_eq!(cleaned(PathBuf::from("../x.csv")), PathBuf::from("../x.csv"));
        fs::remove_dir_all(folder).unwrap();
    }
}
