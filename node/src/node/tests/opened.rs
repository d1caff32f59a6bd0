//! Claims that open something and come to nothing.

use symbolon_policy::{
    claim::{Claim, opening_digest},
    permit::RefusalCode,
    signing,
    words::ClaimId,
};

use super::pair::{exact, made, pair_on, terms, updates};
use crate::{
    clock,
    config::Config,
    journal::Side,
    node::{Report, queries::Sealed},
    session::{SessionError, claim::asker},
    state::{Query, Stage},
};

/// The register is searched for each, and each is written down: none is for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn claims_of_one_query_are_bounded_whatever_comes_of_them() {
    let one = |text: String| text.replace("most_records = 10", "most_records = 1");
    let (holder, asker, _serving) = pair_on(2, Config::default(), one).await;
    let core = asker.core();
    let query = exact(&asker, 0..2, terms()).await.query.unwrap();
    let partner = core.partner(&"RS".parse().unwrap()).unwrap();
    let Query { ask, signature, stage, .. } = core.book.state().query(Side::Asker, &query).unwrap().unwrap();
    let Stage::Done(receipt) = stage else { panic!("{stage:?}") };
    let asked = Sealed::load(core, &query).unwrap().asked(ask.clone(), signature).unwrap();
    let opening = asker::opening(&asked, &[0, 1]).unwrap();
    let report = Report::new("RS", updates());
    let claim = async |n: u8| {
        let claim = Claim {
            claim: ClaimId([n; 16]),
            query,
            case: terms().case.unwrap(),
            items: vec![0, 1],
            seal: age::x25519::Identity::generate().to_public().to_string(),
            ..made(ask.agreement, opening_digest(&opening))
        };
        let signature = signing::sign(&claim, &*core.signer).unwrap();
        let (opening, ask, receipt) = (opening.clone(), ask.clone(), receipt.receipt.clone());
        let claiming = asker::Claiming { claim, signature, opening, ask, receipt, at: clock::now() };
        match asker::claim(core, &partner, claiming, &report).await {
            Err(SessionError::Refused { refusal, here: false }) => refusal.code,
            other => panic!("{other:?}"),
        }
    };
    // One for each item, and 32.
    for n in 0..34 {
        assert_eq!(claim(n).await, RefusalCode::TooManyRecords, "{n}");
    }
    assert_eq!(claim(34).await, RefusalCode::QuotaExceeded);
    let kept = std::fs::read_dir(holder.dir.path().join("claims")).unwrap();
    let kept = kept.map(|entry| entry.unwrap().path());
    assert_eq!(kept.filter(|path| path.extension() == Some("opening".as_ref())).count(), 0);
}
