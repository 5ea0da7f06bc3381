//! Floats in JSON that come back as they were: what is not finite, which JSON has no number for, is a text.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Clone, Copy)]
struct Exact(f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { serializer.serialize_f64(self.0) } else { serializer.collect_str(&self.0) }
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Exact;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, or NaN, inf or -inf as a text")
            }
            fn visit_f64<E: Error>(self, x: f64) -> Result<Exact, E> {
                Ok(Exact(x))
            }
            fn visit_u64<E: Error>(self, x: u64) -> Result<Exact, E> {
                Ok(Exact(x as f64))
            }
            fn visit_i64<E: Error>(self, x: i64) -> Result<Exact, E> {
                Ok(Exact(x as f64))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Exact, E> {
                text.parse().map(Exact).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// For a field of type `Option<f64>`: `#[serde(with = "json_float::option")]`.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Exact, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "what serde passes")]
    pub(crate) fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(Exact).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Exact>::deserialize(deserializer)?.map(|x| x.0))
    }
}

/// For a field of type `Vec<Option<f64>>`.
pub(crate) mod options {
    use super::{Deserialize, Deserializer, Exact, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(values: &[Option<f64>], serializer: S) -> Result<S::Ok, S::Error> {
        let values: Vec<_> = values.iter().map(|value| value.map(Exact)).collect();
        values.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Option<f64>>, D::Error> {
        let values = Vec::<Option<Exact>>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|value| value.map(|x| x.0)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Row {
        #[serde(with = "option")]
        one: Option<f64>,
        #[serde(with = "options")]
        many: Vec<Option<f64>>,
    }

    #[test]
    fn every_float_comes_back() {
        for x in [0.1, -0.0, 3.0, f64::MIN_POSITIVE, f64::MAX, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let row = Row { one: Some(x), many: vec![None, Some(x)] };
            let back: Row = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
            let same = |y: Option<f64>| y.unwrap().to_bits() == x.to_bits();
            assert!(same(back.one) && back.many[0].is_none() && same(back.many[1]), "{x}");
        }
        assert!(serde_json::from_str::<Row>("{\"one\": \"x\", \"many\": []}").is_err());
    }
}
