//! Cases at the holder: listed, and decided by people.

use std::sync::Arc;

use symbolon_policy::{
    case::Step,
    officer::{ActKind, SignedAct},
    signing::Document as _,
    words::{ClaimId, Digest},
};

use super::{Core, blocking};
use crate::{
    clock,
    control::api::{CaseLine, Failure, Reply},
    journal::Side,
    session::claim::cases,
    state::Claimed,
};

/// Cases that wait for a decision, the most urgent first; or all.
pub(super) async fn list(core: &Arc<Core>, all: bool) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        cases::expire(&core, clock::now())?;
        let mut claims = core.book.state().claims(Side::Holder)?;
        claims.retain(|claimed| all || claimed.case.end.is_none());
        claims.sort_by_key(|claimed| claimed.case.decide_by);
        Ok(Reply::Cases { cases: claims.into_iter().map(line).collect::<Result<_, _>>()? })
    })
    .await
}

/// One case.
pub(super) fn show(core: &Core, id: &ClaimId) -> Result<Reply, Failure> {
    let claimed = core.book.state().claim(Side::Holder, id)?;
    let missing =
        || Failure::input(format!("there is no case {id}")).with_help("see `symbolon case list --all`");
    Ok(Reply::Case(Box::new(line(claimed.ok_or_else(missing)?)?)))
}

/// Takes a step that an officer signed.
pub(super) async fn step(core: &Arc<Core>, id: ClaimId, act: SignedAct) -> Result<Reply, Failure> {
    let shown = core.clone();
    let core = core.clone();
    blocking(move || {
        let claimed = core.book.state().claim(Side::Holder, &id)?;
        let digest = claimed.map(|claimed| digest(&claimed)).transpose()?;
        let officer = act.act.officer.clone();
        let (of, step) = match &act.act.act {
            ActKind::Approve { claim } => (claim, Step::Approve { officer }),
            ActKind::Refuse { claim, reason } => (claim, Step::Refuse { officer, reason: reason.clone() }),
            ActKind::StopClock { claim, .. } => (claim, Step::Stop { officer }),
            ActKind::ResumeClock { claim } => (claim, Step::Resume { officer }),
            _ => return Err(Failure::input("this decides no case")),
        };
        if digest.is_some_and(|digest| digest != *of) {
            return Err(Failure::input("the officer signed for another claim"));
        }
        core.book.officer_acts(&act, clock::now())?;
        cases::take(&core, &id, step, Some(act)).map(drop)
    })
    .await?;
    show(&shown, &id)
}

fn digest(claimed: &Claimed) -> Result<Digest, Failure> {
    claimed.case.claim.digest().map_err(|e| Failure::local(e.to_string()))
}

fn line(claimed: Claimed) -> Result<CaseLine, Failure> {
    let digest = digest(&claimed)?;
    let releases = claimed.releases.into_iter().map(|signed| signed.release).collect();
    Ok(CaseLine { digest, case: claimed.case, releases })
}
