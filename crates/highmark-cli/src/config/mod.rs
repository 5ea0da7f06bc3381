//! What an experiment is: read from a TOML file, overridden by arguments, completed by the data, and written into
//! the run's folder, so that the run can be repeated.

mod budget;
mod check;
mod class_weights;
mod complete;
mod keys;
mod left_out;
mod library;
mod parse;
mod typed;

pub(crate) use left_out::LeftOut;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use highmark::{LossKind, NonFinite, OptimizerConfig, Schedule, TaskKind};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};
use crate::run_folder::FIRST_LINE;

/// A setting that is a name or, with options of its own, a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Named<T> {
    Name(String),
    Full(T),
}

impl<'de, T: Serialize + for<'t> Deserialize<'t>> Deserialize<'de> for Named<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        // Not `untagged`, which would say no more than that nothing matched.
        let value = match toml::Value::deserialize(deserializer)? {
            toml::Value::String(name) => return Ok(Self::Name(name)),
            value => value,
        };
        let full = T::deserialize(value.clone()).map_err(D::Error::custom)?;
        // serde passes over the options of a variant that has none.
        let known = toml::Value::try_from(&full).map_err(D::Error::custom)?;
        let stray = value.as_table().into_iter().flatten().find(|(key, _)| known.get(key.as_str()).is_none());
        match stray {
            Some((key, _)) => Err(D::Error::custom(format!("there is no option `{key}` here"))),
            None => Ok(Self::Full(full)),
        }
    }
}

/// One text or several.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct OneOrMore(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(name) => Ok(Self(vec![name])),
            list => Vec::deserialize(list).map(Self).map_err(serde::de::Error::custom),
        }
    }
}

/// An experiment. Keys have the names of the command's options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    pub(crate) data: String,
    pub(crate) target: OneOrMore,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<TaskKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cat: Option<OneOrMore>,
    pub(crate) also_cat: OneOrMore,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cont: Option<OneOrMore>,
    pub(crate) ignore: OneOrMore,
    pub(crate) max_card: usize,
    pub(crate) procs: OneOrMore,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid_rows: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid_frac: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stratify: Option<bool>,
    pub(crate) drop_missing_target: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decimal: Option<String>,
    pub(crate) header: bool,
    pub(crate) missing: OneOrMore,
    pub(crate) layers: Vec<usize>,
    pub(crate) dropout: Vec<f64>,
    pub(crate) embed_dropout: f64,
    pub(crate) activation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) y_range: Option<Vec<f64>>,
    pub(crate) scale_target: bool,
    pub(crate) batch_norm: bool,
    pub(crate) bn_final: bool,
    pub(crate) bn_cont: bool,
    pub(crate) linear_first: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bs: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epochs: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replay: Option<PathBuf>,
    pub(crate) lr: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label_smoothing: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class_weights: Option<Named<Vec<f64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clip: Option<f64>,
    pub(crate) accumulate: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<OneOrMore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) monitor: Option<String>,
    pub(crate) early_stopping: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) patience: Option<usize>,
    pub(crate) min_delta: f64,
    pub(crate) save_best: bool,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usd_per_hour: Option<f64>,
    pub(crate) checkpoint: bool,
    pub(crate) checkpoint_epochs: usize,
    pub(crate) checkpoint_seconds: f64,
    pub(crate) checkpoint_steps: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) out: Option<PathBuf>,
    // Tables come last, as TOML has it.
    pub(crate) schedule: Named<Schedule>,
    pub(crate) optimizer: Named<OptimizerConfig>,
    pub(crate) non_finite: Named<NonFinite>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) loss: Option<Named<LossKind>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) embedding_sizes: BTreeMap<String, usize>,
    /// Whether it is that of a run, in which nothing is left to be decided. Not a setting.
    #[serde(skip)]
    pub(crate) decided: bool,
}

impl Default for Config {
    fn default() -> Self {
        let texts = |texts: &[&str]| OneOrMore(texts.iter().map(ToString::to_string).collect());
        Self {
            data: String::new(),
            target: OneOrMore::default(),
            task: None,
            cat: None,
            also_cat: OneOrMore::default(),
            cont: None,
            ignore: OneOrMore::default(),
            max_card: 20,
            procs: texts(&["fill-missing", "categorify", "normalize"]),
            valid_rows: None,
            valid_frac: None,
            valid_file: None,
            stratify: None,
            drop_missing_target: false,
            delimiter: None,
            decimal: None,
            header: true,
            missing: OneOrMore::default(),
            layers: vec![200, 100],
            dropout: Vec::new(),
            embed_dropout: 0.0,
            activation: "relu".into(),
            y_range: None,
            scale_target: true,
            batch_norm: true,
            bn_final: false,
            bn_cont: true,
            linear_first: true,
            bs: None,
            epochs: None,
            max_time: None,
            max_usd: None,
            replay: None,
            lr: 1e-3,
            wd: None,
            label_smoothing: None,
            class_weights: None,
            clip: None,
            accumulate: 1,
            metrics: None,
            monitor: None,
            early_stopping: true,
            patience: None,
            min_delta: 0.0,
            save_best: true,
            seed: 42,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            usd_per_hour: None,
            checkpoint: true,
            checkpoint_epochs: 1,
            checkpoint_seconds: 60.0,
            checkpoint_steps: 0,
            out: None,
            schedule: Named::Name("one-cycle".into()),
            optimizer: Named::Name("adam".into()),
            non_finite: Named::Name("stop".into()),
            loss: None,
            embedding_sizes: BTreeMap::new(),
            decided: false,
        }
    }
}

impl Config {
    /// Reads an experiment. Keys may be written with `_` or `-`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| highmark::Error::io("read", path, error))?;
        let config = Self::parse(&text);
        let config = config.map_err(|message| Failure::usage(format!("{}: {message}", path.display())))?;
        Ok(Self { decided: text.starts_with(FIRST_LINE), ..config })
    }

    /// As the text of a TOML file that [`Config::read`] understands.
    pub(crate) fn to_toml(&self) -> Result<String> {
        let text = toml::to_string(self).map_err(Failure::failed)?;
        Ok(format!("{FIRST_LINE}\n{text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_config_is_read_back() {
        let mut config = Config { data: "x.csv".into(), y_range: Some(vec![0.0, 0.1]), ..Config::default() };
        assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
        config.schedule = Named::Full(Schedule::one_cycle());
        config.optimizer = Named::Full(OptimizerConfig { wd: Some(0.1), ..OptimizerConfig::default() });
        config.loss = Some(Named::Full(LossKind::Huber { delta: 2.0 }));
        config.embedding_sizes.insert("city".into(), 3);
        assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn values_may_be_names_or_tables() {
        let config =
            Config::parse("target = \"y\"\nmin_delta = 0.5\nschedule = { name = \"cosine\" }").unwrap();
        assert_eq!((config.target.0, config.min_delta), (vec!["y".to_string()], 0.5));
        assert_eq!(config.schedule, Named::Full(Schedule::Cosine));
        for wrong in
            ["{ name = \"cosine\", pct = 1 }", "{ name = \"flat-cos\", pct = 1 }", "{ name = \"x\" }", "3"]
        {
            let error = Config::parse(&format!("schedule = {wrong}")).unwrap_err();
            assert!(error.contains("schedule"), "{error}");
        }
        assert!(Config::parse("min_delta = 1\nmin-delta = 2").unwrap_err().contains("twice"));
    }
}
