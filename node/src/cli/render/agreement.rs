//! Agreements as text.

mod matching;

use symbolon_policy::{
    agreement::{Agreement, ClaimTerms, Quota, Unit},
    rules::ClauseRef,
    words::{AgencyCode, AgreementId},
};
use symbolon_protocol::padding::Buckets;

use crate::control::api::{AgreementLine, AgreementState};

use super::{
    many,
    table::{number, one_line, pairs, short, table},
};

/// One agreement.
pub(super) fn show(id: &AgreementId, state: AgreementState, agreement: &Agreement) -> String {
    let terms = &agreement.terms;
    let signed: Vec<_> = agreement.signatures.iter().map(|signature| signature.code.to_string()).collect();
    let milli = |thousandths: u32| format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    let exact = terms.exact.as_ref().map_or_else(
        || "not agreed".to_owned(),
        |exact| {
            let batch = number(exact.largest_batch.into());
            format!("at most {batch} identifiers a query; snapshots live {} hours", exact.epoch_hours)
        },
    );
    let count = terms.count.as_ref().map_or_else(
        || "not agreed".to_owned(),
        |count| {
            format!(
                "{} to {} identifiers; one a register and purpose in {} days; ε {} each, {} together",
                number(count.smallest_batch.into()),
                number(count.largest_batch.into()),
                count.period_days,
                milli(count.epsilon_milli),
                milli(count.epsilon_budget_milli)
            )
        },
    );
    let mut head = vec![
        ("Title", terms.title.clone()),
        ("Id", id.to_string()),
        ("State", self::state(state).to_owned()),
        ("Valid", format!("{} to {}", terms.valid_from, terms.valid_until)),
    ];
    head.extend(
        terms
            .amends
            .map(|amended| ("Amends", format!("{amended}, whose place it takes on {}", terms.valid_from))),
    );
    head.extend([
        ("Signed by", super::or_none(signed.join(", "))),
        ("Sizes", sizes(terms.buckets)),
        ("Exact", exact),
        ("Count", count),
        ("Match", if terms.matching.is_some() { "agreed, see below" } else { "not agreed" }.to_owned()),
        ("Claims", terms.claims.as_ref().map_or_else(|| "not agreed".to_owned(), claims)),
    ]);
    head.extend(terms.proofs.iter().map(|digest| ("Proof", digest.to_string())));
    let head = pairs(&head);
    let parties = table(
        ["PARTY", "NAME", "AGREEMENT KEY"],
        terms.parties.iter().map(|party| [party.code.to_string(), party.name.clone(), party.key.to_string()]),
    );
    let mut parts = vec![head, parties];
    parts.extend(terms.matching.as_ref().map(|agreed| matching::terms(agreed, terms.buckets)));
    parts.push(if terms.quotas.is_empty() {
        "No quotas: no query is possible.".to_owned()
    } else {
        table(["ASKER", "REGISTER", "PURPOSE", "MOST", "OF", "DAYS"], terms.quotas.iter().map(quota))
    });
    if let Ok(rules) = agreement.rules() {
        parts.push(format!("Shared rules, digest {}\n{}", rules.digest(), clauses(rules.clauses())));
    }
    parts.push(next_step(state, agreement));
    parts.join("\n\n")
}

/// How finely sizes are told.
fn sizes(buckets: Buckets) -> String {
    let each = many(buckets.each_doubling().into(), "bucket", "buckets");
    let part = 100.0 / f64::from(buckets.each_doubling());
    format!("padded, and told to within {part:.1} % ({each} to each doubling)")
}

fn claims(terms: &ClaimTerms) -> String {
    format!(
        "taken for {} after the answer, decided in {}, of at most {}",
        many(terms.claim_hours.into(), "hour", "hours"),
        many(terms.decide_hours.into(), "hour", "hours"),
        many(terms.most_records.into(), "record", "records")
    )
}

