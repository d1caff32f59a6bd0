//! `agreement amend` and `agreement changes`, and the certificates that an agreement lists.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::Value;
use symbolon_policy::{
    agreement::{
        Agreement, Quota, Terms,
        amendment::{Carried, carried},
        proofs::{self, ProofsError},
    },
    rules::{
        self, Diff, Kind, Rulebook,
        proof::{Certificate, Verdict},
    },
    words::{AgreementId, Timestamp},
};

use super::{
    Global, ask, files, free,
    local::{MOST_REGIONS, rules as rules_of},
    odd, prove,
};
use crate::{
    cli::{args::Amend, render, report::Report},
    clock,
    control::api::{AgreementState, Failure, FailureKind, Reply, Request},
};

/// How long before an amendment takes effect, if nothing else is said: both have to sign it.
const NOTICE: i64 = 7 * Timestamp::DAY;

/// Said of an amendment whose time has come when it is drafted.
const AT_ONCE: &str = "# `valid_from` is not in the future: it takes effect once both have accepted it.\n";

/// # Errors
/// [`Failure`] if there is no such agreement, or the terms do not stand.
pub(super) fn draft(global: &Global, options: Amend) -> Result<Report, Failure> {
    let Amend { id, rules, valid_from, title, proofs, out } = options;
    free(out.as_deref())?;
    let Reply::Agreement { id, agreement, state } = ask::ask(global, Request::AgreementShow { id })? else {
        return Err(odd());
    };
    if !matches!(state, AgreementState::InForce | AgreementState::Pending) {
        let what = format!("the agreement is {}: nothing can take its place", render::agreement_state(state));
        return Err(Failure::input(what)
            .with_help("amend the one in force, or draft a new one; see `symbolon agreement list`"));
    }
    let before = agreement.terms;
    let mut terms = before.clone();
    terms.amends = Some(id);
    terms.valid_from = valid_from.unwrap_or_else(|| clock::now().plus(NOTICE));
    terms.title = title.unwrap_or(terms.title);
    if let Some(file) = &rules {
        terms.rules = rules_of(file, Kind::Shared)?.text().to_owned();
    }
    let certificates = read(&proofs)?;
    terms.proofs = digests(&certificates)?;
    let wrong = |error: &dyn std::fmt::Display| Failure::input(error.to_string());
    // First, since a time after the end of the agreement is told best as that.
    terms.continues(&id, &before).map_err(|error| wrong(&error))?;
    terms.check().map_err(|error| wrong(&error))?;
    stand(&terms, Some(&before), &certificates)?;
    let past = terms.valid_from <= clock::now();
    let at_once = if past { AT_ONCE } else { "" };
    let text = toml::to_string_pretty(&terms).map_err(|error| Failure::local(error.to_string()))?;
    let text = format!(
        "# Draft of an amendment: from `valid_from` on it takes the place of the agreement it amends. Edit it together;\n\
         # `symbolon agreement changes FILE` says what it changes; then both sign and accept it as any agreement.\n{at_once}\n{text}"
    );
    let reply = Reply::Text { text };
    let (Reply::Text { text }, Some(out)) = (&reply, out) else { return Report::of(&reply) };
    files::save(&out, text)?;
    let late = at_once.trim_start_matches("# ");
    let next =
        "See what it changes with `symbolon agreement changes`, and sign it with `symbolon agreement sign`.";
    Ok(Report::of(&reply)?.with_text(format!("Wrote the draft to {}.\n{late}{next}", out.display())))
}

/// What an amendment changes.
#[derive(Serialize)]
struct Changes {
    amends: AgreementId,
    valid_from: Timestamp,
    /// Terms that differ; quotas and rules are compared by themselves.
    terms: Vec<Term>,
    /// Each quota, and what it goes on from.
    quotas: Vec<String>,
    /// Quotas that are in the earlier agreement only.
    quotas_ended: Vec<String>,
    rules: Diff,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Certificate>,
}

