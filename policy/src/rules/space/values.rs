//! Which values stand for all.

use std::collections::{BTreeMap, BTreeSet};

use crate::words::{AgencyCode, OfficerId, RegisterName, WordError};

use super::{Constraint, Dimension};
use crate::rules::{
    Rulebook,
    attribute::{Attribute, Value},
    condition::Condition,
    facts::Facts,
    set::Clause,
};

/// The agencies, officers and registers that rules name, and one of each that they do not.
pub(in crate::rules) struct Names {
    pub(in crate::rules) agencies: BTreeSet<AgencyCode>,
    pub(in crate::rules) officers: BTreeSet<(AgencyCode, OfficerId)>,
    pub(in crate::rules) registers: BTreeSet<(AgencyCode, RegisterName)>,
    pub(in crate::rules) other_asker: AgencyCode,
    pub(in crate::rules) other_holder: AgencyCode,
    pub(in crate::rules) other_officer: OfficerId,
    pub(in crate::rules) other_register: RegisterName,
}

impl Names {
    pub(in crate::rules) fn of(books: [&Rulebook; 2]) -> Result<Self, WordError> {
        Self::of_clauses(books.iter().flat_map(|book| book.parts()))
    }

    pub(in crate::rules) fn of_clauses<'a>(
        clauses: impl Iterator<Item = &'a Clause>,
    ) -> Result<Self, WordError> {
        let (mut agencies, mut officers) =
            (BTreeSet::<AgencyCode>::new(), BTreeSet::<(AgencyCode, OfficerId)>::new());
        let mut registers = BTreeSet::<(AgencyCode, RegisterName)>::new();
        for entity in clauses.flat_map(|clause| clause.policy.entity_literals()) {
            let id = entity.id().unescaped();
            let (agency, name) = id.split_once('/').unwrap_or((id, ""));
            match entity.type_name().basename() {
                "Agency" => drop(agencies.insert(agency.parse()?)),
                "Officer" => drop(officers.insert((agency.parse()?, name.parse()?))),
                "Register" => drop(registers.insert((agency.parse()?, name.parse()?))),
                _ => {}
            }
        }
        agencies.extend(officers.iter().map(|(agency, _)| agency.clone()));
        agencies.extend(registers.iter().map(|(agency, _)| agency.clone()));
        let other_officer =
            unused("other", |name: &OfficerId| officers.iter().any(|(_, known)| known == name))?;
        let other_register =
            unused("other", |name: &RegisterName| registers.iter().any(|(_, known)| known == name))?;
        Ok(Self {
            other_asker: unused("ASKER", |code| agencies.contains(code))?,
            other_holder: unused("HOLDER", |code| agencies.contains(code))?,
            other_officer,
            other_register,
            agencies,
            officers,
            registers,
        })
    }

    /// The same with one agency more.
    pub(in crate::rules) fn also(mut self, agency: &AgencyCode) -> Result<Self, WordError> {
        self.agencies.insert(agency.clone());
        self.other_asker = unused("ASKER", |code| self.agencies.contains(code))?;
        self.other_holder = unused("HOLDER", |code| self.agencies.contains(code))?;
        Ok(self)
    }

    /// Agencies that ask; for a query also the officers that are named.
    pub(super) fn askers(&self, facts: &Facts) -> Vec<(Value, String)> {
        let mut askers: Vec<_> = self
            .agencies
            .iter()
            .map(|agency| (Value::Asker(agency.clone(), None), agency.to_string()))
            .collect();
        if !matches!(facts, Facts::Search { .. }) {
            askers.extend(self.officers.iter().map(|(agency, officer)| {
                (Value::Asker(agency.clone(), Some(officer.clone())), format!("officer {agency}/{officer}"))
            }));
        }
        askers.push((Value::Asker(self.other_asker.clone(), None), "any other agency".to_owned()));
        askers
    }

    pub(super) fn registers(&self) -> Vec<(Value, String)> {
        let named = |(holder, name): &(AgencyCode, RegisterName)| {
            (Value::Register(holder.clone(), name.clone()), format!("{holder}/{name}"))
        };
        let mut registers: Vec<_> = self.registers.iter().map(named).collect();
        registers.extend(self.agencies.iter().map(|holder| {
            (
                Value::Register(holder.clone(), self.other_register.clone()),
                format!("any other register of {holder}"),
            )
        }));
        let other = Value::Register(self.other_holder.clone(), self.other_register.clone());
        registers.push((other, "any register of another agency".to_owned()));
        registers
    }
}

/// The first of `STEM-0`, `STEM-1` and so on that is not taken.
fn unused<T: std::str::FromStr<Err = WordError>>(
    stem: &str,
    taken: impl Fn(&T) -> bool,
) -> Result<T, WordError> {
    let mut number = 0_u32;
    loop {
        let name = format!("{stem}-{number}").parse()?;
        if !taken(&name) {
            return Ok(name);
        }
        number = number.saturating_add(1);
    }
}