fn quota(quota: &Quota) -> [String; 6] {
    let any = "any".to_owned();
    let one = quota.limit == 1;
    let unit = match quota.unit {
        Unit::Identifiers if one => "identifier",
        Unit::Identifiers => "identifiers",
        Unit::Probes if one => "probe",
        Unit::Probes => "probes",
        Unit::Queries if one => "query",
        Unit::Queries => "queries",
    };
    let unit = if quota.per_officer { format!("{unit} an officer") } else { unit.to_owned() };
    [
        quota.asker.to_string(),
        quota.register.as_ref().map_or(any.clone(), ToString::to_string),
        quota.purpose.map_or(any, |purpose| purpose.to_string()),
        number(quota.limit),
        unit,
        number(quota.period_days.into()),
    ]
}

/// A quota in one line.
pub(in crate::cli) fn quota_told(told: &Quota) -> String {
    let [asker, register, purpose, most, of, days] = quota(told);
    let days = if told.period_days == 1 { "a day".to_owned() } else { format!("in {days} days") };
    format!("{asker}: {most} {of} {days}; register {register}, purpose {purpose}")
}

/// Clauses with what they say of themselves.
pub(in crate::cli) fn clauses<'a>(clauses: impl Iterator<Item = &'a ClauseRef>) -> String {
    let lines = clauses.map(|clause| {
        let article = clause.article.as_ref().map(|article| format!(" ({article})")).unwrap_or_default();
        one_line(&format!("  {}: {}{article}", clause.id, clause.title))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What was revoked, and whether the partner knows.
pub(super) fn revoked(id: &AgreementId, title: &str, partner: &AgencyCode, told: bool) -> String {
    let told = match told {
        true => format!("{partner} was told."),
        false => format!("{partner} is not told yet; this node tells it when they next meet."),
    };
    format!("Revoked for good: {}, with {partner}.\nId {id}\n{told}", one_line(title))
}

/// A list of agreements.
pub(super) fn list(agreements: &[AgreementLine]) -> String {
    if agreements.is_empty() {
        return "No agreements; `symbolon agreement draft --with CARD.json` begins one.".to_owned();
    }
    let rows = agreements.iter().map(|line| {
        [
            short(&line.id),
            line.partner.to_string(),
            line.partner_name.clone(),
            state(line.state).to_owned(),
            line.valid_until.to_string(),
            line.title.clone(),
        ]
    });
    table(["AGREEMENT", "PARTNER", "NAME", "STATE", "VALID UNTIL", "TITLE"], rows)
}

/// How an agreement stands, in a word or two.
pub(in crate::cli) fn state(state: AgreementState) -> &'static str {
    match state {
        AgreementState::Unsigned => "not signed by both",
        AgreementState::Signed => "signed by both",
        AgreementState::InForce => "in force",
        AgreementState::Pending => "pending, not yet valid",
        AgreementState::Expired => "expired",
        AgreementState::Revoked => "revoked",
        AgreementState::Amended => "amended",
    }
}

/// What comes next.
pub(in crate::cli) fn next_step(state: AgreementState, agreement: &Agreement) -> String {
    let next = match state {
        AgreementState::Unsigned => {
            let signed = |code: &AgencyCode| agreement.signatures.iter().any(|by| by.code == *code);
            let mut left = agreement.terms.parties.iter().filter(|party| !signed(&party.code));
            return match (left.next(), left.next()) {
                (Some(party), None) => {
                    format!("Next: {} reads it and runs `symbolon agreement sign`.", party.code)
                }
                _ => "Next: each party reads it and runs `symbolon agreement sign`.".to_owned(),
            };
        }
        AgreementState::Signed => "Next: each party runs `symbolon agreement accept` on this file.",
        AgreementState::Pending | AgreementState::InForce | AgreementState::Amended => "",
        AgreementState::Expired | AgreementState::Revoked => {
            "Next: `symbolon agreement draft` begins a new one."
        }
    };
    next.to_owned()
}
