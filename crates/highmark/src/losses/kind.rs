//! The losses by name, as they stand in configurations and files.

use serde::{Deserialize, Serialize};

use super::{Activation, BceWithLogits, CrossEntropy, Focal, Huber, L1, Loss, Mse};
use crate::{Error, Result};

/// A loss as data: what a configuration or a model file holds.
///
/// ```
/// use highmark::LossKind;
/// let kind = LossKind::parse("huber")?;
/// assert_eq!(kind, LossKind::Huber { delta: 1.0 });
/// assert_eq!(kind.build().name(), "huber");
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LossKind {
    /// [`CrossEntropy`].
    CrossEntropy {
        /// One weight a class; all 1 by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<Vec<f32>>,
        /// The share of the target that is spread over all classes; 0 by default.
        #[serde(default)]
        label_smoothing: f32,
    },
    /// [`Focal`].
    Focal {
        /// How much less sure rows count; 2 by default.
        #[serde(default = "two")]
        gamma: f32,
        /// One weight a class; all 1 by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<Vec<f32>>,
    },
    /// [`BceWithLogits`].
    #[serde(rename = "bce")]
    BceWithLogits {
        /// The weight of positives, one an output; all 1 by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pos_weight: Option<Vec<f32>>,
        /// Above which probability a label is predicted; 0.5 by default.
        #[serde(default = "half", skip_serializing_if = "is_half")]
        threshold: f32,
    },
    /// [`Mse`].
    Mse,
    /// [`L1`].
    L1,
    /// [`Huber`].
    Huber {
        /// Where the square ends; 1 by default.
        #[serde(default = "one")]
        delta: f32,
    },
}

fn half() -> f32 {
    0.5
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_half(threshold: &f32) -> bool {
    *threshold == half()
}

fn one() -> f32 {
    1.0
}

fn two() -> f32 {
    2.0
}

impl LossKind {
    /// The names that [`LossKind::parse`] knows.
    pub const NAMES: [&'static str; 6] = ["cross-entropy", "focal", "bce", "mse", "l1", "huber"];

    /// The loss called `name` with its defaults. `mae` is another name for `l1`.
    pub fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "cross-entropy" => Activation::Softmax.into(),
            "focal" => Self::Focal { gamma: two(), weight: None },
            "bce" => Activation::Sigmoid.into(),
            "mse" => Activation::Identity.into(),
            "l1" | "mae" => Self::L1,
            "huber" => Self::Huber { delta: one() },
            _ => return Err(Error::unknown("loss", name, Self::NAMES)),
        })
    }

    /// The loss of the library that decides as `loss` does: by the same activation and threshold.
    pub(crate) fn standing_for(loss: &dyn Loss) -> Self {
        match loss.activation().into() {
            Self::BceWithLogits { pos_weight, .. } => {
                Self::BceWithLogits { pos_weight, threshold: loss.threshold() }
            }
            other => other,
        }
    }

    /// The loss itself.
    pub fn build(&self) -> Box<dyn Loss> {
        match self.clone() {
            Self::CrossEntropy { weight, label_smoothing } => {
                Box::new(CrossEntropy { weight, label_smoothing })
            }
            Self::Focal { gamma, weight } => Box::new(Focal { gamma, weight }),
            Self::BceWithLogits { pos_weight, threshold } => {
                Box::new(BceWithLogits { pos_weight, threshold })
            }
            Self::Mse => Box::new(Mse),
            Self::L1 => Box::new(L1),
            Self::Huber { delta } => Box::new(Huber { delta }),
        }
    }
}

/// The loss that is meant when only the activation is known: of classes, of labels, of numbers.
impl From<Activation> for LossKind {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Softmax => Self::CrossEntropy { weight: None, label_smoothing: 0.0 },
            Activation::Sigmoid => Self::BceWithLogits { pos_weight: None, threshold: half() },
            Activation::Identity => Self::Mse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_losses_and_back() {
        for name in LossKind::NAMES {
            let kind = LossKind::parse(name).unwrap();
            assert_eq!(kind.build().name(), name);
            let json = serde_json::to_string(&kind).unwrap();
            assert!(json.contains(&format!("\"name\":\"{name}\"")), "{json}");
            assert_eq!(serde_json::from_str::<LossKind>(&json).unwrap(), kind);
        }
        assert_eq!(LossKind::parse("mae").unwrap(), LossKind::L1);
        assert!(LossKind::parse("hubr").unwrap_err().to_string().contains("did you mean `huber`?"));
    }
}
