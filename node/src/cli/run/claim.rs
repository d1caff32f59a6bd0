//! Hits, claims and cases. What an officer signs is signed here, in the officer's own process.

use std::path::Path;

use symbolon_policy::{
    officer::{Act, ActKind, SignedAct},
    signing::Document as _,
    words::{ClaimId, Digest, QueryId},
};
use zeroize::Zeroizing;

use crate::{
    cli::{
        args::{CaseCommand, ClaimCommand, Global, HitCommand, Signing, Which},
        ask::ask,
        passphrase,
        report::Report,
    },
    clock,
    control::api::{Failure, Reply, Request},
    officers::OfficerKeys,
};

use super::odd;

/// The longest file of released fields, in bytes.
const LONGEST: u64 = 32 << 20;

/// # Errors
/// [`Failure`] of whatever went wrong first.
pub(super) fn hit(global: &Global, command: HitCommand) -> Result<Report, Failure> {
    let acts = match command {
        HitCommand::List { overdue } => return Report::of(&ask(global, Request::HitList { overdue })?),
        HitCommand::Explain { query, reason, signing } => {
            vec![sign(&keys(&signing)?, ActKind::Explain { query, reason })?]
        }
        HitCommand::Verify { query, which, same, reason, signing, .. } => {
            let items = items(global, query, which)?;
            // A match is verified as a whole.
            let items = if items.is_empty() { vec![0] } else { items };
            let keys = keys(&signing)?;
            let act = |item| sign(&keys, ActKind::Verify { query, item, same, reason: reason.clone() });
            items.into_iter().map(act).collect::<Result<_, _>>()?
        }
    };
    Report::of(&ask(global, Request::HitJudge { acts })?)
}

/// # Errors
/// [`Failure`] of whatever went wrong first.
pub(super) fn claim(global: &Global, command: ClaimCommand) -> Result<Report, Failure> {
    match command {
        ClaimCommand::Collect { claim } => Report::of(&ask(global, Request::ClaimCollect { claim })?),
        ClaimCommand::List => Report::of(&ask(global, Request::ClaimList)?),
        ClaimCommand::Open { file, signing } => open(&file, &keys(&signing)?),
        ClaimCommand::Make { query, which, fields, signing } => {
            let keys = keys(&signing)?;
            let items = items(global, query, which)?;
            let officer = keys.id().clone();
            let drafted = ask(global, Request::ClaimDraft { query, items, fields, officer })?;
            let Reply::ClaimDraft { claim } = drafted else { return Err(odd()) };
            let digest = claim.digest().map_err(|e| Failure::local(e.to_string()))?;
            let act = Box::new(sign(&keys, ActKind::Claim { digest })?);
            Report::of(&ask(global, Request::ClaimMake { claim, act })?)
        }
    }
}

/// # Errors
/// [`Failure`] of whatever went wrong first.
pub(super) fn case(global: &Global, command: CaseCommand) -> Result<Report, Failure> {
    let step = |claim: ClaimId, signing: &Signing, act: &dyn Fn(Digest) -> ActKind| {
        let Reply::Case(line) = ask(global, Request::CaseShow { claim })? else { return Err(odd()) };
        let act = Box::new(sign(&keys(signing)?, act(line.digest))?);
        Report::of(&ask(global, Request::CaseStep { claim, act })?)
    };
    match command {
        CaseCommand::List { all } => Report::of(&ask(global, Request::CaseList { all })?),
        CaseCommand::Show { claim } => Report::of(&ask(global, Request::CaseShow { claim })?),
        CaseCommand::Approve { claim, signing } => step(claim, &signing, &|claim| ActKind::Approve { claim }),
        CaseCommand::Refuse { claim, reason, signing } => {
            step(claim, &signing, &|claim| ActKind::Refuse { claim, reason: reason.clone() })
        }
        CaseCommand::Stop { claim, reason, signing } => {
            step(claim, &signing, &|claim| ActKind::StopClock { claim, reason: reason.clone() })
        }
        CaseCommand::Resume { claim, signing } => {
            step(claim, &signing, &|claim| ActKind::ResumeClock { claim })
        }
    }
}

/// Places of the hits; none of a match, which names no hits here.
fn items(global: &Global, query: QueryId, which: Which) -> Result<Vec<u32>, Failure> {
    match ask(global, Request::HitItems { query, hits: which.hits })? {
        Reply::Items { items } => Ok(items),
        _ => Err(odd()),
    }
}

pub(super) fn keys(signing: &Signing) -> Result<OfficerKeys, Failure> {
    let key = &signing.key;
    let file = key.file.as_deref().ok_or_else(|| {
        Failure::input("an officer signs this").with_help("name the key file with --officer-key")
    })?;
    OfficerKeys::open(file, passphrase::officers(key.passphrase.as_deref())?)
}

pub(super) fn sign(keys: &OfficerKeys, act: ActKind) -> Result<SignedAct, Failure> {
    let act = Act { officer: keys.id().clone(), act, at: clock::now() };
    SignedAct::sign(act, &keys.signer()).map_err(|e| Failure::local(format!("this cannot be signed: {e}")))
}

fn open(file: &Path, keys: &OfficerKeys) -> Result<Report, Failure> {
    let unreadable =
        |why: &dyn std::fmt::Display| Failure::input(format!("cannot read {}: {why}", file.display()));
    if std::fs::metadata(file).map_err(|e| unreadable(&e))?.len() > LONGEST {
        return Err(unreadable(&"it is too long"));
    }
    let sealed = std::fs::read(file).map_err(|e| unreadable(&e))?;
    let plain = age::decrypt(&keys.identity()?, &sealed).map_err(|e| {
        Failure::input(format!("{} does not open with the key of {}: {e}", file.display(), keys.id()))
            .with_help(
                "only the officer who claimed can open it; the file may also be damaged, or be none of released fields",
            )
    })?;
    let plain = Zeroizing::new(plain);
    let told: serde_json::Value = serde_json::from_slice(&plain).map_err(|e| unreadable(&e))?;
    Report::new(format!("{told:#}"), &told)
}
