//! What a fit is: two fits with the same identity and the same state go on alike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Named settings and fingerprints, as text. Cloning it copies none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Identity(Arc<BTreeMap<String, String>>);

/// Texts longer than this are kept and shown as their fingerprint.
const LONGEST: usize = 200;

/// What such a fingerprint begins with.
const FINGERPRINT: &str = "fingerprint ";

/// What stands before the fingerprint of contents whose size is told.
const OF_CONTENTS: &str = " with fingerprint ";

impl Identity {
    /// Adds a setting. Fails on one that JSON cannot hold.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: &impl Serialize) -> Result<()> {
        let name = name.into();
        let text = serde_json::to_string(value).map_err(|e| Error::data(format!("{name}: {e}")))?;
        let text = if text.len() > LONGEST {
            format!("{FINGERPRINT}{:016x}", super::checksum::checksum(text.as_bytes()))
        } else {
            text
        };
        Arc::make_mut(&mut self.0).insert(name, text);
        Ok(())
    }

    /// Adds what has a size, in words, and contents.
    pub(crate) fn add_contents(
        &mut self,
        name: impl Into<String>,
        size: &str,
        fingerprint: u64,
    ) -> Result<()> {
        self.add(name, &format!("{size}{OF_CONTENTS}{fingerprint:016x}"))
    }

    /// Adds every field of a structure as a setting.
    pub(crate) fn add_fields(&mut self, of: &str, value: &impl Serialize) -> Result<()> {
        let value = serde_json::to_value(value).map_err(|e| Error::data(format!("{of}: {e}")))?;
        let Some(fields) = value.as_object() else { return self.add(of, &value) };
        fields.iter().try_for_each(|(name, value)| self.add(format!("{of}: {name}"), value))
    }

    /// A setting, as JSON.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Fails when `saved`, of a checkpoint, is another fit's, and names all that differs: one setting may change several
    /// others, as the seed changes which rows are trained on.
    pub(crate) fn check(&self, saved: &Self) -> Result<()> {
        let names: BTreeSet<&String> = self.0.keys().chain(saved.0.keys()).collect();
        let difference = |name: &String| {
            let (then, now) = (saved.0.get(name), self.0.get(name));
            (then != now).then(|| in_words(name, then, now))
        };
        let differences: Vec<String> = names.into_iter().filter_map(difference).collect();
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::training(format!(
            "the checkpoint is of another run, so it cannot be resumed: {}; put that back, or begin a run in another folder",
            differences.join("; ")
        )))
    }
}

/// What differs, without fingerprints, which tell nobody anything.
fn in_words(name: &str, then: Option<&String>, now: Option<&String>) -> String {
    let long = |value: Option<&String>| value.is_some_and(|text| text.starts_with(FINGERPRINT));
    let contents = |value: Option<&String>| {
        let (before, _) = value?.trim_matches('"').split_once(OF_CONTENTS)?;
        Some(before.to_string())
    };
    let shown = |value: Option<&String>| match value {
        None => "nothing".to_string(),
        Some(_) if long(value) => "another".to_string(),
        Some(text) => contents(value).unwrap_or_else(|| text.clone()),
    };
    match (contents(then), contents(now)) {
        (Some(then), Some(now)) if then == now => {
            format!("{name}: as many as before, {now}, but their contents differ")
        }
        (Some(then), Some(now)) => format!("{name}: {then} then, {now} now"),
        _ if long(then) && long(now) => format!("{name} is not the same"),
        _ => format!("{name} was {} and is {} now", shown(then), shown(now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let identity = |seed: u64| {
            let mut identity = Identity::default();
            identity.add("seed", &seed).unwrap();
            identity.add_fields("model", &serde_json::json!({"layers": [200, 100], "x": 1.5})).unwrap();
            identity
        };
        assert!(identity(1).check(&identity(1)).is_ok());
        let error = identity(1).check(&identity(2)).unwrap_err().to_string();
        assert!(error.contains(": seed was 2 and is 1 now; put that back"), "{error}");
        let data = |rows: usize, contents, text: &str| {
            let mut identity = Identity::default();
            identity.add_contents("data: training rows", &rows.to_string(), contents).unwrap();
            identity.add("pipeline", &text.repeat(300)).unwrap();
            identity
        };
        let error = |now: Identity| now.check(&data(8, 1, "x")).unwrap_err().to_string();
        let said = error(data(8, 2, "x"));
        assert!(
            said.contains(": data: training rows: as many as before, 8, but their contents differ; put"),
            "{said}"
        );
        let said = error(data(9, 2, "y"));
        assert!(said.contains("training rows: 8 then, 9 now; pipeline is not the same; put"), "{said}");
        let error = Identity::default().check(&identity(2)).unwrap_err().to_string();
        let all = "model: layers was [200,100] and is nothing now; model: x was 1.5 and is nothing now; seed was 2 and";
        assert!(error.contains(all), "{error}");
    }
}
