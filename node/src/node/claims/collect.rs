//! Claims that were made: made again, collected, listed.

use std::sync::Arc;

use symbolon_policy::{
    claim::{Claim, opening_digest},
    officer::SignedAct,
    words::{ClaimId, Role, Timestamp},
};

use super::{
    super::{Core, Partner, Report, blocking, hits::named, queries::Sealed},
    answered, partner, refused, verification,
};
use crate::{
    clock,
    control::{
        Updates,
        api::{ClaimLine, Failure, FailureKind, ReleaseLine, Reply, Standing},
    },
    journal::Side,
    session::claim::asker::{self, Claiming},
    state::Claimed,
};

/// A claim whose answer did not come, as it was made. None if what it opens is not kept any more.
///
/// # Errors
/// A [`Failure`] of refusal if it could not be made now: it opens a person, though nobody signs for it again.
fn again(core: &Core, claimed: Claimed) -> Result<Option<Claiming>, Failure> {
    let Claimed { case, signature, .. } = claimed;
    let (claim, at) = (case.claim, case.begun);
    let now = clock::now();
    partner(core, &claim)?.agreement.releases(now).map_err(refused)?;
    verification(core, &claim.query, verification::items(&claim), &claim.officer)?;
    enrolled_as_then(core, &claim, now)?;
    let (known, receipt) = answered(core, &claim.query)?;
    let ask = known.ask.clone();
    let Ok(sealed) = Sealed::load(core, &claim.query) else { return Ok(None) };
    let asked = sealed.asked(ask.clone(), known.signature)?;
    let opening = asker::opening(&asked, &claim.items).map_err(Failure::from)?;
    let same = opening_digest(&opening) == claim.opening;
    Ok(same.then_some(Claiming { claim, signature, opening, ask, receipt, at }))
}

/// Whether what is released of a claim may be taken: nobody said since that it is another person, and the officer to whom it
/// is sealed is still there.
///
/// # Errors
/// A [`Failure`] of refusal that says why not.
fn wanted(core: &Core, claim: &Claim) -> Result<(), Failure> {
    let (state, now) = (core.book.state(), clock::now());
    let (judged, officers) = (state.judged(&claim.query)?, state.officers()?);
    let counts = |act: &&SignedAct| officers.iter().any(|officer| verification::counts(act, officer, now));
    let words: Vec<_> = judged.iter().filter(counts).collect();
    if let Some(word) = verification::against(&words, verification::items(claim), &claim.officer) {
        let (by, at) = (&word.act.officer, word.act.at);
        let what =
            format!("{by} said at {at} that it is another person, so nothing more is taken of this claim");
        return Err(Failure::new(FailureKind::Refused, what).with_help(format!(
            "{} does not know: ask it to refuse the case. The last word counts: an officer with the role VERIFIES can look again",
            claim.holder
        )));
    }
    enrolled_as_then(core, claim, now)
}

/// Whether the officer who claims is still enrolled, with the key to which fields are sealed.
fn enrolled_as_then(core: &Core, claim: &Claim, now: Timestamp) -> Result<(), Failure> {
    let officer = core.book.state().officer(&claim.officer)?;
    if officer.is_some_and(|officer| officer.holds(Role::Asks, now) && officer.seal == claim.seal) {
        return Ok(());
    }
    let why = format!("{} is not enrolled any more as when the claim was signed", claim.officer);
    Err(Failure::new(FailureKind::Refused, why)
        .with_help("what is released is sealed to that officer; another one may claim the hit anew"))
}

/// Asks how a claim stands, and takes what is released. One whose answer did not come is made again first, in the same
/// words.
pub(in crate::node) async fn collect(
    core: &Arc<Core>,
    id: ClaimId,
    updates: Updates,
) -> Result<Reply, Failure> {
    let claimed = core.book.state().claim(Side::Asker, &id)?;
    let missing = || Failure::input(format!("this node made no claim {id}"));
    let claimed = claimed.ok_or_else(|| missing().with_help("see `symbolon claim list`"))?;
    let partner = partner(core, &claimed.case.claim)?;
    let report = Report::new(partner.party.code.as_str(), updates);
    let work = core.clone();
    if claimed.outcome.is_some() {
        let claim = claimed.case.claim;
        blocking(move || wanted(&work, &claim)).await?;
        return collected(core, &partner, id, &report).await;
    }
    match blocking(move || again(&work, claimed)).await {
        Ok(Some(claiming)) => {
            asker::claim(core, &partner, claiming, &report).await?;
        }
        Ok(None) => {}
        // The partner may have it from before. What it says then is as good; if it knows of none, this is why.
        Err(why) => {
            let reply = collected(core, &partner, id, &report).await;
            return reply
                .map_err(|_| Failure { what: format!("the claim was not made again: {}", why.what), ..why });
        }
    }
    collected(core, &partner, id, &report).await
}

pub(super) async fn collected(
    core: &Arc<Core>,
    partner: &Partner,
    id: ClaimId,
    report: &Report,
) -> Result<Reply, Failure> {
    let stands = asker::collect(core, partner, id, report).await?;
    let claimed = core.book.state().claim(Side::Asker, &id)?;
    let claimed = claimed.ok_or_else(|| Failure::local("the claim is not there"))?;
    let standing = Standing {
        approvals: stands.approvals,
        decide_by: stands.decide_by,
        stopped: stands.stopped,
        end: stands.end,
    };
    let hits = named(core, &claimed.case.claim.query, &claimed.case.claim.items);
    Ok(Reply::Claim(Box::new(ClaimLine { standing: Some(standing), hits, ..line(core, claimed) })))
}

/// All claims of this node.
///
/// # Errors
/// A local [`Failure`].
pub(in crate::node) fn list(core: &Core) -> Result<Vec<ClaimLine>, Failure> {
    let mut claims: Vec<_> =
        core.book.state().claims(Side::Asker)?.into_iter().map(|claimed| line(core, claimed)).collect();
    claims.sort_by_key(|line| std::cmp::Reverse(line.claim.claimed_at));
    Ok(claims)
}

fn line(core: &Core, claimed: Claimed) -> ClaimLine {
    let releases = claimed.releases.iter().map(|signed| ReleaseLine {
        file: core.claims.release_path(Side::Asker, &signed.release.claim, signed.release.number),
        release: signed.release.clone(),
    });
    let releases = releases.collect();
    let Claimed { case, outcome, ended, refused, .. } = claimed;
    ClaimLine { claim: case.claim, outcome, standing: None, ended, refused, releases, hits: Vec::new() }
}
