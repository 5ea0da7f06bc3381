//! The usual courses of learning rate and momentum.

use serde::{Deserialize, Serialize};

use super::Curve;
use crate::{Error, Result};

/// The course of learning rate and momentum over a fit.
///
/// ```
/// use highmark::Schedule;
/// let (lr, mom) = Schedule::parse("one-cycle")?.curves(1e-2, 5);
/// assert!((lr.at(0.0) - 1e-2 / 25.0).abs() < 1e-12);
/// assert_eq!(lr.at(0.25), 1e-2);
/// assert_eq!(mom.map(|mom| mom.at(0.25)), Some(0.85));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The learning rate as it is: fastai's `fit`.
    #[default]
    Flat,
    /// Up along a cosine, then down along one, and the momentum the other way round (Smith 2018): fastai's
    /// `fit_one_cycle`.
    OneCycle {
        /// The learning rate starts at the highest divided by this; 25 by default.
        #[serde(default = "default_div")]
        div: f64,
        /// And ends at the highest divided by this; 1e5 by default.
        #[serde(default = "default_div_final")]
        div_final: f64,
        /// The share of the fit on the way up; 0.25 by default.
        #[serde(default = "default_warm_up")]
        pct_start: f64,
        /// Momentum at the start, at the highest learning rate and at the end; 0.95, 0.85, 0.95 by default.
        #[serde(default = "default_moms")]
        moms: (f64, f64, f64),
    },
    /// As it is, then down along a cosine: fastai's `fit_flat_cos`.
    FlatCos {
        /// The learning rate ends divided by this; 1e5 by default.
        #[serde(default = "default_div_final")]
        div_final: f64,
        /// The share of the fit before the cosine; 0.75 by default.
        #[serde(default = "default_flat")]
        pct_start: f64,
    },
    /// Down to 0 along one cosine.
    Cosine,
    /// Down to 0 along a cosine, again and again (Loshchilov and Hutter 2017): fastai's `fit_sgdr`. The last cycle is
    /// shortened to end with the fit.
    CosineRestarts {
        /// Epochs of the first cycle; 1 by default.
        #[serde(default = "default_cycle_len")]
        cycle_len: usize,
        /// How many times longer every cycle is than the one before; 2 by default.
        #[serde(default = "default_cycle_mult")]
        cycle_mult: usize,
    },
    /// Any curves.
    Custom {
        /// The learning rate itself, not a share of the highest.
        lr: Curve,
        /// The momentum; left as it is by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mom: Option<Curve>,
    },
}

fn default_div() -> f64 {
    25.0
}

fn default_div_final() -> f64 {
    1e5
}

fn default_warm_up() -> f64 {
    0.25
}

fn default_flat() -> f64 {
    0.75
}

fn default_moms() -> (f64, f64, f64) {
    (0.95, 0.85, 0.95)
}

fn default_cycle_len() -> usize {
    1
}

fn default_cycle_mult() -> usize {
    2
}

