//! The keys of an experiment's file.

use serde::Deserialize;
use serde::de::{Deserializer, Visitor, value::Error};

use super::Config;

/// Fails on a key that does not exist, and names the nearest.
pub(super) fn check(key: &str) -> Result<(), String> {
    let keys = all();
    if keys.contains(&key) {
        return Ok(());
    }
    Err(highmark::Error::unknown("key", key, keys).to_string())
}

/// The names of the fields of [`Config`] as serde knows them, so that there is no second list to forget.
fn all() -> Vec<&'static str> {
    let mut found: &[&str] = &[];
    // It reads nothing, so it always fails, after it was told the names.
    drop(Config::deserialize(Names(&mut found)));
    found.to_vec()
}

struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(serde::de::Error::custom("only the names are wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("not a struct"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fields_are_found() {
        let keys = super::all();
        assert!(keys.contains(&"min-delta") && keys.contains(&"embedding-sizes"), "{keys:?}");
    }
}
