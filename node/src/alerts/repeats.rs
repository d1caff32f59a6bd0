//! One person, or near probes, in several claims of one partner. Only the holder sees what claims opened.

use symbolon_policy::words::{AgencyCode, ClaimId, OfficerId, Timestamp};
use symbolon_protocol::{
    matching::{rule::Comparison, template::Template},
    set::IdentifierBytes,
};

use super::{Alert, BILLION, Evaluation, Kind, MILLION, Settings, tail::at_least};

/// What a claim opened. It is kept in memory for as long as it is compared.
pub(crate) struct Claimed {
    pub(crate) claim: ClaimId,
    pub(crate) asker: AgencyCode,
    pub(crate) officer: OfficerId,
    pub(crate) at: Timestamp,
    pub(crate) identifiers: Vec<IdentifierBytes>,
    pub(crate) probe: Vec<Template>,
}

/// Compares the claims of each partner with each other, `people` being about how many could be asked about. Tells
/// groups whose last claim is not before `since`.
pub(crate) fn repeats(
    found: &mut Evaluation,
    settings: &Settings,
    (claims, since): (&[Claimed], Timestamp),
    people: u64,
) {
    let mut askers: Vec<&AgencyCode> = claims.iter().map(|claim| &claim.asker).collect();
    askers.sort_unstable();
    askers.dedup();
    for asker in askers {
        let of: Vec<&Claimed> = claims.iter().filter(|claim| claim.asker == *asker).collect();
        let exact: Vec<&Claimed> = of.iter().filter(|claim| !claim.identifiers.is_empty()).copied().collect();
        let probes: Vec<&Claimed> = of.into_iter().filter(|claim| !claim.probe.is_empty()).collect();
        let same = |a: &Claimed, b: &Claimed| a.identifiers.iter().any(|one| b.identifiers.contains(one));
        // Two claims share a person with at most (items × items) / people.
        let most = exact.iter().map(|claim| claim.identifiers.len()).max().unwrap_or(1);
        let pair = (most.saturating_mul(most) as f64 / people.max(1) as f64).min(1.0);
        groups(found, settings, (&exact, since), (Kind::SamePerson, pair), same);
        let near = f64::from(settings.near) / 100.0;
        let close = |a: &Claimed, b: &Claimed| {
            let pairs = a.probe.iter().flat_map(|one| b.probe.iter().map(move |other| (one, other)));
            pairs.into_iter().any(|(one, other)| {
                Comparison::of(one, other).distance().is_some_and(|distance| distance <= near)
            })
        };
        let bits = u64::from(settings.near_bits);
        let alternatives = probes.iter().map(|claim| claim.probe.len()).max().unwrap_or(1);
        // P(distance <= near) for independent bits: by symmetry the tail from 1 - near on.
        let apart = bits.saturating_sub(bits.saturating_mul(settings.near.into()).div_euclid(100));
        let pair = (at_least(apart, bits, 0.5) * alternatives.saturating_mul(alternatives) as f64).min(1.0);
        groups(found, settings, (&probes, since), (Kind::NearProbes, pair), close);
    }
}

/// Claims that are like one another, directly or through others, are told together if one of them has unlikely many
/// others like it. One alert for each such group, so that what came of one says nothing of another.
fn groups(
    found: &mut Evaluation,
    settings: &Settings,
    (claims, since): (&[&Claimed], Timestamp),
    (kind, pair): (Kind, f64),
    like: impl Fn(&Claimed, &Claimed) -> bool,
) {
    let repeats = usize::try_from(settings.repeats).unwrap_or(usize::MAX);
    if claims.len() < repeats {
        return;
    }
    let n = claims.len() as u64;
    found.tests = found.tests.saturating_add(1);
    found.expected = found.expected.saturating_add(settings.false_alarms.into());
    for (group, most) in linked(claims, like) {
        // Any claim with `most` of the rest like it: n times the tail of the others [union bound].
        let chance = (n as f64 * at_least(most, n.saturating_sub(1), pair)).min(1.0);
        let enough = most.saturating_add(1) >= settings.repeats.into();
        let times = group.iter().map(|claim| claim.at);
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { continue };
        if !enough || last < since || chance > f64::from(settings.false_alarms) / MILLION {
            continue;
        }
        let mut officers: Vec<&str> = group.iter().map(|claim| claim.officer.as_str()).collect();
        officers.sort_unstable();
        officers.dedup();
        let (count, asker) = (group.len(), group.first().map(|claim| claim.asker.clone()));
        let name = asker.as_ref().map(ToString::to_string).unwrap_or_default();
        let what = match kind {
            Kind::NearProbes => "opened probes that hardly differ",
            _ => "were about one person",
        };
        let ids: Vec<String> = group.iter().map(|claim| claim.claim.to_string()).collect();
        let billionths = (chance * BILLION).ceil() as u64;
        found.alerts.push(Alert {
            from: first,
            to: last.plus(1),
            kind,
            partner: asker,
            officer: None,
            claim: group.first().map(|claim| claim.claim),
            observed: count as u64,
            of: n,
            chance: billionths,
            text: format!(
                "{count} of {n} claims of {name} {what}, by {}: {}",
                officers.join(", "),
                ids.join(", ")
            ),
        });
    }
}

/// The claims in groups that being alike links, each with the most others that one of them has like it.
fn linked<'a>(
    claims: &[&'a Claimed],
    like: impl Fn(&Claimed, &Claimed) -> bool,
) -> Vec<(Vec<&'a Claimed>, u64)> {
    let (mut left, mut groups) = (claims.to_vec(), Vec::new());
    while let Some(first) = left.pop() {
        let (mut group, mut next, mut most) = (vec![first], 0_usize, 0);
        while let Some(&one) = group.get(next) {
            let known = group.iter().filter(|other| other.claim != one.claim && like(one, other)).count();
            let found = left.extract_if(.., |other| like(one, other)).collect::<Vec<_>>();
            most = most.max(known.saturating_add(found.len()) as u64);
            group.extend(found);
            next = next.saturating_add(1);
        }
        group.sort_by_key(|claim| (claim.at, claim.claim));
        groups.push((group, most));
    }
    groups
}
