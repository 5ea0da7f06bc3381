//! Going on from a checkpoint.

use std::fmt;
use std::time::Duration;

use super::checkpoint::{self, Found};
use super::checkpoints::Checkpoints;
use super::disk::SystemDisk;
use super::frame_folder::Kept;
use super::identity::Identity;
use super::{Callback, Learner, Phase};
use crate::optim::Schedule;
use crate::plural::plural;
use crate::{Error, Result};

/// Where a fit goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// The epoch under way, or the next one, from 0.
    pub epoch: usize,
    /// Epochs that were planned.
    pub epochs: usize,
    /// The pass under way, and how many of its batches are done; `None` between two epochs.
    pub within: Option<(Phase, usize, usize)>,
    /// Whether the fit had come to its end. Only such a one can be fitted for more epochs than were planned; else the next
    /// fit just ends in the same way again.
    pub finished: bool,
    /// The seed of the fit, which the learner must have as well.
    pub seed: u64,
    /// Time used until then by all processes, from the beginning of each: see [`Learner::count_from`].
    pub spent: Duration,
    /// Why it is not the newest checkpoint, if that was damaged.
    pub note: Option<String>,
}

impl fmt::Display for ResumePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.within {
            None if self.finished => write!(f, "after its {}", plural(self.epoch, "epoch")),
            None => write!(f, "before epoch {}", self.epoch),
            Some((phase, done, of)) => {
                write!(f, "in epoch {}, after batch {done} of {of} of its {phase}", self.epoch)
            }
        }
    }
}

impl Learner {
    /// Lets the next fit go on from the newest good checkpoint in the folder of [`super::LearnerConfig::checkpoint`], in
    /// place of beginning one. It must be the fit that the checkpoint is of, with the same epochs, rate and schedule; the
    /// result is the same to the bit as if it had never been left. `None`, and nothing to go on from, when the folder
    /// holds no checkpoint.
    ///
    /// Fails when there are checkpoints, but none is whole and of this version, and when no folder is configured. That
    /// the data and the settings are the same is checked when the fit begins, which can be begun anew with the right ones. Of
    /// a loss and a model of your own the names are compared, so let a name tell the settings.
    ///
    /// ```
    /// use highmark::{CheckpointConfig, DataConfig, Learner, LearnerConfig, NamedData, OneCycle, Split, TabularData};
    /// # let folder = std::env::temp_dir().join("highmark-doc-resume");
    /// # drop(std::fs::remove_dir_all(&folder));
    /// # let table = NamedData::Adult.table()?;
    /// # let config = DataConfig { targets: vec!["salary".into()], valid: Split::Rows(1024..1260), ..DataConfig::default() };
    /// # let data = TabularData::new(&table, &config)?;
    /// let config = || LearnerConfig { checkpoint: Some(CheckpointConfig::new(&folder)), ..LearnerConfig::default() };
    /// // The same lines in every process: the first begins the fit, one after a crash goes on with it.
    /// let mut learn = Learner::tabular(&data, config())?;
    /// # learn.quiet();
    /// learn.resume()?;
    /// let report = learn.fit_one_cycle(1, &OneCycle::default())?;
    /// assert!(report.checkpoint.is_some());
    /// # let mut again = Learner::tabular(&data, config())?;
    /// # again.quiet();
    /// # assert!(again.resume()?.unwrap().finished);
    /// # again.fit_one_cycle(1, &OneCycle::default())?;
    /// # assert_eq!(again.trainer().model.params().values, learn.trainer().model.params().values);
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn resume(&mut self) -> Result<Option<ResumePoint>> {
        let Some(config) = &self.checkpoint else {
            return Err(Error::config(
                "checkpoint",
                "without a folder for checkpoints there is none to resume",
            ));
        };
        self.resume = checkpoint::find(&config.folder)?;
        let own = self.trainer.seed;
        Ok(self.resume.as_ref().map(|found| {
            let meta = &found.checkpoint.meta;
            let at = meta.position;
            ResumePoint {
                // One without a seed is of no fit, and is refused as such.
                seed: meta.identity.get("seed").and_then(|seed| seed.parse().ok()).unwrap_or(own),
                epoch: at.epoch,
                epochs: at.n_epoch,
                within: at.pass.map(|pass| (pass, at.iter, at.n_iter)),
                finished: at.finished,
                spent: Duration::try_from_secs_f64(meta.seconds.in_all()).unwrap_or_default(),
                note: found.note.clone(),
            }
        }))
    }