impl Schedule {
    /// The names that [`Schedule::parse`] knows.
    pub const NAMES: [&'static str; 5] = ["one-cycle", "flat", "flat-cos", "cosine", "cosine-restarts"];

    /// The schedule called `name` with its defaults.
    pub fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "one-cycle" => Self::one_cycle(),
            "flat" => Self::Flat,
            "flat-cos" => Self::FlatCos { div_final: default_div_final(), pct_start: default_flat() },
            "cosine" => Self::Cosine,
            "cosine-restarts" => {
                Self::CosineRestarts { cycle_len: default_cycle_len(), cycle_mult: default_cycle_mult() }
            }
            _ => return Err(Error::unknown("schedule", name, Self::NAMES)),
        })
    }

    /// [`Schedule::OneCycle`] with its defaults.
    pub fn one_cycle() -> Self {
        Self::OneCycle {
            div: default_div(),
            div_final: default_div_final(),
            pct_start: default_warm_up(),
            moms: default_moms(),
        }
    }

    /// The name; `custom` for [`Schedule::Custom`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::OneCycle { .. } => "one-cycle",
            Self::FlatCos { .. } => "flat-cos",
            Self::Cosine => "cosine",
            Self::CosineRestarts { .. } => "cosine-restarts",
            Self::Custom { .. } => "custom",
        }
    }

    /// Whether all its numbers make sense. The error names the setting.
    pub fn check(&self) -> Result<()> {
        let above_zero = |setting: &str, value: f64| {
            if value.is_finite() && value > 0.0 {
                return Ok(());
            }
            Err(Error::config(setting, format!("must be above 0, not {value}")))
        };
        let share = |value: f64| {
            if (0.0..=1.0).contains(&value) {
                return Ok(());
            }
            Err(Error::config("pct_start", format!("must be from 0 to 1, not {value}")))
        };
        match self {
            Self::Flat | Self::Cosine => Ok(()),
            Self::OneCycle { div, div_final, pct_start, moms } => {
                above_zero("div", *div)?;
                above_zero("div_final", *div_final)?;
                share(*pct_start)?;
                match [moms.0, moms.1, moms.2].iter().find(|mom| !(0.0..1.0).contains(*mom)) {
                    Some(mom) => Err(Error::config("moms", format!("must be from 0 to below 1, not {mom}"))),
                    None => Ok(()),
                }
            }
            Self::FlatCos { div_final, pct_start } => {
                above_zero("div_final", *div_final)?;
                share(*pct_start)
            }
            Self::CosineRestarts { cycle_len, cycle_mult } => {
                for (setting, value) in [("cycle_len", *cycle_len), ("cycle_mult", *cycle_mult)] {
                    if value == 0 {
                        return Err(Error::config(setting, "must be at least 1"));
                    }
                }
                Ok(())
            }
            Self::Custom { lr, mom } => Curve::check_hypers(lr, mom.as_ref()),
        }
    }

    /// The course of the learning rate, with its highest, and of the momentum if the schedule moves it, over a fit of
    /// `epochs` epochs.
    pub fn curves(&self, lr_max: f64, epochs: usize) -> (Curve, Option<Curve>) {
        let cosine = |start, end| Curve::Cosine { start, end };
        let two = |first: f64, a, b| Curve::Pieces(vec![(first, a), (1.0 - first, b)]);
        match self {
            Self::Flat => (Curve::Constant(lr_max), None),
            Self::OneCycle { div, div_final, pct_start, moms } => (
                two(*pct_start, cosine(lr_max / div, lr_max), cosine(lr_max, lr_max / div_final)),
                Some(two(*pct_start, cosine(moms.0, moms.1), cosine(moms.1, moms.2))),
            ),
            Self::FlatCos { div_final, pct_start } => {
                (two(*pct_start, Curve::Constant(lr_max), cosine(lr_max, lr_max / div_final)), None)
            }
            Self::Cosine => (cosine(lr_max, 0.0), None),
            Self::CosineRestarts { cycle_len, cycle_mult } => {
                let (mut length, mut left, mut pieces) = ((*cycle_len).max(1), epochs.max(1), Vec::new());
                while left > 0 {
                    let cycle = length.min(left);
                    pieces.push((cycle as f64 / epochs.max(1) as f64, cosine(lr_max, 0.0)));
                    left -= cycle;
                    length = length.saturating_mul((*cycle_mult).max(1));
                }
                (Curve::Pieces(pieces), None)
            }
            Self::Custom { lr, mom } => (lr.clone(), mom.clone()),
        }
    }

    /// How many epochs `cycles` whole cycles of [`Schedule::CosineRestarts`] take.
    pub fn epochs_of_cycles(cycle_len: usize, cycle_mult: usize, cycles: usize) -> usize {
        let lengths = std::iter::successors(Some(cycle_len), |length| length.checked_mul(cycle_mult));
        lengths.take(cycles).fold(0, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 2e-6 * b.abs(), "{a} is not {b}");
    }

    #[test]
    fn one_cycle_values() {
        let (lr, mom) = Schedule::one_cycle().curves(1e-2, 7);
        let mom = mom.unwrap();
        for (k, wanted_lr, wanted_mom) in [
            (0, 4e-4, 0.95),
            (5, 1.316_718_43e-3, 0.940_450_85),
            (12, 4.898_605_51e-3, 0.903_139_526),
            (24, 9.962_150_57e-3, 0.850_394_265),
            (25, 1e-2, 0.85),
            (26, 9.995_614_19e-3, 0.850_043_858),
            (50, 7.500_025e-3, 0.875),
            (75, 2.500_075e-3, 0.925),
            (99, 4.485_805_65e-6, 0.949_956_142),
        ] {
            near(lr.at(f64::from(k) / 100.0), wanted_lr);
            near(mom.at(f64::from(k) / 100.0), wanted_mom);
        }
    }

    #[test]
    fn flat_cos_values() {
        let (lr, mom) = Schedule::parse("flat-cos").unwrap().curves(1e-2, 3);
        for (k, wanted) in
            [(0, 1e-2), (75, 1e-2), (80, 9.045_094_5e-3), (90, 3.454_980_5e-3), (99, 3.952_609_9e-5)]
        {
            near(lr.at(f64::from(k) / 100.0), wanted);
        }
        assert!(mom.is_none());
    }

    #[test]
    fn restarts_begin_with_epochs() {
        let (lr, _) = Schedule::parse("cosine-restarts").unwrap().curves(1.0, 7);
        for epoch in [0.0, 1.0, 3.0] {
            near(lr.at((epoch + 1e-5) / 7.0), 1.0);
        }
        near(lr.at(0.5 / 7.0), 0.5);
        near(lr.at(2.0 / 7.0), 0.5);
        near(lr.at(5.0 / 7.0), 0.5);
        assert_eq!(Schedule::epochs_of_cycles(1, 2, 3), 7);
        assert_eq!(Schedule::epochs_of_cycles(2, 1, 3), 6);
        // Cut short: the second cycle lasts one epoch of two.
        let (lr, _) = Schedule::parse("cosine-restarts").unwrap().curves(1.0, 2);
        near(lr.at(0.75), 0.5);
        lr.check().unwrap();
    }

    #[test]
    fn steps_of_fastai() {
        // What fastai 2.8 ran with at step k of 1010 of a one-cycle fit and of 180 of a flat-cos fit. So
        // close only with positions in 32 bits: 64 would move the last learning rates by 4e-6 of themselves.
        let same = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} is not {b}");
        let (lr, mom) = Schedule::one_cycle().curves(1e-3, 2);
        let mom = mom.unwrap();
        for (k, wanted_lr, wanted_mom) in [
            (0, 4e-05, 0.95),
            (1, 4.003_715_203_838_839e-05, 0.949_996_129_996_001_1),
            (252, 0.000_999_990_712_018_484_6, 0.850_000_967_498_074_5),
            (253, 0.000_999_998_925_009_809_7, 0.850_000_107_500_094_2),
            (600, 0.000_564_624_932_668_881_5, 0.893_537_942_112_532_9),
            (1000, 4.399_384_834_763_431e-07, 0.949_957_005_721_709_5),
            (1009, 1.429_995_614_651_326_2e-08, 0.949_999_570_000_085_3),
        ] {
            same(lr.at(f64::from(k) / 1010.0), wanted_lr);
            same(mom.at(f64::from(k) / 1010.0), wanted_mom);
        }
        let (lr, _) = Schedule::parse("flat-cos").unwrap().curves(2e-3, 2);
        for (k, wanted) in [
            (134, 0.002),
            (135, 0.002),
            (136, 0.001_997_564_061_847_557_7),
            (150, 0.001_500_005_216_219_555_7),
            (179, 2.455_938_152_442_181_7e-06),
        ] {
            same(lr.at(f64::from(k) / 180.0), wanted);
        }
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        for name in Schedule::NAMES {
            let schedule = Schedule::parse(name).unwrap();
            schedule.check().unwrap();
            assert_eq!(schedule.name(), name);
            let json = serde_json::to_string(&schedule).unwrap();
            assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
        }
        assert!(Schedule::parse("onecycle").unwrap_err().to_string().contains("did you mean `one-cycle`?"));
        let read = |json| serde_json::from_str::<Schedule>(json).unwrap();
        assert_eq!(read(r#"{"name": "one-cycle"}"#), Schedule::one_cycle());
        for json in [
            r#"{"name": "one-cycle", "div": 0}"#,
            r#"{"name": "one-cycle", "pct_start": 1.5}"#,
            r#"{"name": "one-cycle", "moms": [0.9, 1.0, 0.9]}"#,
            r#"{"name": "flat-cos", "div_final": -1}"#,
            r#"{"name": "cosine-restarts", "cycle_len": 0}"#,
            r#"{"name": "custom", "lr": {"pieces": [[0.5, {"constant": 1.0}]]}}"#,
        ] {
            assert!(read(json).check().is_err(), "{json}");
        }
    }

    #[test]
    fn zero_epochs_do_not_divide_by_zero() {
        assert!(Schedule::parse("cosine-restarts").unwrap().curves(1.0, 0).0.at(0.0).is_finite());
    }
}
