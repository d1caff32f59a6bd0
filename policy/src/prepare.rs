//! Work that two nodes do ahead of a match, before there is a probe.

use serde::{Deserialize, Serialize};

use crate::{
    agreement::Terms,
    ask::{Ask, Fetch, MatchAsk},
    signing::{Document, Signature},
    words::{Digest, Position, Timestamp},
};

/// A request to prepare one match. It costs nothing and tells nothing, so it is not charged; the rules must permit the
/// officer a match of this kind. The asker signs it, so the holder has evidence of who asked, should it come to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prepare {
    /// Names the preparation: 32 random bytes.
    pub id: Digest,
    /// Between whom, under which agreement, for which register, purpose, form and engine.
    pub fetch: Fetch,
    /// The keys of the match.
    pub keys: Digest,
    /// Where each alternative of the match will have been taken.
    pub positions: Vec<Position>,
    /// When, by the asker's clock.
    pub asked_at: Timestamp,
}

impl Document for Prepare {
    const LABEL: &'static str = "symbolon/prepare/1";
}

/// A request with the signature of the asker's agreement key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedPrepare {
    /// What is wanted.
    pub prepare: Prepare,
    /// By the asker's agreement key.
    pub signature: Signature,
}

impl Prepare {
    /// A query that the preparation could serve. It says nothing of the probe, for there is none.
    pub fn ask(&self, terms: &Terms) -> Ask {
        let ask = self.fetch.smallest_ask(terms);
        let matching = ask.matching.map(|matching| MatchAsk {
            keys: self.keys,
            positions: self.positions.clone(),
            ..matching
        });
        let items = u32::try_from(self.positions.len()).unwrap_or(u32::MAX);
        Ask { matching, items, asked_at: self.asked_at, ..ask }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        canonical,
        permit::{RefusalCode, admit, admit_prepare},
        words::AgencyCode,
        world::{Meters, NOW, in_force, match_terms, mk, rs, setup},
    };
    use symbolon_protocol::exchange::{Disclosure, Verdict, Warden as _};

    fn prepare(positions: &[Position]) -> Prepare {
        let fetch = setup(&in_force(match_terms()));
        let (id, keys) = (Digest([7; 32]), Digest([8; 32]));
        Prepare { id, fetch, keys, positions: positions.to_vec(), asked_at: NOW }
    }

    #[test]
    fn it_stands_for_a_query_of_its_positions() {
        let agreement = in_force(match_terms());
        let wanted = prepare(&[Position::LeftIris]);
        assert_eq!(canonical::decode::<Prepare>(&canonical::encode(&wanted).unwrap()).unwrap(), wanted);
        let ask = wanted.ask(agreement.terms());
        let asked = ask.matching.unwrap();
        assert_eq!((ask.items, ask.asked_at, asked.keys), (1, NOW, Digest([8; 32])));
        assert_eq!(asked.positions, [Position::LeftIris]);
    }

    #[test]
    fn it_is_admitted_as_a_match_is() {
        let agreement = in_force(match_terms());
        let code = |wanted: &Prepare, own: &AgencyCode, now| {
            admit_prepare(&agreement, wanted, own, &Meters::default(), now).err().map(|refusal| refusal.code)
        };
        let good = prepare(&[Position::LeftIris]);
        assert_eq!((code(&good, &rs(), NOW), code(&good, &mk(), NOW)), (None, None));
        let most = agreement.terms().matching.as_ref().unwrap().forms[0].alternatives;
        let many = vec![Position::LeftIris; usize::from(most) + 1];
        for (wanted, why) in [
            (prepare(&[]), RefusalCode::BatchTooSmall),
            (prepare(&many), RefusalCode::BatchTooLarge),
            (prepare(&[Position::Face]), RefusalCode::Malformed),
            (
                Prepare { fetch: Fetch { matching: None, ..good.fetch.clone() }, ..good.clone() },
                RefusalCode::Malformed,
            ),
            (
                Prepare { fetch: Fetch { rules: Digest([1; 32]), ..good.fetch.clone() }, ..good.clone() },
                RefusalCode::RulesMismatch,
            ),
        ] {
            assert_eq!(code(&wanted, &mk(), NOW), Some(why), "{wanted:?}");
        }
        assert_eq!(code(&good, &mk(), agreement.terms().valid_until), Some(RefusalCode::Expired));
    }

    #[test]
    fn its_permit_releases_a_preparation_and_nothing_else() {
        let agreement = in_force(match_terms());
        let good = prepare(&[Position::LeftIris]);
        let mut paid = admit_prepare(&agreement, &good, &mk(), &Meters::default(), NOW).unwrap();
        let groups = agreement.terms().matching.as_ref().unwrap().largest_slice;
        let of = |groups, alternatives| Disclosure::Preparation { groups, alternatives };
        assert_eq!(paid.judge(&of(groups, 1)), Verdict::Release);
        for refused in
            [of(groups + 1, 1), of(groups, 2), Disclosure::Match { groups: 1, cap: None, alternatives: 1 }]
        {
            assert_eq!(paid.judge(&refused), Verdict::Refuse, "{refused:?}");
        }
        let match_of = good.ask(agreement.terms());
        let permit = admit(&agreement, &match_of, &mk(), &Meters::default(), NOW).unwrap();
        let mut paid = permit.pay(|_, _| Ok::<(), ()>(())).unwrap();
        assert_eq!(paid.judge(&of(1, 1)), Verdict::Refuse);
    }
}
