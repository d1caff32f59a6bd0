//! Finding the records that a claim is about: in plaintext, in the slice as it was and as it is.

use symbolon_policy::{
    agreement::ClaimTerms,
    ask::Ask,
    case::Found,
    claim::{Claim, Standing, decide},
    permit::{InForce, Refusal, RefusalCode},
    words::{Digest, Field},
};

use zeroize::Zeroizing;

use super::Opened;
use crate::{
    claims::{Behind, Pseudonym},
    clock,
    control::api::Failure,
    node::Core,
    register::{Record, RecordId, Wanted},
    session::SessionError,
};

/// A record that was found, as it is told and as this node finds it again.
pub(super) type Hit = (Found, Behind);

/// A record that is a hit now, the item, and by which identifier or by which templates.
type Candidate = (RecordId, Pseudonym, Option<u32>, Zeroizing<Vec<u8>>);

/// The records that the query hit: those that took part in it, would take part now, and have what was opened.
///
/// # Errors
/// [`RefusalCode::TooManyRecords`] if they are more than a claim may find; a [`Failure`] if the register
/// cannot be read.
pub(super) fn find(
    core: &Core,
    agreement: &InForce,
    terms: &ClaimTerms,
    (claim, ask): (&Claim, &Ask),
    opened: &Opened,
) -> Result<Vec<Hit>, SessionError> {
    let now = clock::now();
    let (slice, today) = (agreement.claimable(ask, now), clock::today()?);
    let hits: Vec<Candidate> = match opened {
        Opened::Items(items) => {
            let mut hits = Vec::new();
            for record in core.registers.scan(&ask.register).map_err(Failure::from)? {
                let record = record.map_err(Failure::from)?;
                if record.expires <= today || !slice.contains(&record.class) {
                    continue;
                }
                let has = items.iter().filter(|(_, identifier)| record.identifiers.contains(identifier));
                hits.extend(has.map(|(place, identifier)| {
                    (record.id.clone(), record.pseudonym, Some(*place), identifier.clone())
                }));
            }
            hits
        }
        Opened::Probe(opened) => {
            let missing = || Failure::local("the agreement does not cover the query that is claimed");
            let asked = ask.matching.as_ref().ok_or_else(missing)?;
            let agreed = agreement.terms().matching.as_ref().and_then(|agreed| agreed.form(&asked.form));
            let form = agreed.ok_or_else(missing)?;
            let wanted = Wanted::new(slice, today, form, &asked.positions).map_err(Failure::from)?;
            let hits = core.registers.matching(&ask.register, wanted, &opened.probe);
            hits.map_err(Failure::from)?.into_iter().map(|(id, name, had)| (id, name, None, had)).collect()
        }
    };
    let names: Vec<(Pseudonym, &[u8])> =
        hits.iter().map(|(_, name, _, had)| (*name, had.as_slice())).collect();
    let took_part = match &ask.snapshot {
        Some(snapshot) => core.claims.took_part(snapshot, &names)?,
        None => core.claims.took_part(&ask.query, &names)?,
    };
    let mut hits: Vec<_> =
        hits.into_iter().zip(took_part).filter_map(|(hit, took_part)| took_part.then_some(hit)).collect();
    // Once, though it may have several of the identifiers.
    hits.dedup_by_key(|(_, name, ..)| *name);
    if hits.len() > usize::try_from(terms.most_records).unwrap_or(usize::MAX) {
        let text = format!(
            "more than {} records are hits; claim fewer items, or explain the hit",
            terms.most_records
        );
        return Err(SessionError::refused_here(Refusal::new(RefusalCode::TooManyRecords, text)));
    }
    let mut found = Vec::new();
    for (id, name, item, had) in hits {
        // Erased a moment ago.
        let Some(record) = core.registers.show(&ask.register, &id).map_err(Failure::from)? else { continue };
        let class = record.class();
        let fields = claim.fields.iter().map(|field| {
            let mut decision = decide(agreement, claim, ask, &class, *field, now);
            if matches!(decision.standing, Standing::Needs(_)) && values(&record, *field).is_empty() {
                decision.standing = Standing::Absent;
            }
            decision
        });
        let record = Digest::of("symbolon/record-pseudonym/1", &name);
        let reference = core.claims.reference(&claim.claim, &name);
        let behind = Behind { reference, record: id, trace: core.claims.trace(&had) };
        found.push((Found { reference, record, item, fields: fields.collect() }, behind));
    }
    Ok(found)
}

/// What a record says under a field, by the names of its own fields.
pub(super) fn values(record: &Record, field: Field) -> Vec<(String, String)> {
    let own = match field {
        Field::Category => Some(("category".to_owned(), record.category.to_string())),
        Field::Taken => Some(("taken".to_owned(), record.taken.to_string())),
        _ => None,
    };
    let fields = record.fields.iter().filter(|(name, _)| Field::of(name) == field);
    own.into_iter().chain(fields.map(|(name, value)| (name.clone(), value.clone()))).collect()
}
