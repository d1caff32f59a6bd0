//! From what a request says to its class.

use std::cmp::Ordering;

use crate::words::{AgencyCode, OfficerId, RegisterName};

use super::{
    attribute::{Attribute, Value},
    request::Request,
    space::Dimension,
};

/// How requests are told apart by one attribute. Classes are the values of its [`Dimension`].
#[derive(Debug)]
pub(super) enum Axis {
    /// The class is the place in the code list.
    Code(Attribute),
    /// The class is the last of these numbers that is not greater; the first, if all are.
    Number(Attribute, Vec<i64>),
    /// Agencies and officers that rules name, in order, with their classes; and that of any other.
    Asker(Vec<((AgencyCode, Option<OfficerId>), usize)>, usize),
    /// Registers that rules name; the class of any other register of an agency; that of any other.
    Register(Vec<((AgencyCode, RegisterName), usize)>, Vec<(AgencyCode, usize)>, usize),
}

impl Axis {
    pub(super) fn new(dimension: &Dimension) -> Self {
        let values = || dimension.values.iter().map(|(value, _)| value).enumerate();
        let last = dimension.values.len().saturating_sub(1);
        match dimension.attribute {
            Attribute::Asker => {
                let mut named: Vec<_> = values()
                    .filter_map(|(class, value)| match value {
                        Value::Asker(agency, officer) => Some(((agency.clone(), officer.clone()), class)),
                        _ => None,
                    })
                    .collect();
                named.sort();
                Self::Asker(named, last)
            }
            Attribute::Register => {
                let mut named: Vec<_> = values()
                    .filter_map(|(class, value)| match value {
                        Value::Register(holder, name) => Some(((holder.clone(), name.clone()), class)),
                        _ => None,
                    })
                    .collect();
                // The last of each agency stands for its other registers.
                let mut others: Vec<(AgencyCode, usize)> =
                    named.iter().map(|((holder, _), class)| (holder.clone(), *class)).collect();
                named.sort();
                others.sort_by(|a, b| (&a.0, b.1).cmp(&(&b.0, a.1)));
                others.dedup_by(|next, first| next.0 == first.0);
                Self::Register(named, others, last)
            }
            attribute if attribute.range().is_some() => {
                let cut = |(_, value): (usize, &Value)| match value {
                    Value::Number(number) => Some(*number),
                    _ => None,
                };
                Self::Number(attribute, values().filter_map(cut).collect())
            }
            attribute => Self::Code(attribute),
        }
    }

    /// The class of a request, or nothing if it has no value that was foreseen.
    pub(super) fn class(&self, request: &Request<'_>) -> Option<usize> {
        match self {
            Self::Code(attribute) => request.code(*attribute),
            Self::Number(attribute, cuts) => {
                let number = request.number(*attribute)?;
                Some(cuts.partition_point(|cut| *cut <= number).saturating_sub(1))
            }
            Self::Asker(named, other) => {
                let (agency, officer) = request.asker();
                let find = |officer: Option<&OfficerId>| {
                    let order = |((a, o), _): &((AgencyCode, Option<OfficerId>), usize)| -> Ordering {
                        a.cmp(agency).then_with(|| o.as_ref().cmp(&officer))
                    };
                    let place = named.binary_search_by(order).ok()?;
                    named.get(place).map(|(_, class)| *class)
                };
                Some(officer.and_then(|_| find(officer)).or_else(|| find(None)).unwrap_or(*other))
            }
            Self::Register(named, others, other) => {
                let (holder, register) = request.register();
                let place = named.binary_search_by(|((h, r), _)| h.cmp(holder).then_with(|| r.cmp(register)));
                if let Some((_, class)) = place.ok().and_then(|place| named.get(place)) {
                    return Some(*class);
                }
                let place = others.binary_search_by(|(h, _)| h.cmp(holder)).ok();
                Some(place.and_then(|place| others.get(place)).map_or(*other, |(_, class)| *class))
            }
        }
    }
}
