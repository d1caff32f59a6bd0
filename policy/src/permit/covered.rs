//! Whether the terms of an agreement cover a query, before rules and quotas are asked.

use super::{Refusal, RefusalCode};
use crate::{agreement::Terms, ask::Ask, rules::ExchangeKind, words::Position};

/// Checks the exchange, what is asked of it, and the size of the query.
///
/// # Errors
/// The [`Refusal`] with its reason code.
pub(super) fn check(terms: &Terms, ask: &Ask) -> Result<(), Refusal> {
    let is_match = ask.exchange == ExchangeKind::Match;
    if ask.matching.is_some() != is_match || (is_match && ask.snapshot.is_some()) {
        let text = "the words of a match stand in queries of a match, in all of them, and without a snapshot";
        return Err(Refusal::new(RefusalCode::Malformed, text));
    }
    let (smallest, largest) = match ask.exchange {
        ExchangeKind::Exact => (1, terms.exact.as_ref().map(|exact| exact.largest_batch)),
        ExchangeKind::Count => {
            let count = terms.count.as_ref();
            (count.map_or(0, |count| count.smallest_batch), count.map(|count| count.largest_batch))
        }
        ExchangeKind::Match => (1, most_alternatives(terms, ask)?),
    };
    let Some(largest) = largest else {
        return Err(Refusal::new(
            RefusalCode::ExchangeNotAgreed,
            "the agreement has no terms for this exchange",
        ));
    };
    let what = if is_match { "alternatives" } else { "identifiers" };
    if ask.items < smallest {
        return Err(Refusal::new(
            RefusalCode::BatchTooSmall,
            format!("{} {what} were asked, at least {smallest} must be", ask.items),
        ));
    }
    if ask.items > largest {
        return Err(Refusal::new(
            RefusalCode::BatchTooLarge,
            format!("{} {what} were asked, at most {largest} may be", ask.items),
        ));
    }
    positions(terms, ask)
}

/// The most alternatives of a query, if the match is agreed and with it all that is asked.
fn most_alternatives(terms: &Terms, ask: &Ask) -> Result<Option<u32>, Refusal> {
    let Some((agreed, asked)) = terms.matching.as_ref().zip(ask.matching.as_ref()) else { return Ok(None) };
    let Some(form) = agreed.form(&asked.form) else {
        let text = format!("the agreement has no form of template named {}", asked.form);
        return Err(Refusal::new(RefusalCode::FormNotAgreed, text));
    };
    if !agreed.engines.contains(&asked.engine) {
        let text = format!("the agreement does not allow the engine {}", asked.engine);
        return Err(Refusal::new(RefusalCode::EngineNotAgreed, text));
    }
    if let Some(lacks) = agreed.lacking(&asked.engine) {
        let text = format!("the agreement does not allow this engine: {lacks}");
        return Err(Refusal::new(RefusalCode::EngineNotAgreed, text));
    }
    if form.answer(asked.answer).is_none() {
        let text = format!("the agreement does not allow this answer for {}", form.name);
        return Err(Refusal::new(RefusalCode::AnswerNotAgreed, text));
    }
    Ok(Some(form.alternatives.into()))
}

/// Checks that each alternative of a match says where it was taken, and that the form is taken there.
fn positions(terms: &Terms, ask: &Ask) -> Result<(), Refusal> {
    let Some(asked) = &ask.matching else { return Ok(()) };
    let malformed = |text| Err(Refusal::new(RefusalCode::Malformed, text));
    if u32::try_from(asked.positions.len()) != Ok(ask.items) {
        return malformed("each alternative of a match says where it was taken".to_owned());
    }
    let form = terms.matching.as_ref().and_then(|agreed| agreed.form(&asked.form));
    let elsewhere = |position: &&Position| form.is_none_or(|form| form.modality != position.modality());
    match asked.positions.iter().find(elsewhere) {
        Some(position) => {
            malformed(format!("templates of the form {} are not taken at {position}", asked.form))
        }
        None => Ok(()),
    }
}