/// A term that differs, in JSON; null where it was or is not there.
#[derive(Debug, PartialEq, Serialize)]
struct Term {
    /// Such as `exact.largest_batch`.
    name: String,
    before: Value,
    after: Value,
}

/// # Errors
/// [`Failure`] if the file or the agreement it amends cannot be read, or the rules cannot be compared.
pub(super) fn changes(global: &Global, file: &Path, proved: bool, timeout: u32) -> Result<Report, Failure> {
    let Reply::Agreement { agreement, .. } = files::agreement(file)? else { return Err(odd()) };
    let after = agreement.terms;
    let amends = after.amends.ok_or_else(|| {
        Failure::input("it amends no agreement").with_help("see `symbolon agreement amend`")
    })?;
    let before = amended(global, &amends)?;
    after.continues(&amends, &before).map_err(|error| Failure::input(error.to_string()))?;
    let (old, new) = (book(&before)?, book(&after)?);
    let diff = rules::diff(&old, &new, MOST_REGIONS)
        .map_err(|error| Failure::input(format!("the rules cannot be compared: {error}")))?;
    let proof = proved.then(|| prove::no_more(&old, &new, timeout)).transpose()?;
    let changes = Changes {
        amends,
        valid_from: after.valid_from,
        terms: differing(&before, &after)?,
        quotas: after.quotas.iter().map(|quota| went_on(quota, &before)).collect(),
        quotas_ended: ended(&before, &after),
        rules: diff,
        proof,
    };
    let mut text = format!("amends {amends}\nfrom {} on\n", changes.valid_from);
    for term in &changes.terms {
        text += &format!("{}: {} -> {}\n", term.name, told(&term.before), told(&term.after));
    }
    text += "\nquotas\n";
    for quota in changes.quotas.iter().chain(&changes.quotas_ended) {
        text += &format!("{quota}\n");
    }
    text += &format!("\nrules\n{}", changes.rules);
    if let Some(certificate) = &changes.proof {
        let about = certificate.about();
        text += &format!("\n\n{}\nby {}, {about}", certificate.proof, certificate.solver);
    }
    let refuted = changes.proof.as_ref().filter(|certificate| certificate.proof.verdict != Verdict::Proved);
    let exit = refuted.map_or(0, |_| FailureKind::Refused.exit_code());
    Ok(Report::new(text, &changes)?.with_exit(exit))
}

/// A quota, what it was, and what it goes on from.
fn went_on(quota: &Quota, before: &Terms) -> String {
    let of = |place: &usize| before.quotas.get(*place).map(render::quota_told).unwrap_or_default();
    let all = |places: &[usize]| places.iter().map(of).collect::<Vec<_>>().join("; ");
    let from = match carried(quota, before) {
        Carried::Same(place) => match before.quotas.get(place) {
            Some(same) if same == quota => "as before".to_owned(),
            _ => format!("before: {}; what was spent stays spent", of(&place)),
        },
        Carried::Wider(places) => {
            format!("goes on from the least of those that count more: {}", all(&places))
        }
        Carried::Parts(places) => format!("goes on from the sum of those that count parts: {}", all(&places)),
        Carried::Nothing => "new; begins at nothing".to_owned(),
    };
    format!("{} ({from})", render::quota_told(quota))
}

/// Quotas from which none of the later ones goes on.
fn ended(before: &Terms, after: &Terms) -> Vec<String> {
    let kept: Vec<usize> = after
        .quotas
        .iter()
        .flat_map(|quota| match carried(quota, before) {
            Carried::Same(place) => vec![place],
            Carried::Wider(places) | Carried::Parts(places) => places,
            Carried::Nothing => Vec::new(),
        })
        .collect();
    let over = before.quotas.iter().enumerate().filter(|(place, _)| !kept.contains(place));
    over.map(|(_, quota)| format!("{} (ends)", render::quota_told(quota))).collect()
}

