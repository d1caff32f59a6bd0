//! Whose word that a hit is the person counts: on the node before a claim is made, and in the audit of its journal.

use symbolon_policy::{
    claim::Claim,
    officer::{ActKind, Officer, SignedAct},
    signing,
    words::{OfficerId, Role, Timestamp},
};

/// The place of the hit of a match, which is verified and claimed as a whole.
pub(crate) const MATCHED: &[u32] = &[0];

/// Whether an officer, as enrolled now, may verify and signed this with the key that is enrolled now.
pub(crate) fn counts(act: &SignedAct, officer: &Officer, now: Timestamp) -> bool {
    officer.id == act.act.officer
        && officer.holds(Role::Verifies, now)
        && signing::verify(&act.act, &officer.key, &act.signature).is_ok()
}

/// Another officer than the one who claims, who said of every item that it is the person, and when.
///
/// `words` are those that count, in their order. Whoever looked at an item last decides, whoever that was; but nobody
/// verifies what they claim themselves, so the claimant's own word counts only against it.
pub(crate) fn verified(
    words: &[&SignedAct],
    items: &[u32],
    claims: &OfficerId,
) -> Option<(OfficerId, Timestamp)> {
    let last = |of: u32| last(words, of, claims).and_then(|act| said(act, of));
    if !items.iter().all(|item| last(*item) == Some(true)) {
        return None;
    }
    // When an officer said it of an item, if nothing else since.
    let by = |officer: &OfficerId, of: u32| {
        let mut theirs = words.iter().rev().filter(|act| act.act.officer == *officer);
        let word = theirs.find(|act| said(act, of).is_some())?;
        (said(word, of) == Some(true)).then_some(word.act.at)
    };
    words.iter().map(|act| &act.act.officer).filter(|officer| *officer != claims).find_map(|officer| {
        let at = items.iter().map(|item| by(officer, *item)).collect::<Option<Vec<_>>>()?;
        Some((officer.clone(), at.into_iter().max()?))
    })
}

/// The word by which a claim of `items` fails: whoever looked last at one of them said that it is another person.
pub(crate) fn against<'a>(
    words: &[&'a SignedAct],
    items: &[u32],
    claims: &OfficerId,
) -> Option<&'a SignedAct> {
    let against = |item: &u32| last(words, *item, claims).filter(|act| said(act, *item) == Some(false));
    items.iter().find_map(against)
}

/// Who said of an item that it is the person, if nobody said otherwise since.
pub(crate) fn last_same(words: &[&SignedAct], of: u32) -> Option<OfficerId> {
    let last = words.iter().rev().find(|act| said(act, of).is_some())?;
    (said(last, of) == Some(true)).then(|| last.act.officer.clone())
}

fn said(act: &SignedAct, of: u32) -> Option<bool> {
    match &act.act.act {
        ActKind::Verify { item, same, .. } if *item == of => Some(*same),
        _ => None,
    }
}

/// The last word on an item, but for the claimant's own that it is the person.
fn last<'a>(words: &[&'a SignedAct], of: u32, claims: &OfficerId) -> Option<&'a SignedAct> {
    let mine = |act: &SignedAct| act.act.officer == *claims && said(act, of).is_some();
    let taken_back = words.iter().rev().find(|act| mine(act)).is_some_and(|act| said(act, of) == Some(true));
    words.iter().rev().find(|act| said(act, of).is_some() && !(taken_back && mine(act))).copied()
}

/// The items that must have been verified for a claim.
pub(crate) fn items(claim: &Claim) -> &[u32] {
    if claim.items.is_empty() { MATCHED } else { &claim.items }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use symbolon_policy::{officer::Act, signing::Signer as _, words::QueryId};

    use super::*;

    const NAMES: [&str; 3] = ["ana", "bojan", "carl"];

    fn officer(name: usize, key: u8, roles: Vec<Role>) -> Officer {
        let key = SigningKey::from_bytes(&[key; 32]).public();
        Officer { id: NAMES[name].parse().unwrap(), roles, key, seal: "age1".into(), until: None }
    }

    fn word(name: usize, key: u8, item: u32, same: bool, at: i64) -> SignedAct {
        let act = ActKind::Verify { query: QueryId([1; 16]), item, same, reason: None };
        let act = Act { officer: NAMES[name].parse().unwrap(), act, at: Timestamp(at) };
        SignedAct::sign(act, &SigningKey::from_bytes(&[key; 32])).unwrap()
    }

    fn by(words: &[SignedAct], items: &[u32]) -> Option<(String, i64)> {
        let words: Vec<_> = words.iter().collect();
        let found = verified(&words, items, &"ana".parse().unwrap());
        found.map(|(by, at)| (by.to_string(), at.0))
    }

    #[test]
    fn whoever_looked_last_decides_and_nobody_for_their_own_claim() {
        let (ana, bojan, carl) = (0, 1, 2);
        let yes = |who: usize, at| word(who, 1, 0, true, at);
        let no = |who: usize, at| word(who, 1, 0, false, at);
        let found = |at| Some(("bojan".to_owned(), at));
        assert_eq!(by(&[], &[0]), None);
        assert_eq!(by(&[yes(ana, 1)], &[0]), None);
        assert_eq!(by(&[yes(bojan, 1)], &[0]), found(1));
        assert_eq!(by(&[yes(bojan, 1), no(carl, 2)], &[0]), None);
        // The claimant does not lift another one's word, but may say that it is another person.
        assert_eq!(by(&[yes(bojan, 1), no(carl, 2), yes(ana, 3)], &[0]), None);
        assert_eq!(by(&[yes(bojan, 1), no(ana, 2)], &[0]), None);
        assert_eq!(by(&[yes(bojan, 1), no(ana, 2), yes(bojan, 3)], &[0]), found(3));
        assert_eq!(by(&[yes(bojan, 1), no(ana, 2), yes(ana, 3)], &[0]), found(1), "taken back");
        assert_eq!(by(&[no(bojan, 1), yes(carl, 2)], &[0]), Some(("carl".to_owned(), 2)));
        // Of several items one officer says it of all.
        let other = |who: usize, at| word(who, 1, 7, true, at);
        assert_eq!(by(&[yes(bojan, 1), other(carl, 2)], &[0, 7]), None);
        assert_eq!(by(&[yes(bojan, 1), other(bojan, 2)], &[0, 7]), found(2));
        assert_eq!(by(&[yes(bojan, 1)], &[7]), None);
    }

    #[test]
    fn a_word_counts_with_the_role_and_the_key_of_now() {
        let (said, now) = (word(1, 1, 0, true, 1), Timestamp(2));
        assert!(counts(&said, &officer(1, 1, vec![Role::Verifies]), now));
        assert!(!counts(&said, &officer(1, 1, vec![Role::Asks]), now));
        // Whoever had the key before says nothing for who is enrolled under the name now.
        assert!(!counts(&said, &officer(1, 2, vec![Role::Verifies]), now));
        assert!(!counts(&said, &officer(2, 1, vec![Role::Verifies]), now));
    }
}
