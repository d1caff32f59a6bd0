//! Agreements: draft, sign, accept, show, revoke.

use std::{sync::Arc, time::Duration};

use symbolon_policy::{
    agreement::{
        self, Agreement, AgreementError, ClaimTerms, CountTerms, ExactTerms, MatchTerms, Party, Quota,
        Revocation, Terms, Unit, proofs::ProofsError,
    },
    identity::{Identity, IdentityCard},
    permit::InForce,
    rules::{PCC_BILATERAL, proof::Certificate},
    signing::{self, Signer as _},
    words::{AgencyCode, AgreementId, Timestamp},
};
use symbolon_protocol::{identifier::CANONICALISATION, padding::Buckets};

use super::{Core, blocking, core::peer_id, flags};
use crate::{
    clock,
    control::api::{AgreementLine, AgreementState, Failure, FailureKind, Reply},
    journal::Event,
    session::sync::tell,
    state::Accepted,
};

/// Digits of an id that a revocation names at least: it is for good, and must not hit another agreement.
const NAMED: usize = 8;

pub(super) fn draft(
    core: &Core,
    partner: IdentityCard,
    title: Option<String>,
    valid_from: Option<Timestamp>,
    days: u32,
    rules: Option<String>,
) -> Result<Reply, Failure> {
    partner.verify().map_err(|e| {
        Failure::input(format!("the partner's card does not stand: {e}"))
            .with_help("ask the partner for the card again")
    })?;
    let own = core.book.own();
    if partner.identity.code == *own {
        return Err(Failure::input("the card is this node's own"));
    }
    let from = valid_from.unwrap_or_else(clock::now);
    let parties = vec![
        Party {
            code: own.clone(),
            name: core.name.clone(),
            peer: core.node_key.public().to_peer_id().to_string(),
            key: core.signer.public(),
            addresses: core.config.announce.clone(),
        },
        party(partner.identity),
    ];
    let daily = |party: &Party| Quota {
        asker: party.code.clone(),
        register: None,
        purpose: None,
        per_officer: false,
        unit: Unit::Identifiers,
        limit: 10_000,
        period_days: 1,
    };
    let terms = Terms {
        version: Terms::VERSION,
        title: title.unwrap_or_else(|| "Exchange of identity hits".to_owned()),
        canonicalisation: CANONICALISATION.to_owned(),
        valid_from: from,
        valid_until: from.plus(i64::from(days).saturating_mul(Timestamp::DAY)),
        amends: None,
        proofs: Vec::new(),
        buckets: Buckets::USUAL,
        exact: Some(ExactTerms { largest_batch: 1_000, epoch_hours: 24 }),
        count: Some(CountTerms {
            smallest_batch: 100,
            largest_batch: 100_000,
            period_days: 30,
            epsilon_milli: 1_000,
            dummies: 30,
            epsilon_budget_milli: 4_000,
        }),
        matching: None,
        claims: Some(ClaimTerms { claim_hours: 72, decide_hours: 48, most_records: 10 }),
        quotas: parties.iter().map(daily).collect(),
        parties,
        rules: rules.unwrap_or_else(|| PCC_BILATERAL.to_owned()),
    };
    terms.check().map_err(bad)?;
    ruled(&terms)?;
    let text = toml::to_string_pretty(&terms).map_err(|e| Failure::local(e.to_string()))?;
    let head = "# Draft of an agreement. Edit it together, then both sign the same file:\n\
                #   symbolon agreement sign FILE\n\
                # The order of the parties means nothing. See docs/rules.md for the rules.\n\n";
    let matching = matching(&terms);
    Ok(Reply::Text { text: format!("{head}{text}\n{matching}") })
}

/// Terms of the match for two agencies that want one, as comments at the end of a draft: they stand as they are.
fn matching(terms: &Terms) -> String {
    let mut text = MATCHING.to_owned();
    for party in &terms.parties {
        text += &format!(
            "#\n# [[quotas]]\n# asker = \"{}\"\n# unit = \"probes\"\n# limit = 100\n# period_days = 1\n",
            party.code
        );
    }
    text
}

