//! Whether the settings make sense, whatever the data.

use highmark::{LossKind, Proc};

use super::Config;
use crate::failure::{Failure, Result};
use crate::screen;
use crate::source::STDIN;

impl Config {
    /// Fails, as wrong usage, on settings that are wrong for any data.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_numbers()?;
        self.check_budget()?;
        self.check_split()?;
        if self.cat.is_some() && !self.also_cat.0.is_empty() {
            return Err(Failure::usage(
                "also-cat: adds to the categories that are inferred, but cat names all of them; give one of the two",
            ));
        }
        self.out.as_ref().map_or(Ok(()), |out| screen::refuse_stdout("out", out, "the folder of a run"))?;
        self.csv_options()?;
        for name in &self.procs.0 {
            Proc::parse(name).map_err(Failure::usage)?;
        }
        self.tabular_config()?.check().map_err(Failure::usage)?;
        self.schedule()?.check().map_err(Failure::usage)?;
        self.optimizer_config()?.hypers(self.lr).map_err(Failure::usage)?;
        self.non_finite()?.check().map_err(Failure::usage)?;
        self.check_loss()?;
        self.check_metrics()?;
        self.check_size()?;
        if self.bs == Some(1) && self.batch_norm {
            return Err(Failure::usage("bs: batch norm needs at least 2 rows a batch"));
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<()> {
        let threads = (1..=1024).contains(&self.threads);
        let whole = [
            ("bs", self.bs != Some(0), "at least 1", self.bs()),
            (
                "epochs",
                self.epochs.is_none_or(|epochs| (1..=1_000_000).contains(&epochs)),
                "from 1 to 1000000",
                self.epochs.unwrap_or_default(),
            ),
            ("patience", self.patience != Some(0), "at least 1", self.patience.unwrap_or_default()),
            ("accumulate", self.accumulate > 0, "at least 1", self.accumulate),
            ("threads", threads, "from 1 to 1024", self.threads),
        ];
        if let Some((setting, _, wanted, value)) = whole.iter().find(|(_, fine, ..)| !fine) {
            return Err(Failure::usage(format!("{setting}: must be {wanted}, not {value}")));
        }
        if i64::try_from(self.seed).is_err() {
            return Err(Failure::usage(format!("seed: must be at most {}, not {}", i64::MAX, self.seed)));
        }
        let above_zero = |x: f64| x.is_finite() && x > 0.0;
        let share = |x: f64| (0.0..1.0).contains(&x);
        let real = [
            ("lr", above_zero(self.lr), "above 0", Some(self.lr)),
            ("clip", self.clip.is_none_or(above_zero), "above 0", self.clip),
            ("min-delta", self.min_delta.is_finite(), "a number", Some(self.min_delta)),
            (
                "label-smoothing",
                self.label_smoothing.is_none_or(share),
                "from 0 to below 1",
                self.label_smoothing,
            ),
            (
                "checkpoint-seconds",
                self.checkpoint_seconds.is_finite() && self.checkpoint_seconds >= 0.0,
                "at least 0",
                Some(self.checkpoint_seconds),
            ),
            (
                "usd-per-hour",
                self.usd_per_hour.is_none_or(|x| x.is_finite() && x >= 0.0),
                "at least 0",
                self.usd_per_hour,
            ),
        ];
        match real.iter().find(|(_, fine, ..)| !fine) {
            Some((setting, _, wanted, Some(value))) => {
                Err(Failure::usage(format!("{setting}: must be {wanted}, not {value}")))
            }
            _ => Ok(()),
        }
    }

    fn check_split(&self) -> Result<()> {
        let ways = [
            ("valid-rows", self.valid_rows.is_some()),
            ("valid-frac", self.valid_frac.is_some()),
            ("valid-file", self.valid_file.is_some()),
        ];
        let given: Vec<_> = ways.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        if given.len() > 1 {
            return Err(Failure::usage(format!("{} do not go together; choose one", given.join(" and "))));
        }
        if self.stratify == Some(true) && (self.valid_rows.is_some() || self.valid_file.is_some()) {
            return Err(Failure::usage(format!(
                "stratify: goes with valid-frac only, not with {}",
                given[0]
            )));
        }
        if self.data == STDIN && self.valid_file.as_deref() == Some(STDIN) {
            return Err(Failure::usage(
                "valid-file: standard input is the training data already; name a file",
            ));
        }
        self.valid_range()?;
        match self.valid_frac {
            Some(share) if !(share > 0.0 && share < 1.0) => {
                Err(Failure::usage(format!("valid-frac: must be between 0 and 1, not {share}")))
            }
            _ => Ok(()),
        }
    }

    fn check_metrics(&self) -> Result<()> {
        let metrics = self.metrics()?;
        let twice = (1..metrics.len()).find(|i| metrics[..*i].iter().any(|m| m.name() == metrics[*i].name()));
        twice.map_or(Ok(()), |i| {
            Err(Failure::usage(format!("metrics: `{}` is there twice", metrics[i].name())))
        })
    }

    /// A layer that no memory holds would end the process instead of giving an error.
    fn check_size(&self) -> Result<()> {
        const LARGEST: usize = 1 << 16;
        const PARAMETERS: usize = 1 << 28;
        let sizes = self.layers.iter().map(|size| ("layers", size));
        let sizes = sizes.chain(self.embedding_sizes.values().map(|size| ("embedding-sizes", size)));
        if let Some((setting, size)) = sizes.into_iter().find(|(_, size)| **size > LARGEST) {
            return Err(Failure::usage(format!("{setting}: must be at most {LARGEST}, not {size}")));
        }
        let parameters: usize = self.layers.windows(2).map(|pair| pair[0] * pair[1]).sum();
        if parameters > PARAMETERS {
            return Err(Failure::usage(format!(
                "layers: these have {parameters} weights; {PARAMETERS} are supported"
            )));
        }
        Ok(())
    }

    fn check_loss(&self) -> Result<()> {
        // The weights do not matter here.
        let loss = self.loss(&[])?;
        self.check_class_weights()?;
        let cross_entropy = matches!(loss, None | Some(LossKind::CrossEntropy { .. }));
        if self.label_smoothing.is_some() && !cross_entropy {
            return Err(Failure::usage("label-smoothing: goes with the loss cross-entropy only"));
        }
        let weighted = cross_entropy || matches!(loss, Some(LossKind::Focal { .. }));
        if self.class_weights.is_some() && !weighted {
            return Err(Failure::usage("class-weights: go with the losses cross-entropy and focal only"));
        }
        Ok(())
    }
}
