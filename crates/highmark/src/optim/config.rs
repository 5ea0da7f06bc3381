//! Which optimizer, and with what.

use serde::{Deserialize, Serialize};

use super::{Clip, Hypers};
use crate::{Error, Result};

/// The rule that turns gradients into steps, with fastai's defaults and arithmetic.
///
/// ```
/// use highmark::OptimizerKind;
/// let kind = OptimizerKind::parse("adam")?;
/// assert_eq!((kind.defaults().sqr_mom, kind.defaults().eps, kind.defaults().wd), (0.99, 1e-5, 0.01));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019): momentum 0.9,
    /// squares 0.99, eps 1e-5, decay 0.01.
    #[default]
    Adam,
    /// Stochastic gradient descent: momentum 0, decay 0. With momentum, the average is a sum: m = mom·m + g.
    Sgd,
    /// Root mean square propagation (Tieleman and Hinton 2012): momentum 0, squares 0.99, eps 1e-8, decay 0.
    RmsProp,
    /// Rectified Adam, without a warm-up (Liu et al. 2020): momentum 0.9, squares 0.99, eps 1e-5, decay 0.
    RAdam,
}

impl OptimizerKind {
    /// The names that [`OptimizerKind::parse`] knows.
    pub const NAMES: [&'static str; 4] = ["adam", "sgd", "rmsprop", "radam"];

    /// The optimizer called `name`.
    pub fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "adam" => Self::Adam,
            "sgd" => Self::Sgd,
            "rmsprop" => Self::RmsProp,
            "radam" => Self::RAdam,
            _ => return Err(Error::unknown("optimizer", name, Self::NAMES)),
        })
    }

    /// The name, as [`OptimizerKind::parse`] takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adam => "adam",
            Self::Sgd => "sgd",
            Self::RmsProp => "rmsprop",
            Self::RAdam => "radam",
        }
    }

    /// Its hypers where nothing else is said, with the learning rate 0.001.
    pub fn defaults(self) -> Hypers {
        let lr = 1e-3;
        match self {
            Self::Adam => Hypers { lr, mom: 0.9, sqr_mom: 0.99, eps: 1e-5, wd: 0.01 },
            Self::Sgd => Hypers { lr, mom: 0.0, sqr_mom: 0.0, eps: 0.0, wd: 0.0 },
            Self::RmsProp => Hypers { lr, mom: 0.0, sqr_mom: 0.99, eps: 1e-8, wd: 0.0 },
            Self::RAdam => Hypers { lr, mom: 0.9, sqr_mom: 0.99, eps: 1e-5, wd: 0.0 },
        }
    }
}

/// An optimizer as data: what a configuration holds.
///
/// ```
/// use highmark::{Clip, OptimizerConfig, OptimizerKind};
/// let config = OptimizerConfig { kind: OptimizerKind::Sgd, mom: Some(0.9), ..OptimizerConfig::default() };
/// assert_eq!(config.hypers(0.1)?.mom, 0.9);
/// let wrong = OptimizerConfig { clip: Some(Clip::Norm(-1.0)), ..OptimizerConfig::default() };
/// assert!(wrong.hypers(0.1).is_err());
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    /// The rule; Adam by default.
    pub kind: OptimizerKind,
    /// Momentum in 0..1; the rule's own by default. `sgd` and `rmsprop` made without momentum stay without,
    /// whatever a schedule sets later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mom: Option<f64>,
    /// Momentum of the squares in 0..1; the rule's own by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqr_mom: Option<f64>,
    /// What is added to the denominator, at least 0; the rule's own by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,
    /// Weight decay, at least 0; the rule's own by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wd: Option<f64>,
    /// Whether decay shrinks the weights directly (the default), or is added to the gradients as an L2 penalty.
    pub decouple_wd: bool,
    /// Whether biases and norm layers decay too; not by default.
    pub wd_bn_bias: bool,
    /// Limit of the gradients; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::default(),
            mom: None,
            sqr_mom: None,
            eps: None,
            wd: None,
            decouple_wd: true,
            wd_bn_bias: false,
            clip: None,
        }
    }
}

impl OptimizerConfig {
    /// The hypers at the start, with learning rate `lr`. Fails if one of the settings is out of its range.
    pub fn hypers(&self, lr: f64) -> Result<Hypers> {
        let defaults = self.kind.defaults();
        let hypers = Hypers {
            lr,
            mom: self.mom.unwrap_or(defaults.mom),
            sqr_mom: self.sqr_mom.unwrap_or(defaults.sqr_mom),
            eps: self.eps.unwrap_or(defaults.eps),
            wd: self.wd.unwrap_or(defaults.wd),
        };
        for (setting, value) in [("lr", hypers.lr), ("eps", hypers.eps), ("wd", hypers.wd)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::config(setting, format!("must be a number from 0, not {value}")));
            }
        }
        for (setting, value) in [("mom", hypers.mom), ("sqr_mom", hypers.sqr_mom)] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::config(setting, format!("must be from 0 to below 1, not {value}")));
            }
        }
        if let Some(Clip::Norm(limit) | Clip::Value(limit)) = self.clip
            && (limit.is_nan() || limit <= 0.0)
        {
            return Err(Error::config("clip", format!("must be above 0, not {limit}")));
        }
        Ok(hypers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_files() {
        for name in OptimizerKind::NAMES {
            let kind = OptimizerKind::parse(name).unwrap();
            assert_eq!(kind.name(), name);
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{name}\""));
        }
        assert!(OptimizerKind::parse("adamw").unwrap_err().to_string().contains("did you mean `adam`?"));
        let config: OptimizerConfig =
            serde_json::from_str(r#"{"kind": "radam", "clip": {"norm": 1.0}}"#).unwrap();
        assert_eq!((config.kind, config.clip), (OptimizerKind::RAdam, Some(Clip::Norm(1.0))));
        let back: OptimizerConfig = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(back, config);
        assert!(serde_json::from_str::<OptimizerConfig>(r#"{"mo": 1}"#).is_err());
    }

    #[test]
    fn settings_out_of_range_are_errors() {
        let good = OptimizerConfig::default();
        assert!(good.hypers(0.0).is_ok());
        assert!(good.hypers(f64::NAN).is_err());
        assert!(good.hypers(-1.0).is_err());
        for wrong in [
            OptimizerConfig { mom: Some(1.0), ..good.clone() },
            OptimizerConfig { sqr_mom: Some(-0.1), ..good.clone() },
            OptimizerConfig { eps: Some(f64::INFINITY), ..good.clone() },
            OptimizerConfig { wd: Some(-1.0), ..good.clone() },
            OptimizerConfig { clip: Some(Clip::Value(f64::NAN)), ..good.clone() },
        ] {
            assert!(wrong.hypers(1e-3).is_err(), "{wrong:?}");
        }
    }
}
