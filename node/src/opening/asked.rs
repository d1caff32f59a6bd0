//! What was asked, in plain words, for whoever audits it.

use std::{collections::BTreeMap, fmt};

use data_encoding::HEXLOWER;
use serde::Serialize;
use symbolon_policy::{
    agreement::Terms,
    ask::Ask,
    rules::ExchangeKind,
    words::{FormName, Position},
};
use symbolon_protocol::{identifier::plain, matching::rule::Rule};

use super::{Bytes, Opened, Opening};

/// What an opening says was asked. Personal data.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Asked {
    /// Identifiers.
    Batch {
        /// In the order asked.
        identifiers: Vec<Identifier>,
        /// How many of the last ones are canaries.
        canaries: u32,
        /// Dummies that the agreement wants in a count.
        #[serde(skip_serializing_if = "Option::is_none")]
        dummies: Option<u32>,
    },
    /// A probe.
    Probe {
        /// The form of its templates.
        form: FormName,
        /// Positions of a template.
        length: u32,
        /// When it is a hit.
        rule: Rule,
        /// The fewest positions that must be unmasked in both for a hit.
        least_overlap: u32,
        /// Where each alternative was taken, and what can be compared of it.
        alternatives: Vec<Taken>,
    },
}

/// One identifier: its kind and fields, or its bytes if it is none.
#[derive(Serialize)]
pub(crate) struct Identifier(BTreeMap<&'static str, String>);

/// One alternative of a probe.
#[derive(Serialize)]
pub(crate) struct Taken {
    /// Where it was taken.
    position: Position,
    /// Its unmasked positions: the most that can overlap with a template of the holder.
    usable: usize,
}

impl Opening {
    /// What was asked; nothing if the file does not fit the query.
    pub(super) fn asked(&self, ask: &Ask, terms: &Terms) -> Option<Asked> {
        match &self.opened {
            Opened::Batch { identifiers, canaries, .. } => {
                let identifiers = identifiers.iter().map(Identifier::of).collect();
                let noise = terms.noise().ok().filter(|_| ask.exchange == ExchangeKind::Count);
                let dummies = noise.map(|noise| noise.dummies());
                Some(Asked::Batch { identifiers, canaries: *canaries, dummies })
            }
            Opened::Probe { .. } => {
                let asked = ask.matching.as_ref()?;
                let (form, probe) = self.alternatives(asked, terms)?;
                let taken = asked.positions.iter().zip(&probe);
                let taken = taken
                    .map(|(position, template)| Taken { position: *position, usable: template.usable() });
                Some(Asked::Probe {
                    form: asked.form.clone(),
                    length: form.length,
                    rule: form.rule,
                    least_overlap: form.rule.least_overlap(),
                    alternatives: taken.collect(),
                })
            }
        }
    }

    /// How many of the last items are canaries, by the asker's word.
    pub(super) fn canaries(&self) -> u32 {
        match &self.opened {
            Opened::Batch { canaries, .. } => *canaries,
            Opened::Probe { .. } => 0,
        }
    }

    /// What both sides have of the keys of a match; empty if its message does not depend on them.
    pub(super) fn shared(&self) -> &[u8] {
        match &self.opened {
            Opened::Batch { .. } => &[],
            Opened::Probe { shared, .. } => &shared.0,
        }
    }
}

impl Identifier {
    fn of(Bytes(bytes): &Bytes) -> Self {
        Self(match plain::read(bytes) {
            None => [("bytes", HEXLOWER.encode(bytes))].into(),
            Some(plain) => {
                let kind = [("kind", plain.kind.to_string())];
                let fields = plain.fields.iter().map(|(name, text)| (*name, text.to_string()));
                kind.into_iter().chain(fields).collect()
            }
        })
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0.get("kind").map_or("no identifier", String::as_str);
        let fields = self.0.iter().filter(|(name, _)| **name != "kind");
        let fields: Vec<_> = fields.map(|(name, text)| format!("{name} {text}")).collect();
        write!(f, "{kind}: {}", fields.join(", "))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch { identifiers, canaries, dummies } => {
                let all = identifiers.len();
                write!(f, "{all} {}", if all == 1 { "identifier" } else { "identifiers" })?;
                if let Some(dummies) = dummies {
                    write!(f, ", and {dummies} agreed dummies")?;
                }
                if *canaries > 0 {
                    write!(f, "; the last {canaries} are canaries, by the asker's word")?;
                }
                let mut numbered = identifiers.iter().zip(1_u64..);
                numbered.try_for_each(|(identifier, number)| write!(f, "\n  {number}. {identifier}"))
            }
            Self::Probe { form, length, rule: Rule { s, p, kappa }, least_overlap, alternatives } => {
                write!(
                    f,
                    "a probe of the form {form}, {length} positions; a hit is {p}·(alike - apart) ≥ {s}·overlap + {kappa}, \
                     so at least {least_overlap} positions must overlap"
                )?;
                alternatives.iter().try_for_each(|Taken { position, usable }| {
                    write!(f, "\n  {position}: {usable} of {length} positions can be compared")
                })
            }
        }
    }
}
