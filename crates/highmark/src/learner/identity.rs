//! What a fit is: two fits with the same identity and the same state go on alike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Callback;
use crate::data::Pipeline;
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

/// What the name of a feature's column begins with.
const COLUMN: &str = "column ";
/// What the name of a callback's setting begins with.
const CALLBACK: &str = "callback `";
/// More columns than these are not told apart.
const COLUMNS: usize = 500;
/// Of columns that differ so many are named.
const NAMED: usize = 5;

const PROCS: &str = "pipeline: procs";
const TARGETS: &str = "pipeline: targets";
const SCALE: &str = "model: output_scale";

/// What cannot be the same when columns differ.
const FOLLOWS: [&str; 5] = ["pipeline", "model: columns", "parameters", "parameter groups", SCALE];

impl Identity {
    /// Adds how columns are prepared: as a whole, which decides, and column by column, to say which differ.
    pub(crate) fn add_pipeline(&mut self, pipeline: Option<&Pipeline>) -> Result<()> {
        self.add("pipeline", &pipeline)?;
        let features = |pipeline: &&Pipeline| pipeline.feature_names().count() <= COLUMNS;
        let Some(pipeline) = pipeline.filter(features) else { return Ok(()) };
        self.add(PROCS, &pipeline.procs())?;
        self.add(TARGETS, &pipeline.task().columns())?;
        let mut add = |name: &str, text: String| {
            let sum = super::checksum::checksum(text.as_bytes());
            Arc::make_mut(&mut self.0).insert(format!("{COLUMN}{name}"), format!("{sum:08x}"));
        };
        for name in pipeline.cat_names() {
            add(name, format!("{:?}", pipeline.classes(name)));
        }
        for (i, name) in pipeline.cont_names().iter().enumerate() {
            add(name, format!("{:?}", (pipeline.means().get(i), pipeline.stds().get(i))));
        }
        Ok(())
    }

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

    /// Adds what a callback was made with, if that decides anything.
    pub(crate) fn add_callback(&mut self, callback: &dyn Callback) -> Result<()> {
        let settings = callback.settings()?;
        if settings.is_null() {
            Ok(())
        } else {
            self.add_fields(&format!("{CALLBACK}{}`", callback.name()), &settings)
        }
    }

    /// Whether a callback has the settings that it had in `saved`.
    pub(crate) fn has_callback_of(&self, saved: &Self, callback: &str) -> bool {
        let prefix = format!("{CALLBACK}{callback}`");
        let own = |(name, _): &(&String, &String)| name.starts_with(&prefix);
        self.0.iter().filter(own).eq(saved.0.iter().filter(own))
    }

    /// A setting, as JSON.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Fails when `saved`, of a checkpoint, is another fit's, and names all that differs: one setting may change several
    /// others, as the seed changes which rows are trained on. A fit that has `ended` may go on under other callbacks.
    pub(crate) fn check(&self, saved: &Self, ended: bool) -> Result<()> {
        let names: BTreeSet<&str> = self.0.keys().chain(saved.0.keys()).map(String::as_str).collect();
        let mut differ: Vec<&str> =
            names.into_iter().filter(|name| self.get(name) != saved.get(name)).collect();
        if ended {
            differ.retain(|name| !name.starts_with(CALLBACK));
        }
        let of_columns = |name: &str| name.starts_with(COLUMN) || [PROCS, TARGETS].contains(&name);
        if !differ.iter().any(|name| !of_columns(name)) {
            // A checkpoint of before columns were told apart.
            return Ok(());
        }
        let mut differences = Vec::new();
        if saved.0.keys().any(|name| of_columns(name)) {
            let decided = differ.contains(&PROCS);
            let columns: Vec<&str> = differ.iter().filter_map(|name| name.strip_prefix(COLUMN)).collect();
            if !columns.is_empty() || decided {
                differ.retain(|name| !FOLLOWS.contains(name));
            }
            if !columns.is_empty() && !decided {
                differences.push(self.columns_in_words(saved, &columns));
            }
            differ.retain(|name| !name.starts_with(COLUMN));
        } else {
            differ.retain(|name| !of_columns(name));
        }
        differences.extend(self.callbacks_in_words(saved, &mut differ));
        differences.extend(differ.into_iter().map(|name| in_words(name, saved.get(name), self.get(name))));
        Err(Error::training(format!(
            "the checkpoint is of another run, so it cannot be resumed: {}; put that back, or begin a run in another folder",
            differences.join("; ")
        )))
    }

    /// Which callbacks are gone, and which are new; their settings are taken out of those that differ.
    fn callbacks_in_words(&self, saved: &Self, differ: &mut Vec<&str>) -> Vec<String> {
        let owner = |name: &str| Some(name.strip_prefix(CALLBACK)?.split_once('`')?.0.to_string());
        let owners = |of: &Self| of.0.keys().filter_map(|name| owner(name)).collect::<BTreeSet<String>>();
        let (then, now) = (owners(saved), owners(self));
        differ.retain(|name| owner(name).is_none_or(|owner| then.contains(&owner) == now.contains(&owner)));
        let gone = then.difference(&now).map(|name| format!("{CALLBACK}{name}` is gone"));
        gone.chain(now.difference(&then).map(|name| format!("{CALLBACK}{name}` is new"))).collect()
    }

