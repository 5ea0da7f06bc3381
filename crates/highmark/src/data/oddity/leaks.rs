//! Columns that tell the target.

use arrow_array::ArrayRef;

use super::super::factors::{Factors, MISSING};
use super::super::level::quoted;
use super::MANY;
use crate::data::warning::{Warning, WarningKind};

/// Rows that are looked at first.
const GLANCE: usize = 200;

/// Says of a feature that it is the target itself, or the same in other words, if it is.
pub(super) fn tells_target(
    name: &str,
    feature: &ArrayRef,
    target_name: &str,
    target: &ArrayRef,
) -> Option<Warning> {
    let pair = |rows: usize| {
        Some((
            Factors::of(name, &feature.slice(0, rows)).ok()?,
            Factors::of(target_name, &target.slice(0, rows)).ok()?,
        ))
    };
    // Most columns are something else in the first rows already.
    let glance = pair(target.len().min(GLANCE))?;
    relation(&glance.0, &glance.1)?;
    let (feature, target) = if target.len() > GLANCE { pair(target.len())? } else { glance };
    if target.codes.iter().filter(|code| **code != MISSING).count() <= MANY || target.levels.len() < 2 {
        return None;
    }
    let advice = "leave it out, unless it is known before the target is";
    let Relation::OneToOne(own, theirs) = relation(&feature, &target)? else {
        return Some(Warning::of(
            WarningKind::Leak,
            name,
            format!("is the same as target `{target_name}` in every row; {advice}"),
        ));
    };
    let (own, theirs) = (feature.levels[own].to_string(), target.levels[theirs].to_string());
    Some(Warning::of(
        WarningKind::Leak,
        name,
        format!(
            "gives target `{target_name}` away, since each of its values goes with one of the target's, such as {} \
         with {}; {advice}",
            quoted(&own),
            quoted(&theirs),
        ),
    ))
}

/// How a feature goes together with a target.
enum Relation {
    /// They have the same values.
    Same,
    /// Each value goes with one of the other's, such as these two levels.
    OneToOne(usize, usize),
}

fn relation(feature: &Factors, target: &Factors) -> Option<Relation> {
    let partners = one_to_one(feature, target)?;
    let known = || partners.iter().enumerate().filter(|(_, partner)| **partner != MISSING);
    if known().all(|(level, partner)| target.levels[level].matches(&feature.levels[*partner as usize])) {
        return Some(Relation::Same);
    }
    // Values that all differ go together with any others that do.
    let present = target.codes.iter().filter(|code| **code != MISSING).count();
    let (level, partner) = known().next().filter(|_| target.levels.len() * 2 <= present)?;
    Some(Relation::OneToOne(*partner as usize, level))
}

/// The level of the feature that goes with each level of the target, if they go together one to one in all rows that have a
/// target.
fn one_to_one(feature: &Factors, target: &Factors) -> Option<Vec<u32>> {
    let (mut partners, mut taken) = (vec![MISSING; target.levels.len()], vec![MISSING; feature.levels.len()]);
    for (theirs, own) in target.codes.iter().zip(&feature.codes).filter(|(theirs, _)| **theirs != MISSING) {
        let taken = taken.get_mut(*own as usize)?;
        let partner = &mut partners[*theirs as usize];
        if *partner == MISSING && *taken == MISSING {
            (*partner, *taken) = (*own, *theirs);
        } else if (*partner, *taken) != (*own, *theirs) {
            return None;
        }
    }
    Some(partners)
}