/// Terms that differ, but for those that an amendment must change, the quotas and the rules.
fn differing(before: &Terms, after: &Terms) -> Result<Vec<Term>, Failure> {
    const APART: [&str; 5] = ["amends", "valid_from", "rules", "proofs", "quotas"];
    let leaves = |terms: &Terms| {
        let value = serde_json::to_value(terms).map_err(|error| Failure::local(error.to_string()))?;
        let mut leaves = BTreeMap::new();
        flatten(String::new(), value, &mut leaves);
        Ok::<_, Failure>(leaves)
    };
    let (mut before, mut after) = (leaves(before)?, leaves(after)?);
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let mut differ = Vec::new();
    for name in names {
        let of = |terms: &mut BTreeMap<String, Value>| terms.remove(&name).unwrap_or(Value::Null);
        let (before, after) = (of(&mut before), of(&mut after));
        let apart = name.split(['.', '[']).next().is_some_and(|first| APART.contains(&first));
        if before != after && !apart {
            differ.push(Term { name, before, after });
        }
    }
    Ok(differ)
}

/// Single values by their place, such as `matching.forms[0].cap`.
fn flatten(place: String, value: Value, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                let place = if place.is_empty() { name } else { format!("{place}.{name}") };
                flatten(place, value, leaves);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.into_iter().enumerate() {
                flatten(format!("{place}[{index}]"), value, leaves);
            }
        }
        leaf => drop(leaves.insert(place, leaf)),
    }
}

/// A value as a person reads it.
fn told(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn amended(global: &Global, id: &AgreementId) -> Result<Terms, Failure> {
    match ask::ask(global, Request::AgreementShow { id: id.to_string() })? {
        Reply::Agreement { agreement, .. } => Ok(agreement.terms),
        _ => Err(odd()),
    }
}

fn book(terms: &Terms) -> Result<Rulebook, Failure> {
    let rules = terms.shared_rules().map_err(|error| Failure::input(error.to_string()))?;
    Rulebook::new(rules, None).map_err(|error| Failure::input(error.to_string()))
}

/// Certificates in files.
///
/// # Errors
/// [`Failure`] if one cannot be read.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Certificate>, Failure> {
    files.iter().map(|file| files::json(file, "a certificate of a proof")).collect()
}

/// What certificates are listed by.
///
/// # Errors
/// An integrity [`Failure`] if one has no digest.
pub(super) fn digests(certificates: &[Certificate]) -> Result<Vec<symbolon_policy::words::Digest>, Failure> {
    let digest = |certificate: &Certificate| {
        certificate.digest().map_err(|error| Failure::integrity(error.to_string()))
    };
    certificates.iter().map(digest).collect()
}

/// Whether certificates stand beside the terms that list them. Nothing is proved again.
///
/// # Errors
/// An integrity [`Failure`] if one is about something else or proves nothing.
pub(super) fn stand(
    terms: &Terms,
    before: Option<&Terms>,
    certificates: &[Certificate],
) -> Result<(), Failure> {
    proofs::check(terms, before, certificates).map_err(|error| {
        match error {
            // Forgotten, not forged.
            ProofsError::Missing(_) => {
                Failure::input(error.to_string()).with_help("give each listed certificate with --proof")
            }
            _ => Failure::integrity(error.to_string()),
        }
    })
}

/// Proves again what the certificates of an agreement say, where there is a solver, and says so.
///
/// # Errors
/// An integrity [`Failure`] if one is false, or about something else.
pub(super) fn verified(
    global: &Global,
    agreement: &Agreement,
    certificates: &[Certificate],
) -> Result<String, Failure> {
    if agreement.terms.proofs.is_empty() && certificates.is_empty() {
        return Ok(String::new());
    }
    let compares = certificates.iter().any(|certificate| certificate.proposal.is_some());
    let before = agreement.terms.amends.filter(|_| compares).map(|id| amended(global, &id)).transpose()?;
    stand(&agreement.terms, before.as_ref(), certificates)?;
    prove::again(certificates)
}
