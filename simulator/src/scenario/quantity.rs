//! Numbers that say where they are from.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// What an assumption writes in the place of a source.
pub const ASSUMED: &str = "assumed";

/// A number, or a range in which it is unknown, and its source.
///
/// In a file: `{ value = 0.17, src = "UNHCR 2021" }`, `{ lo = 0.1, hi = 0.95, src = "assumed" }`, the same with
/// `dist = "log-uniform"`, or a bare number in a table that has a `src` of its own for all its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// What is known of it.
    pub law: Law,
    /// Where it is from; a text that begins with `assumed` marks an assumption. Empty only before a scenario is
    /// checked.
    pub src: String,
}

/// What is known of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// It.
    Fixed(f64),
    /// Any number of a range, each as likely.
    Uniform {
        /// The least.
        lo: f64,
        /// The greatest.
        hi: f64,
    },
    /// Any number of a range, each order of magnitude as likely; both ends above 0.
    LogUniform {
        /// The least.
        lo: f64,
        /// The greatest.
        hi: f64,
    },
}

impl Quantity {
    /// An assumed number.
    pub fn assumed(value: f64) -> Self {
        Self { law: Law::Fixed(value), src: ASSUMED.to_owned() }
    }

    /// An assumed range.
    pub fn between(lo: f64, hi: f64) -> Self {
        Self { law: Law::Uniform { lo, hi }, src: ASSUMED.to_owned() }
    }

    /// Whether it is an assumption.
    pub fn is_assumed(&self) -> bool {
        self.src.starts_with(ASSUMED)
    }

    /// The number, or the middle of its range.
    pub fn mid(&self) -> f64 {
        self.at(0.5)
    }

    /// The least and the greatest that it may be; equal for a fixed number.
    pub fn range(&self) -> (f64, f64) {
        match self.law {
            Law::Fixed(value) => (value, value),
            Law::Uniform { lo, hi } | Law::LogUniform { lo, hi } => (lo, hi),
        }
    }

    /// The quantile `u` of 0 to 1.
    pub fn at(&self, u: f64) -> f64 {
        match self.law {
            Law::Fixed(value) => value,
            Law::Uniform { lo, hi } => lo + (hi - lo) * u,
            Law::LogUniform { lo, hi } => libm::exp(libm::log(lo) + (libm::log(hi) - libm::log(lo)) * u),
        }
    }

    /// The same quantity, fixed at `value`.
    #[must_use]
    pub fn fixed(&self, value: f64) -> Self {
        Self { law: Law::Fixed(value), src: self.src.clone() }
    }

    /// What is wrong with it, if anything, where it must lie from `least` to `most`.
    pub(super) fn fault(&self, least: f64, most: f64) -> Option<String> {
        let (lo, hi) = self.range();
        if !(lo.is_finite() && hi.is_finite()) {
            return Some("must be a finite number".to_owned());
        }
        if lo > hi {
            return Some(format!("has a range that ends before it begins: {lo} to {hi}"));
        }
        if matches!(self.law, Law::LogUniform { .. }) && lo <= 0.0 {
            return Some("must be above 0 where it is log-uniform".to_owned());
        }
        if lo < least || hi > most {
            return Some(if most == f64::INFINITY {
                format!("must be at least {least}, and {lo} is not")
            } else {
                format!("must be from {least} to {most}, and {self} is not")
            });
        }
        None
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.law {
            Law::Fixed(value) => write!(f, "{value}"),
            Law::Uniform { lo, hi } | Law::LogUniform { lo, hi } => write!(f, "{lo} to {hi}"),
        }
    }
}

/// As it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dist: Option<Dist>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lo: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hi: Option<f64>,
    #[serde(default)]
    src: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Dist {
    Uniform,
    LogUniform,
}

impl Serialize for Quantity {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let src = self.src.clone();
        let (value, dist, lo, hi) = match self.law {
            Law::Fixed(value) => (Some(value), None, None, None),
            Law::Uniform { lo, hi } => (None, Some(Dist::Uniform), Some(lo), Some(hi)),
            Law::LogUniform { lo, hi } => (None, Some(Dist::LogUniform), Some(lo), Some(hi)),
        };
        Written { value, dist, lo, hi, src }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, { value, src } or { lo, hi, src }")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Quantity, E> {
        Ok(Quantity { law: Law::Fixed(value), src: String::new() })
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Quantity, E> {
        #[expect(clippy::cast_precision_loss, reason = "figures of a scenario lie far below 2^53")]
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Quantity, E> {
        #[expect(clippy::cast_precision_loss, reason = "figures of a scenario lie far below 2^53")]
        self.visit_f64(value as f64)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Quantity, A::Error> {
        let Written { value, dist, lo, hi, src } =
            Written::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let law = match (value, dist, lo, hi) {
            (Some(value), None, None, None) => Law::Fixed(value),
            (None, None | Some(Dist::Uniform), Some(lo), Some(hi)) => Law::Uniform { lo, hi },
            (None, Some(Dist::LogUniform), Some(lo), Some(hi)) => Law::LogUniform { lo, hi },
            _ => return Err(de::Error::custom("a number has either `value`, or `lo` and `hi`")),
        };
        Ok(Quantity { law, src })
    }
}
