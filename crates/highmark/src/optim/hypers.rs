//! The numbers that steer an optimizer.

use serde::{Deserialize, Serialize};

/// The numbers that steer one group of parameters. All can change between steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hypers {
    /// Learning rate.
    pub lr: f64,
    /// Momentum: the share of the old gradient average that is kept, in 0..1.
    pub mom: f64,
    /// The same for the average of squared gradients.
    pub sqr_mom: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Weight decay per step and unit of learning rate.
    pub wd: f64,
}

/// Which of the [`Hypers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hyper {
    /// [`Hypers::lr`].
    Lr,
    /// [`Hypers::mom`].
    Mom,
    /// [`Hypers::sqr_mom`].
    SqrMom,
    /// [`Hypers::eps`].
    Eps,
    /// [`Hypers::wd`].
    Wd,
}

impl Hypers {
    /// The number called `hyper`.
    pub fn get(&self, hyper: Hyper) -> f64 {
        match hyper {
            Hyper::Lr => self.lr,
            Hyper::Mom => self.mom,
            Hyper::SqrMom => self.sqr_mom,
            Hyper::Eps => self.eps,
            Hyper::Wd => self.wd,
        }
    }

    /// Changes the number called `hyper`.
    pub fn set(&mut self, hyper: Hyper, value: f64) {
        *match hyper {
            Hyper::Lr => &mut self.lr,
            Hyper::Mom => &mut self.mom,
            Hyper::SqrMom => &mut self.sqr_mom,
            Hyper::Eps => &mut self.eps,
            Hyper::Wd => &mut self.wd,
        } = value;
    }
}
