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

/// Compares the claims of each partner with each other, `people` being about how many could be asked about.
pub(crate) fn repeats(found: &mut Evaluation, settings: &Settings, claims: &[Claimed], people: u64) {
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
        groups(found, settings, &exact, (Kind::SamePerson, pair), same);
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
        groups(found, settings, &probes, (Kind::NearProbes, pair), close);
    }
}

/// For each claim how many others are like it; the largest such group is told if it is unlikely.
fn groups(
    found: &mut Evaluation,
    settings: &Settings,
    claims: &[&Claimed],
    (kind, pair): (Kind, f64),
    like: impl Fn(&Claimed, &Claimed) -> bool,
) {
    let repeats = usize::try_from(settings.repeats).unwrap_or(usize::MAX);
    if claims.len() < repeats {
        return;
    }
    let group = |one: &Claimed| -> Vec<&Claimed> {
        claims.iter().filter(|other| other.claim == one.claim || like(one, other)).copied().collect()
    };
    let all = claims.iter().map(|claim| group(claim));
    let Some(largest) = all.max_by_key(Vec::len) else { return };
    // Any claim with `others` of the rest like it: n times the tail of the others [union bound].
    let others = (largest.len() as u64).saturating_sub(1);
    let n = claims.len() as u64;
    let chance = (n as f64 * at_least(others, n.saturating_sub(1), pair)).min(1.0);
    let enough = largest.len() >= repeats;
    found.tests = found.tests.saturating_add(1);
    found.expected = found.expected.saturating_add(settings.false_alarms.into());
    if !enough || chance > f64::from(settings.false_alarms) / MILLION {
        return;
    }
    let (Some(first), Some(last)) = (largest.iter().map(|c| c.at).min(), largest.iter().map(|c| c.at).max())
    else {
        return;
    };
    let mut officers: Vec<&str> = largest.iter().map(|claim| claim.officer.as_str()).collect();
    officers.sort_unstable();
    officers.dedup();
    let (count, asker) = (largest.len(), largest.first().map(|claim| claim.asker.clone()));
    let name = asker.as_ref().map(ToString::to_string).unwrap_or_default();
    let what = match kind {
        Kind::NearProbes => "opened probes that hardly differ",
        _ => "were about one person",
    };
    let ids: Vec<String> = largest.iter().map(|claim| claim.claim.to_string()).collect();
    let billionths = (chance * BILLION).ceil() as u64;
    found.alerts.push(Alert {
        from: first,
        to: last.plus(1),
        kind,
        partner: asker,
        officer: None,
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
