//! What is released of a case whose steps are taken here, without an asker that collects.

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    case::Found,
    claim::{FieldDecision, Standing, opening_digest},
    officer::Officer,
    signing::Signer as _,
};

use super::*;
use crate::{
    claims::{Behind, Records},
    node::tests::pair::{Agency, exact, made, pair, terms},
};

fn officer(name: &str, seed: u8) -> Officer {
    let key = SigningKey::from_bytes(&[seed; 32]).public();
    Officer { id: name.parse().unwrap(), roles: vec![Role::Approves], key, seal: "age1".into(), until: None }
}

fn approve(name: &str) -> Step {
    Step::Approve { officer: name.parse().unwrap() }
}

/// A case of the first record, of which one field needs one person and another two. `dana` and `edin` may approve.
async fn case(holder: &Agency, asker: &Agency) -> ClaimId {
    let core = holder.core();
    let answer = exact(asker, 0..1, terms()).await;
    let asked = core.book.state().query(Side::Holder, &answer.query.unwrap()).unwrap().unwrap();
    let claim = Claim {
        query: asked.ask.query,
        fields: vec![Field::Category, Field::Name],
        seal: age::x25519::Identity::generate().to_public().to_string(),
        ..made(asked.ask.agreement, opening_digest(b"opened"))
    };
    let (id, signature) = (claim.claim, signing::sign(&claim, &*asker.core().signer).unwrap());
    let record = core.registers.page(&asked.ask.register, None, 10).unwrap();
    let record = record.into_iter().find(|record| record.id.as_str() == "R-0").unwrap();
    let reference = core.claims.reference(&id, &record.pseudonym);
    let fields = [(Field::Category, 1), (Field::Name, 2)].map(|(field, needs)| FieldDecision {
        field,
        standing: Standing::Needs(needs),
        clauses: Vec::new(),
    });
    let found = vec![Found { reference, record: Digest([1; 32]), item: Some(0), fields: fields.into() }];
    let trace = core.claims.trace(&record.identifiers[0]);
    core.claims.keep_records(&id, &Records(vec![Behind { reference, record: record.id, trace }])).unwrap();
    for officer in [officer("dana", 1), officer("edin", 2)] {
        core.book.enrol(officer).unwrap();
    }
    let (side, act, at) = (Side::Holder, None, clock::now());
    core.book.record(&Event::Claimed { side, claim, signature, act, found, at }).unwrap();
    id
}

/// The fields of each release of it.
fn released(core: &Core, id: &ClaimId) -> Vec<Vec<Field>> {
    let claimed = core.book.state().claim(Side::Holder, id).unwrap().unwrap();
    let fields =
        |signed: SignedRelease| signed.release.fields.into_iter().flat_map(|(_, fields)| fields).collect();
    claimed.releases.into_iter().map(fields).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_released_after_a_refusal_though_it_was_due_before() {
    let (holder, asker, _serving) = pair(2).await;
    let (core, id) = (holder.core(), case(&holder, &asker).await);
    // There is no room for the release.
    let path = core.claims.release_path(Side::Holder, &id, 0);
    std::fs::create_dir(&path).unwrap();
    assert!(take(core, &id, approve("dana"), None).is_err());
    std::fs::remove_dir(&path).unwrap();
    let refuse = Step::Refuse { officer: "edin".parse().unwrap(), reason: "no".into() };
    take(core, &id, refuse, None).unwrap();
    expire(core, clock::now()).unwrap();
    assert!(released(core, &id).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_approve_any_more_does_not_count() {
    for removed in [false, true] {
        let (holder, asker, _serving) = pair(2).await;
        let (core, id) = (holder.core(), case(&holder, &asker).await);
        take(core, &id, approve("dana"), None).unwrap();
        assert_eq!(released(core, &id), [[Field::Category]]);
        if removed {
            core.book.remove_officer("dana".parse().unwrap(), "left".into()).unwrap();
        }
        take(core, &id, approve("edin"), None).unwrap();
        let second = if removed { vec![] } else { vec![Field::Name] };
        assert_eq!(released(core, &id), [vec![Field::Category], second]);
    }
}
