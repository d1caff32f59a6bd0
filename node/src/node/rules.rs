//! National rules, and why a query would be allowed or refused.

use std::sync::Arc;

use symbolon_policy::{
    ask::Ask,
    permit,
    quota::Ledger as _,
    rules::{ExchangeKind, Kind, RuleSet, SearchContext},
    words::{Digest, QueryId},
};

use super::{Core, blocking};
use crate::{
    clock,
    control::api::{Explain, Failure, NationalChange, Reply},
    journal::Event,
};

pub(super) async fn national(core: &Arc<Core>, change: NationalChange) -> Result<Reply, Failure> {
    let text = match change {
        NationalChange::Show => {
            let text = core.book.state().national()?;
            return Ok(Reply::Text { text: text.unwrap_or_default() });
        }
        NationalChange::Set(text) => {
            RuleSet::parse(&text, Kind::National).map_err(|e| {
                Failure::input(format!("the national rules do not stand:\n{e}"))
                    .with_help("national rules can only forbid; see docs/rules.md")
            })?;
            Some(text)
        }
        NationalChange::Clear => None,
    };
    let core = core.clone();
    blocking(move || {
        core.book.record(&Event::NationalRules { text })?;
        // Slices were decided by the rules as they were.
        core.end_stale("the national rules were changed")?;
        Ok(Reply::Ok)
    })
    .await
}

pub(super) fn explain(core: &Core, query: &Explain) -> Result<Reply, Failure> {
    let partner = core.partner(&query.partner)?;
    let own = core.book.own();
    let (asker, holder) = if query.asking { (own, &query.partner) } else { (&query.partner, own) };
    let exchange = if query.count { ExchangeKind::Count } else { ExchangeKind::Exact };
    let ask = Ask {
        query: QueryId([0; 16]),
        agreement: partner.agreement.id(),
        rules: partner.agreement.rules_digest(),
        asker: asker.clone(),
        holder: holder.clone(),
        exchange,
        register: query.register.clone(),
        purpose: query.purpose,
        basis: query.basis,
        officer: query.officer.clone(),
        case: query.case.then_some(Digest([0; 32])),
        items: query.items,
        snapshot: None,
        matching: None,
        commitment: Digest([0; 32]),
        digest: Digest([0; 32]),
        asked_at: clock::now(),
    };
    let (state, now) = (core.book.state(), clock::now());
    let verdict = permit::admit(&partner.agreement, &ask, own, state, now);
    let (context, _) = partner.agreement.decide(&ask, state, &query.partner, now);
    let rulebook = partner.agreement.rulebook();
    let explanation = rulebook.explain(&context);
    let search = SearchContext {
        asker: asker.clone(),
        holder: holder.clone(),
        register: query.register.clone(),
        purpose: query.purpose,
        exchange,
    };
    let slice = rulebook.explain_slice(&search).map_err(|e| Failure::local(e.to_string()))?;
    let outcome = match &verdict {
        Ok(_) => "The query would be admitted.".to_owned(),
        Err(refusal) => format!("The query would be refused ({:?}): {refusal}.", refusal.code),
    };
    let balance = state.balance(&partner.agreement.id(), &query.partner);
    let text = format!("{outcome}\n\n{explanation}\n\nRecords that take part:\n{slice}");
    let detail = serde_json::json!({
        "refusal": verdict.as_ref().err().map(|refusal| serde_json::json!({ "code": refusal.code, "text": refusal.text })),
        "rules": explanation, "slice": slice, "balance": balance,
    });
    Ok(Reply::Explained { permitted: verdict.is_ok(), text, detail })
}
