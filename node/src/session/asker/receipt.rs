//! The asker and its receipts: what it signs, and what it journals of an answer.

use symbolon_policy::{
    ask::Ask,
    receipt::{AnswerClass, Receipt, SignedReceipt, engine_of, leakage_bits},
    signing,
    words::Digest,
};

use crate::{
    clock,
    control::api::Failure,
    journal::{Event, Side},
    node::{Core, Partner},
    session::SessionError,
    state::Stage,
};

/// Signs the holder's receipt if it says what we saw, and nothing else.
pub(super) fn countersign(
    core: &Core,
    partner: &Partner,
    ask: &Ask,
    transcript: Digest,
    told: u64,
    mut signed: SignedReceipt,
) -> Result<SignedReceipt, SessionError> {
    let wrong = |what: &str| SessionError::Misbehaved(format!("its receipt {what}"));
    signing::verify(&signed.receipt, &partner.party.key, &signed.holder)
        .map_err(|_| wrong("is not signed by its agreement key"))?;
    let answer = AnswerClass::of(partner.agreement.terms(), ask);
    let answer = answer.ok_or_else(|| Failure::local("the agreement does not cover this query"))?;
    let Receipt {
        ask: said,
        engine: used,
        transcript: heard,
        answer: class,
        snapshot,
        entries,
        leakage_bits: bits,
        answered_at,
        ..
    } = &signed.receipt;
    // By the holder's clock, after it was asked and not after now.
    let skew = i64::try_from(core.config.clock_skew_secs).unwrap_or(i64::MAX);
    let in_time =
        ask.asked_at.plus(skew.saturating_neg()) <= *answered_at && *answered_at <= clock::now().plus(skew);
    if !in_time {
        return Err(wrong("is of another time"));
    }
    let same = said == ask
        && used == engine_of(ask)
        && *heard == transcript
        && *class == answer
        && *snapshot == ask.snapshot
        && told == *entries
        && *bits == leakage_bits(answer, ask.items, *entries);
    if !same {
        return Err(wrong("says something else than what happened"));
    }
    let own = signing::sign(&signed.receipt, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
    signed.asker = Some(own);
    Ok(signed)
}

/// Journals the receipt, and then which items are hits: before anybody is shown the answer, and not if nobody will be.
/// If none is, that is an entry too: partners see how long the journal is, and how long this takes.
pub(super) fn keep_receipt(
    core: &Core,
    receipt: SignedReceipt,
    items: Option<Vec<u32>>,
) -> Result<(), SessionError> {
    let query = receipt.receipt.ask.query;
    let _settling = core.book.settling();
    let before = core.book.state().query(Side::Asker, &query)?;
    match before.map(|query| query.stage) {
        // This node may have been stopped between the two entries.
        Some(Stage::Done(known)) if known.receipt == receipt.receipt => {}
        Some(Stage::Done(_)) => {
            let what = format!("the query {query} was answered in another session meanwhile");
            return Err(Failure::local(what).into());
        }
        _ => {
            metrics::counter!("symbolon_queries_answered_total", "side" => "asker").increment(1);
            core.book.record(&Event::Receipt { side: Side::Asker, receipt: Box::new(receipt) })?;
        }
    }
    if let Some(items) = items
        && core.book.state().unseen(&query)?
    {
        core.book.record(&Event::HitsSeen { query, items })?;
    }
    Ok(())
}
