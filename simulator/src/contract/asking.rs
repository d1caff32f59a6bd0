//! What a practice puts to the policy: the words of its queries, and what these find under the rules.

use symbolon_policy::{
    agreement::{FormTerms, MatchAnswer, MatchTerms, Terms},
    ask::{Ask, MatchAsk},
    class::RecordClass,
    rules::{ExchangeKind, Rulebook},
    words::{
        AgencyCode, AgreementId, Digest, EngineName, Field, OfficerId, Position, QueryId, RegisterName,
        Timestamp,
    },
};
use symbolon_protocol::{matching::engine, padding::Buckets};

use super::{ContractError, OFFICER, REGISTER};
use crate::{region::CLASSES, scenario::Practice, shelf::Needs};

/// Cores and line of the node that chooses an engine; as the node itself has it, 100 Mbit/s.
const CORES: usize = 2;
const BYTES_A_SECOND: f64 = 12.5e6;

/// How long a snapshot or keys serve, in seconds.
pub(super) fn epoch(exchange: ExchangeKind, terms: &Terms) -> i64 {
    let hours = match exchange {
        ExchangeKind::Exact => terms.exact.as_ref().map(|exact| exact.epoch_hours),
        ExchangeKind::Match => terms.matching.as_ref().map(|matching| matching.key_hours),
        ExchangeKind::Count => None,
    };
    i64::from(hours.unwrap_or(24)) * Timestamp::HOUR
}

/// The opening words of a query of this practice.
pub(crate) fn ask(
    practice: &Practice,
    terms: &Terms,
    asker: &AgencyCode,
    holder: &AgencyCode,
) -> Result<Ask, ContractError> {
    let register: RegisterName = REGISTER.parse()?;
    let officer: OfficerId = OFFICER.parse()?;
    let agreed = terms.matching.as_ref().filter(|_| practice.exchange == ExchangeKind::Match);
    let matching = agreed.and_then(|agreed| {
        let form = match &practice.form {
            Some(name) => agreed.form(name)?,
            None => agreed.forms.first()?,
        };
        let position = Position::ALL.iter().copied().find(|position| position.modality() == form.modality)?;
        let answer = form
            .answers
            .iter()
            .copied()
            .find(|answer| *answer == MatchAnswer::Candidates)
            .or(form.answers.first().copied())?;
        Some(MatchAsk {
            form: form.name.clone(),
            engine: quickest(agreed, form, answer, (practice.items, terms.buckets))?,
            answer,
            keys: Digest([0; 32]),
            positions: vec![position; usize::try_from(practice.items).unwrap_or(1)],
        })
    });
    Ok(Ask {
        query: QueryId([0; 16]),
        agreement: AgreementId([0; 32]),
        rules: Digest([0; 32]),
        asker: asker.clone(),
        holder: holder.clone(),
        exchange: practice.exchange,
        register,
        purpose: practice.purpose,
        basis: practice.basis,
        officer,
        case: (practice.exchange != ExchangeKind::Count).then_some(Digest([0; 32])),
        items: practice.items,
        snapshot: None,
        matching,
        unexplained: 0,
        commitment: Digest([0; 32]),
        digest: Digest([0; 32]),
        asked_at: terms.valid_from,
    })
}

/// The engine that a node would take: of those that give what the agreement demands, the one expected to be quickest over
/// the largest slice, the first of equals. Where this program has none of them, the first.
fn quickest(
    agreed: &MatchTerms,
    form: &FormTerms,
    told: MatchAnswer,
    (items, buckets): (u32, Buckets),
) -> Option<EngineName> {
    let (told, alternatives) = (form.answer(told)?, u16::try_from(items).unwrap_or(u16::MAX));
    let entries = buckets.places(agreed.largest_slice);
    let allowed = || agreed.engines.iter().filter(|name| agreed.lacking(name).is_none());
    let each = allowed().filter_map(|name| {
        let engine = engine::engine(name.as_str())?;
        engine.takes(&form.form(), alternatives, told).ok()?;
        let cost = engine.estimate(&form.form(), entries, alternatives, told, CORES);
        let bytes = cost.bytes_up.saturating_add(cost.bytes_down);
        Some((cost.seconds + bytes as f64 / BYTES_A_SECOND, name))
    });
    let found = each.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name);
    found.or(allowed().next()).cloned()
}

/// Which classes take part.
pub(super) fn slice(book: &Rulebook, ask: &Ask, class: &dyn Fn(usize) -> RecordClass) -> Vec<bool> {
    let context = ask.search();
    (0..CLASSES).map(|place| book.search(&context, &class(place)).permitted).collect()
}

/// For each class and field the fewest approvals with which it is released.
pub(super) fn needs(
    book: &Rulebook,
    ask: &Ask,
    fields: &[Field],
    class: &dyn Fn(usize) -> RecordClass,
) -> Needs {
    let least = |place: usize, field: Field| {
        (0..=symbolon_policy::claim::MOST_APPROVALS)
            .find(|approvals| book.release(&ask.release(field, *approvals), &class(place)).permitted)
    };
    (0..CLASSES).map(|place| fields.iter().map(|field| least(place, *field)).collect()).collect()
}