/// For each attribute that is a number and that a condition looks at, numbers that stand for all:
/// those it is compared with and their neighbours.
///
/// Attributes that a condition compares with one another, or adds up, share their numbers, and with
/// `k` of them each number brings `k` neighbours on either side, so that every order they can have
/// between two numbers occurs. That is complete for orders; for sums it is a sample.
pub(in crate::rules) fn numbers(conditions: &[&Condition]) -> BTreeMap<Attribute, BTreeSet<i64>> {
    let mut compared: BTreeMap<Attribute, BTreeSet<i64>> = BTreeMap::new();
    let mut together: Vec<BTreeSet<Attribute>> = Vec::new();
    for condition in conditions {
        let mut attributes: BTreeSet<_> =
            condition.attributes.iter().copied().filter(|attribute| attribute.range().is_some()).collect();
        for attribute in &attributes {
            compared.entry(*attribute).or_default().extend(&condition.numbers);
        }
        if condition.computes {
            together.retain(|group| {
                let apart = group.is_disjoint(&attributes);
                if !apart {
                    attributes.extend(group);
                }
                apart
            });
            together.push(attributes);
        }
    }
    let alone = |attribute| BTreeSet::from([attribute]);
    let standing = |(attribute, _): (&Attribute, _)| {
        let (least, most) = attribute.range()?;
        let group = together.iter().find(|group| group.contains(attribute)).cloned();
        let reach = group.as_ref().map_or(1, |group| i64::try_from(group.len()).unwrap_or(i64::MAX));
        let group = group.unwrap_or_else(|| alone(*attribute));
        let mut numbers: BTreeSet<i64> =
            group.iter().filter_map(|member| compared.get(member)).flatten().copied().collect();
        if numbers.is_empty() || reach > 1 {
            // Comparisons without a number turn near the least values.
            numbers.extend(group.iter().filter_map(|member| member.range()).map(|(least, _)| least).max());
        }
        let near = |n: &i64| n.saturating_sub(reach)..=n.saturating_add(reach);
        Some((*attribute, numbers.iter().flat_map(near).map(|n| n.clamp(least, most)).collect()))
    };
    compared.iter().filter_map(standing).collect()
}

impl Dimension {
    /// An attribute with all the values it has.
    pub(super) fn whole(attribute: Attribute) -> Self {
        let values = attribute.values().into_iter().map(|value| {
            let label = value.to_string();
            (value, label)
        });
        Self { attribute, values: values.collect() }
    }

    /// An attribute with these numbers.
    pub(super) fn numbers(attribute: Attribute, numbers: &BTreeSet<i64>) -> Self {
        let values = numbers.iter().map(|number| (Value::Number(*number), attribute.show(*number))).collect();
        Self { attribute, values }
    }

    pub(super) fn describe(&self, values: &[usize]) -> Constraint {
        let label = |value: &usize| self.values.get(*value).map_or("", |(_, label)| label.as_str());
        let values = if self.attribute.range().is_some() {
            self.runs(values)
        } else {
            let others: Vec<_> = (0..self.values.len()).filter(|value| !values.contains(value)).collect();
            let listed = |values: &[usize]| values.iter().map(label).collect::<Vec<_>>().join(", ");
            if others.len() > 1 && others.len() * 2 < values.len() {
                format!("all but {}", listed(&others))
            } else {
                listed(values)
            }
        };
        Constraint { attribute: self.attribute, values }
    }

    /// Numbers as ranges. The least and the greatest stand for all beyond them.
    fn runs(&self, values: &[usize]) -> String {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for value in values {
            match runs.last_mut() {
                Some((_, end)) if end.checked_add(1) == Some(*value) => *end = *value,
                _ => runs.push((*value, *value)),
            }
        }
        let last = self.values.len().saturating_sub(1);
        let label = |value: usize| self.values.get(value).map_or("", |(_, label)| label.as_str());
        // Unless nothing is beyond them.
        let edge = |value: usize| match (self.values.get(value), self.attribute.range()) {
            (Some((Value::Number(n), _)), Some((least, most))) => *n == least || *n == most,
            _ => false,
        };
        let runs = runs.into_iter().map(|(start, end)| match (start == 0, end == last) {
            (true, true) => "any".to_owned(),
            _ if start == end && edge(start) => label(start).to_owned(),
            (true, false) => format!("up to {}", label(end)),
            (false, true) => format!("{} or more", label(start)),
            (false, false) if start == end => label(start).to_owned(),
            (false, false) => format!("{} to {}", label(start), label(end)),
        });
        runs.collect::<Vec<_>>().join(", ")
    }
}