const MATCHING: &str = "\
# The encrypted match, if it is wanted: take the marks away. `symbolon thresholds` proposes s, p, kappa and the degrees of
# freedom of each kind of template; `symbolon engines` tells what a match would cost.
#
# [matching]
# engines = [\"tfhe-one-round/1\", \"ot-garbled/1\"]
# key_hours = 24
# largest_slice = 10000
# budget = 500
# budget_days = 365
# prior_permille = 10
#
# [[matching.forms]]
# name = \"face-512\"
# modality = \"FACE\"
# length = 512
# masked = false
# s = 0
# p = 1
# kappa = 340
# degrees_of_freedom = 65
# alternatives = 1
# answers = [\"any\", \"candidates\"]
# cap = 3
";

fn party(identity: Identity) -> Party {
    let Identity { code, name, peer, key, addresses, .. } = identity;
    Party { code, name, peer, key, addresses }
}

fn bad(error: AgreementError) -> Failure {
    match error {
        AgreementError::Unsigned(_) => Failure::input(error.to_string()),
        AgreementError::Signature { .. } | AgreementError::Stranger(_) => Failure::new(
            FailureKind::Integrity,
            error.to_string(),
        )
        .with_help(
            "the file was changed after it was signed, or signed by somebody else; sign the same text again",
        ),
        AgreementError::Term { .. } => Failure::input(error.to_string()).with_help(LIKE_A_DRAFT),
        other => Failure::input(other.to_string()),
    }
}

/// What to compare with.
const LIKE_A_DRAFT: &str =
    "`symbolon agreement draft` writes terms that stand, those of the match among them as comments";

/// Reads a draft (TOML) or an agreement (JSON).
///
/// # Errors
/// An input [`Failure`] with line and column.
pub(super) fn parse(document: &str) -> Result<Agreement, Failure> {
    if document.trim_start().starts_with('{') {
        return serde_json::from_str(document)
            .map_err(|e| Failure::input(format!("this is no agreement: {e}")));
    }
    let terms: Terms = toml::from_str(document).map_err(|e| {
        Failure::input(format!("this is no draft of an agreement:\n{e}")).with_help(LIKE_A_DRAFT)
    })?;
    Agreement::new(terms).map_err(bad)
}

/// Refuses terms of the match that promise an answer which no engine gives, before anybody is bound by them.
fn answerable(agreement: &Agreement) -> Result<(), Failure> {
    let unanswerable = agreement.terms.matching.as_ref().map(MatchTerms::unanswerable).unwrap_or_default();
    let Some(first) = unanswerable.first() else { return Ok(()) };
    Err(Failure::input(first.to_string()).with_help(
        "change the form's `answers`, `cap` or `alternatives`, or name another engine; `symbolon engines --form \
         LENGTH` tells what each takes",
    ))
}

/// Refuses shared rules without a clause: nothing could be asked, and a file that was emptied by mistake looks so.
fn ruled(terms: &Terms) -> Result<(), Failure> {
    if terms.shared_rules().map_err(bad)?.is_empty() {
        return Err(Failure::input("the shared rules have no clauses")
            .with_help("see `symbolon rules library` for some to begin with"));
    }
    Ok(())
}

pub(super) fn sign(core: &Core, document: &str, proofs: &[Certificate]) -> Result<Reply, Failure> {
    let mut agreement = parse(document)?;
    agreement.verify_signatures().map_err(bad)?;
    ruled(&agreement.terms)?;
    answerable(&agreement)?;
    amendable(core, &agreement)?;
    proven(core, &agreement, proofs)?;
    let own = core.book.own();
    // The draft of a counter-proposal has invented ones, which nobody may be bound to.
    for party in &agreement.terms.parties {
        peer_id(party).map_err(|_| {
            Failure::input(format!("`{}` is no peer id of {}", party.peer, party.code))
                .with_help("put in the key and the peer id that `symbolon identity` prints there")
        })?;
    }
    if agreement.terms.party(own).is_ok_and(|party| party.key != core.signer.public()) {
        return Err(Failure::input(format!("the agreement has another key for {own} than this node's"))
            .with_help("put in the key and the peer id that `symbolon identity` prints; then sign"));
    }
    agreement.sign(own, &*core.signer).map_err(bad)?;
    reply(core, agreement)
}