    /// Which of the columns that differ are gone, which are new, and which have other values.
    fn columns_in_words(&self, saved: &Self, columns: &[&str]) -> String {
        let has = |of: &Self, column: &str| of.get(&format!("{COLUMN}{column}")).is_some();
        let mut parts = Vec::new();
        for (then, now, what) in
            [(true, false, "gone"), (false, true, "new"), (true, true, "of other values")]
        {
            let these =
                columns.iter().filter(|column| (has(saved, column), has(self, column)) == (then, now));
            let these: Vec<String> = these.map(|column| format!("`{column}`")).collect();
            let shown = these[..these.len().min(NAMED)].join(", ");
            match these.len() {
                0 => {}
                1 => parts.push(format!("{shown} is {what}")),
                n if n <= NAMED => parts.push(format!("{shown} are {what}")),
                n => parts.push(format!("{shown} and {} more are {what}", n - NAMED)),
            }
        }
        format!("columns: {}", parts.join(", "))
    }
}

/// What differs, without fingerprints, which tell nobody anything.
fn in_words(name: &str, then: Option<&str>, now: Option<&str>) -> String {
    // Numbers that nobody has set are no help either.
    let long = |value: Option<&str>| value.is_some_and(|text| name == SCALE || text.starts_with(FINGERPRINT));
    let contents = |value: Option<&str>| {
        let (before, _) = value?.trim_matches('"').split_once(OF_CONTENTS)?;
        Some(before.to_string())
    };
    let shown = |value: Option<&str>| match value {
        None => "nothing".to_string(),
        Some(_) if long(value) => "another".to_string(),
        Some(text) => contents(value).unwrap_or_else(|| text.to_string()),
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
    use crate::data::{CsvOptions, DataConfig, Split, TabularData};

    #[test]
    fn what_differs_is_named() {
        let identity = |seed: u64| {
            let mut identity = Identity::default();
            identity.add("seed", &seed).unwrap();
            identity.add_fields("model", &serde_json::json!({"layers": [200, 100], "x": 1.5})).unwrap();
            identity
        };
        assert!(identity(1).check(&identity(1), false).is_ok());
        let error = identity(1).check(&identity(2), false).unwrap_err().to_string();
        assert!(error.contains(": seed was 2 and is 1 now; put that back"), "{error}");
        let data = |rows: usize, contents, text: &str| {
            let mut identity = Identity::default();
            identity.add_contents("data: training rows", &rows.to_string(), contents).unwrap();
            identity.add("pipeline", &text.repeat(300)).unwrap();
            identity
        };
        let error = |now: Identity| now.check(&data(8, 1, "x"), false).unwrap_err().to_string();
        let said = error(data(8, 2, "x"));
        assert!(
            said.contains(": data: training rows: as many as before, 8, but their contents differ; put"),
            "{said}"
        );
        let said = error(data(9, 2, "y"));
        assert!(said.contains("training rows: 8 then, 9 now; pipeline is not the same; put"), "{said}");
        // Of tables, as a checkpoint says that knows their columns, and as one of before.
        let pipeline = |height: &str, ages: [&str; 2]| {
            let text = format!("age,{height},y\n{},1.5,a\n{},2.5,b\n50,3.5,a\n", ages[0], ages[1]);
            let table = crate::data::read_csv_from("x.csv".as_ref(), text.as_bytes(), &CsvOptions::default())
                .unwrap();
            let all =
                DataConfig { targets: vec!["y".into()], valid: Split::Rows(2..3), ..DataConfig::default() };
            TabularData::new(&table, &DataConfig { cont: Some(vec!["age".into(), height.into()]), ..all })
                .unwrap()
                .pipeline
        };
        let of = |pipeline: &Pipeline| {
            let mut identity = Identity::default();
            identity.add_pipeline(Some(pipeline)).unwrap();
            identity.add(SCALE, &[1.5]).unwrap();
            identity
        };
        let (then, now) = (of(&pipeline("height", ["20", "30"])), of(&pipeline("size", ["20", "31"])));
        let error = now.check(&then, false).unwrap_err().to_string();
        assert!(
            error.contains(": columns: `height` is gone, `size` is new, `age` is of other values; put"),
            "{error}"
        );
        let of_before = |identity: &Identity| {
            let only = identity.0.iter().filter(|(name, _)| ["pipeline", SCALE].contains(&name.as_str()));
            Identity(Arc::new(only.map(|(name, text)| (name.clone(), text.clone())).collect()))
        };
        assert!(then.check(&of_before(&then), false).is_ok());
        let error = now.check(&of_before(&then), false).unwrap_err().to_string();
        assert!(error.contains("resumed: pipeline is not the same; put"), "{error}");
        let error = Identity::default().check(&identity(2), false).unwrap_err().to_string();
        let all = "model: layers was [200,100] and is nothing now; model: x was 1.5 and is nothing now; seed was 2 and";
        assert!(error.contains(all), "{error}");
    }
}