    /// What decides the bits of a fit, but for the number of epochs.
    pub(super) fn identity(
        &self,
        lr: f64,
        schedule: &Schedule,
        extra: &[Box<dyn Callback>],
    ) -> Result<Identity> {
        let mut identity = Identity::default();
        let trainer = &self.trainer;
        for (name, loader) in [("training", &trainer.train), ("validation", &trainer.valid)] {
            let data = loader.dataset();
            identity.add_contents(
                format!("data: {name} rows"),
                &data.rows().to_string(),
                data.fingerprint(),
            )?;
            identity.add(format!("{name}: batch size"), &loader.batch_size())?;
            let order = format!("{:?}, drops last: {}", loader.order(), loader.drops_last());
            identity.add(format!("{name}: order"), &order)?;
        }
        let description = &trainer.description;
        identity.add("highmark", &description.provenance.version)?;
        identity.add("model", &description.model)?;
        identity.add_fields("model", &description.config)?;
        identity.add("model: columns", &(&description.columns, description.n_cont, description.outputs))?;
        identity.add_pipeline(description.pipeline.as_ref())?;
        identity.add("loss", &(trainer.loss.name(), &description.loss))?;
        let parameters = trainer.model.params().list().iter();
        let parameters: Vec<_> = parameters.map(|p| (p.name.as_str(), p.shape.as_slice())).collect();
        identity.add("parameters", &parameters)?;
        identity.add_fields("optimizer", trainer.optimizer.config())?;
        let groups = trainer.optimizer.groups().iter();
        let groups: Vec<_> =
            groups.map(|group| (group.name.as_str(), group.parameters.as_slice(), group.factor)).collect();
        identity.add("parameter groups", &groups)?;
        let decay: Vec<f64> = trainer.optimizer.groups().iter().map(|group| group.hypers.wd).collect();
        identity.add("weight decay", &decay)?;
        let metrics: Vec<_> = trainer.metrics().iter().map(|metric| metric.name()).collect();
        identity.add("metrics", &metrics)?;
        identity.add("seed", &trainer.seed)?;
        identity.add("values that are not finite", &trainer.guard.policy())?;
        identity.add("accumulate", &trainer.accumulate)?;
        identity.add("learning rate", &lr)?;
        identity.add("schedule", schedule)?;
        let callbacks = self.callbacks.iter().chain(extra.iter().map(AsRef::as_ref));
        callbacks.into_iter().try_for_each(|callback| identity.add_callback(callback))?;
        Ok(identity)
    }

    /// Checks that the next fit can go on from what is to be resumed, if anything is, and prepares for its checkpoints.
    pub(super) fn prepare_resume(&mut self, epochs: usize, identity: Identity) -> Result<()> {
        if let Some(Found { checkpoint, path, .. }) = &self.resume {
            let message = |error: &dyn std::fmt::Display| Error::file(path, error.to_string());
            let ended = checkpoint.meta.position.finished;
            identity.check(&checkpoint.meta.identity, ended).map_err(|e| message(&e))?;
            if let Some(planner) = &self.trainer.planner {
                planner.check_resume(&checkpoint.meta)?;
            }
            let at = checkpoint.meta.position;
            let planned = plural(at.n_epoch, "epoch");
            if at.n_epoch == usize::MAX && epochs != at.n_epoch {
                let error = format!(
                    "it is of a fit whose epochs its budget alone decides, which cannot become one of {}",
                    plural(epochs, "epoch")
                );
                return Err(message(&error));
            }
            if epochs < at.n_epoch {
                let error = format!("it is of a fit for {planned}, which cannot become {epochs}");
                return Err(message(&error));
            }
            if epochs > at.n_epoch && !at.finished {
                let error = format!(
                    "it is of a fit for {planned} that has not ended; resume it to its end, then extend it to {epochs}"
                );
                return Err(message(&error));
            }
        }
        let (params, optimizer) = (self.trainer.model.params(), self.trainer.optimizer.tensors());
        let state: usize = optimizer.iter().map(|(_, numbers)| numbers.len()).sum();
        let floats = params.len() + params.buffers.len() + state;
        self.trainer.checkpoint = None;
        if self.checkpoint.is_some() {
            // Before training, which would wait for it.
            self.trainer.start_background();
        }
        self.trainer.checkpoints = self.checkpoint.clone().map(|config| {
            let kept = match &self.resume {
                None => Kept::None,
                Some(found) if found.path == checkpoint::newest(&config.folder) => Kept::Newest,
                Some(_) => Kept::Previous,
            };
            Checkpoints::new(config, identity, kept, std::sync::Arc::new(SystemDisk), floats)
        });
        Ok(())
    }
}