pub(super) async fn accept(
    core: &Arc<Core>,
    document: &str,
    proofs: &[Certificate],
) -> Result<Reply, Failure> {
    let agreement = parse(document)?;
    agreement.verify().map_err(bad)?;
    let own = core.book.own();
    let party = agreement.terms.party(own).map_err(bad)?;
    if party.key != core.signer.public() || party.peer != core.node_key.public().to_peer_id().to_string() {
        return Err(Failure::input(format!("the agreement names other keys for {own} than this node has")));
    }
    peer_id(agreement.terms.partner_of(own).map_err(bad)?)?;
    answerable(&agreement)?;
    // Rules that this version of the program cannot read must not be accepted.
    InForce::new(&agreement, None).map_err(bad)?;
    let id = agreement.id().map_err(bad)?;
    proven(core, &agreement, proofs)?;
    {
        let (core, agreement) = (core.clone(), Box::new(agreement.clone()));
        let accept = move || {
            // Of two amendments of one agreement that come at once, one is refused.
            let _settling = core.book.settling();
            amendable(&core, &agreement)?;
            if core.book.agreement(&id).is_some() {
                return Ok(());
            }
            core.book.record(&Event::AgreementAccepted { agreement })
        };
        blocking(accept).await?;
    }
    // An amendment that was accepted late takes effect at once.
    let work = core.clone();
    blocking(move || work.end_expired()).await?;
    core.allow_partners().await?;
    reply(core, agreement)
}

/// Refuses an agreement without the certificates that it lists, or with others. They are proved again by the
/// command line, where there is a solver: a node starts no other program.
fn proven(core: &Core, agreement: &Agreement, certificates: &[Certificate]) -> Result<(), Failure> {
    let amended = agreement.terms.amends.and_then(|id| core.book.agreement(&id));
    let amended = amended.as_deref().map(InForce::terms);
    agreement::proofs::check(&agreement.terms, amended, certificates).map_err(|error| match error {
        ProofsError::Missing(_) => Failure::input(error.to_string()),
        _ => Failure::integrity(error.to_string()),
    })
}

/// Refuses an amendment that cannot take the place of the agreement it names.
fn amendable(core: &Core, agreement: &Agreement) -> Result<(), Failure> {
    let Some(amended) = agreement.terms.amends else { return Ok(()) };
    let before = core.book.agreement(&amended).ok_or_else(|| {
        Failure::input(format!("it amends the agreement {amended}, which was not accepted here"))
            .with_help("accept that agreement first, or draft this one without `amends`")
    })?;
    agreement.terms.continues(&amended, before.terms()).map_err(bad)?;
    before.settles(clock::now()).map_err(|refusal| {
        Failure::input(format!("the agreement that it amends does not hold: {refusal}"))
    })?;
    let id = agreement.id().map_err(bad)?;
    let other = core.book.agreements().into_iter().find(|other| {
        other.terms().amends == Some(amended)
            && other.id() != id
            && (!other.revoked() || before.in_place(clock::now()).is_some())
    });
    match other {
        None => Ok(()),
        Some(other) => Err(Failure::input(format!("another amendment of it was accepted: {}", other.id()))
            .with_help("revoke that one before it takes effect, or amend it in its turn")),
    }
}

fn reply(core: &Core, agreement: Agreement) -> Result<Reply, Failure> {
    let id = agreement.id().map_err(bad)?;
    let state = match core.book.agreement(&id) {
        Some(in_force) => state(&in_force),
        None if agreement.verify().is_ok() => AgreementState::Signed,
        None => AgreementState::Unsigned,
    };
    Ok(Reply::Agreement { id, state, agreement: Box::new(agreement) })
}

