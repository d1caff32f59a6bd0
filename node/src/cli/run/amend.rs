//! `agreement amend` and `agreement changes`, and the certificates that an agreement lists.

use std::path::{Path, PathBuf};

use serde::Serialize;
use symbolon_policy::{
    agreement::{
        Agreement, Terms,
        amendment::{Carried, carried},
    },
    rules::{self, Diff, Rulebook, proof::Certificate},
    words::{AgreementId, Timestamp},
};

use super::{Global, ask, files, free, local::MOST_REGIONS, odd, prove};
use crate::{
    cli::{args::Amend, report::Report},
    clock,
    control::api::{Failure, Reply, Request},
};

/// How long before an amendment takes effect, if nothing else is said: both have to sign it.
const NOTICE: i64 = 7 * Timestamp::DAY;

/// # Errors
/// [`Failure`] if there is no such agreement, or the terms do not stand.
pub(super) fn draft(global: &Global, options: Amend) -> Result<Report, Failure> {
    let Amend { id, rules, valid_from, title, proofs, out } = options;
    free(out.as_deref())?;
    let Reply::Agreement { id, agreement, .. } = ask::ask(global, Request::AgreementShow { id })? else {
        return Err(odd());
    };
    let before = agreement.terms;
    let mut terms = before.clone();
    terms.amends = Some(id);
    terms.valid_from = valid_from.unwrap_or_else(|| clock::now().plus(NOTICE));
    terms.title = title.unwrap_or(terms.title);
    if let Some(file) = &rules {
        terms.rules = files::read(file)?;
    }
    terms.proofs = digests(&read(&proofs)?)?;
    let wrong = |error: &dyn std::fmt::Display| Failure::input(error.to_string());
    terms.check().map_err(|error| wrong(&error))?;
    terms.continues(&id, &before).map_err(|error| wrong(&error))?;
    let text = toml::to_string_pretty(&terms).map_err(|error| Failure::local(error.to_string()))?;
    let text = format!(
        "# Draft of an amendment: from `valid_from` on it takes the place of the agreement it amends. Edit it together;\n\
         # `symbolon agreement changes FILE` says what it changes; then both sign and accept it as any agreement.\n\n{text}"
    );
    let reply = Reply::Text { text };
    let (Reply::Text { text }, Some(out)) = (&reply, out) else { return Report::of(&reply) };
    files::save(&out, text)?;
    let next =
        "See what it changes with `symbolon agreement changes`, and sign it with `symbolon agreement sign`.";
    Ok(Report::of(&reply)?.with_text(format!("Wrote the draft to {}.\n{next}", out.display())))
}

/// What an amendment changes.
#[derive(Serialize)]
struct Changes {
    amends: AgreementId,
    valid_from: Timestamp,
    /// Terms that differ, by name; the rules are compared by themselves.
    terms: Vec<String>,
    /// What each quota goes on from.
    quotas: Vec<String>,
    rules: Diff,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Certificate>,
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
        quotas: after
            .quotas
            .iter()
            .enumerate()
            .map(|(index, quota)| {
                let from = match carried(quota, &before) {
                    Carried::Same(place) => format!("goes on from quota {place}"),
                    Carried::Wider(places) => {
                        format!("goes on from the least of {places:?}, which count more")
                    }
                    Carried::Parts(places) => {
                        format!("goes on from the sum of {places:?}, which count parts")
                    }
                    Carried::Nothing => "begins at nothing: nothing of it was counted".to_owned(),
                };
                format!("quota {index} {from}")
            })
            .collect(),
        rules: diff,
        proof,
    };
    let mut text = format!("amends {amends}\nfrom {} on\n", changes.valid_from);
    for term in &changes.terms {
        text += &format!("other terms: {term}\n");
    }
    for quota in &changes.quotas {
        text += &format!("{quota}\n");
    }
    text += &format!("\nrules\n{}", changes.rules);
    if let Some(certificate) = &changes.proof {
        let about = certificate.about();
        text += &format!("\n\n{}\nby {}, {about}", certificate.proof, certificate.solver);
    }
    Report::new(text, &changes)
}

/// Terms that differ, by name, but for those that an amendment must change and the rules.
fn differing(before: &Terms, after: &Terms) -> Result<Vec<String>, Failure> {
    let fields = |terms: &Terms| {
        let value = serde_json::to_value(terms).map_err(|error| Failure::local(error.to_string()))?;
        value.as_object().cloned().ok_or_else(odd)
    };
    let (before, after) = (fields(before)?, fields(after)?);
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let known = ["amends", "valid_from", "rules", "proofs"];
    let differ = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    Ok(differ.filter(|name| !known.contains(&name.as_str())).cloned().collect())
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
    symbolon_policy::agreement::proofs::check(&agreement.terms, before.as_ref(), certificates).map_err(
        |error| Failure::integrity(error.to_string()).with_help("give each listed certificate with --proof"),
    )?;
    prove::again(certificates)
}