fn state(agreement: &InForce) -> AgreementState {
    let now = clock::now();
    if agreement.revoked() {
        AgreementState::Revoked
    } else if agreement.in_place(now).is_some() {
        AgreementState::Amended
    } else if now < agreement.terms().valid_from {
        AgreementState::Pending
    } else if agreement.holds(now).is_ok() {
        AgreementState::InForce
    } else {
        AgreementState::Expired
    }
}

/// All agreements ever accepted.
pub(super) fn lines(core: &Core) -> Vec<AgreementLine> {
    let line = |agreement: &Arc<InForce>| {
        let partner = agreement.terms().partner_of(core.book.own()).ok()?;
        Some(AgreementLine {
            id: agreement.id(),
            title: agreement.terms().title.clone(),
            partner: partner.code.clone(),
            partner_name: partner.name.clone(),
            state: state(agreement),
            valid_until: agreement.terms().valid_until,
            rules: agreement.rules_digest(),
        })
    };
    core.book.agreements().iter().filter_map(line).collect()
}

pub(super) fn list(core: &Core) -> Reply {
    Reply::Agreements { agreements: lines(core) }
}

/// The one agreement whose id begins so, with at least so many digits.
fn find(core: &Core, prefix: &str, least: usize) -> Result<AgreementId, Failure> {
    if prefix.len() < least {
        let what = match least {
            1 => "no agreement is named".to_owned(),
            _ => format!("`{prefix}` names no agreement here: at least {least} digits of its id are needed"),
        };
        return Err(Failure::input(what).with_help("see `symbolon agreement list`"));
    }
    let all = core.book.agreements();
    let mut found =
        all.iter().map(|agreement| agreement.id()).filter(|id| id.to_string().starts_with(prefix));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => {
            Err(Failure::input(format!("no accepted agreement has an id that begins with `{prefix}`"))
                .with_help("see `symbolon agreement list`"))
        }
        _ => Err(Failure::input(format!("several agreements have an id that begins with `{prefix}`"))
            .with_help("give more of it")),
    }
}

pub(super) fn show(core: &Core, prefix: &str) -> Result<Reply, Failure> {
    let id = find(core, prefix, 1)?;
    reply(core, accepted(core, &id)?.agreement)
}

fn accepted(core: &Core, id: &AgreementId) -> Result<Accepted, Failure> {
    let mut all = core.book.state().agreements()?.into_iter();
    let found = all.find(|accepted| accepted.agreement.id().is_ok_and(|other| other == *id));
    found.ok_or_else(|| Failure::local("the agreement is not in the state"))
}

pub(super) async fn revoke(core: &Arc<Core>, prefix: &str, reason: String) -> Result<Reply, Failure> {
    let id = find(core, prefix, NAMED)?;
    flags::reasoned(&reason)?;
    if core.book.state().revoked(&id)? {
        return Err(Failure::input("the agreement is revoked already"));
    }
    let by: AgencyCode = core.book.own().clone();
    let revocation = Revocation { agreement: id, by, reason, at: clock::now() };
    let signature = signing::sign(&revocation, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
    let work = core.clone();
    blocking(move || {
        work.book.amendments_take_effect(clock::now())?;
        work.book.record(&Event::AgreementRevoked { revocation, signature })?;
        work.end_expired()
    })
    .await?;
    core.allow_partners().await?;
    // It is revoked whether the partner can be told now or at the next contact.
    let patience = Duration::from_secs(core.config.dial_timeout_secs);
    if let Ok(told) = tokio::time::timeout(patience, tell(core)).await {
        told?;
    }
    let Accepted { agreement, revoked, .. } = accepted(core, &id)?;
    let partner = agreement.terms.partner_of(core.book.own()).map_err(bad)?.code.clone();
    let told = revoked.is_some_and(|revoked| revoked.known);
    Ok(Reply::Revoked { id, title: agreement.terms.title, partner, told })
}

#[cfg(test)]
mod tests;
