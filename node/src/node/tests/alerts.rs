//! Who may say what came of an alert, and about how much of it.

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    officer::{Act, ActKind, Officer, SignedAct},
    signing::Signer as _,
    words::{Digest, OfficerId, Role},
};

use super::*;
use crate::{
    alerts::{Alert, Kind},
    clock,
    control::api::{AlertLine, FailureKind},
    journal::Event,
};

fn enrol(agency: &Agency, id: &str, number: u8) -> (OfficerId, SigningKey) {
    let (id, key): (OfficerId, _) = (id.parse().unwrap(), SigningKey::from_bytes(&[number; 32]));
    let roles = vec![Role::Asks, Role::Audits];
    let officer = Officer { id: id.clone(), roles, key: key.public(), seal: "age1".into(), until: None };
    agency.core().book.enrol(officer).unwrap();
    (id, key)
}

fn act((officer, key): &(OfficerId, SigningKey), alert: Digest, observed: u64) -> SignedAct {
    let act = ActKind::Acknowledge { alert, observed, note: "a holiday".into() };
    SignedAct::sign(Act { officer: officer.clone(), act, at: clock::now() }, key).unwrap()
}

async fn listed(agency: &Agency, all: bool) -> Vec<AlertLine> {
    let told = agency.ask(Request::AuditAlerts { from: None, all }).await;
    let Ok(Reply::AuditAlerts(told)) = told else { panic!("{told:?}") };
    told.alerts
}

async fn clean(agency: &Agency) -> (bool, String) {
    let audit = agency.ask(Request::AuditVerify).await;
    let Ok(Reply::Audit { clean, text, .. }) = audit else { panic!("{audit:?}") };
    (clean, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acknowledges_an_alert_about_themselves() {
    let agency = Agency::new("RS").await;
    let [ana, ivo] = [("ana", 1), ("ivo", 2)].map(|(id, number)| enrol(&agency, id, number));
    let now = clock::now();
    let alert = Alert {
        from: now.plus(-10),
        to: now.plus(-5),
        kind: Kind::MoreThanBefore,
        partner: None,
        officer: Some(ana.0.clone()),
        claim: None,
        observed: 40,
        of: 50,
        chance: 1,
        text: "ana asked 40 queries in one day".into(),
    };
    let id = alert.id().unwrap();
    agency.core().book.record(&Event::AlertRaised { alert: alert.clone() }).unwrap();
    // It is told although the journal as it is would not set it off.
    let told = listed(&agency, false).await;
    assert_eq!(told.iter().map(|line| (line.id, &line.alert)).collect::<Vec<_>>(), [(id, &alert)]);

    let acknowledge = async |act| agency.ask(Request::AlertAcknowledge { act }).await;
    let own = acknowledge(act(&ana, id, 40)).await.unwrap_err();
    assert!(own.kind == FailureKind::Refused && own.what.contains("another"), "{own}");
    // Neither more nor less than what stands.
    for observed in [39, 41] {
        let failure = acknowledge(act(&ivo, id, observed)).await.unwrap_err();
        assert!(failure.kind == FailureKind::Input && failure.what.contains("40 are counted"), "{failure}");
    }
    acknowledge(act(&ivo, id, 40)).await.unwrap();
    assert!(listed(&agency, false).await.is_empty());
    let all = listed(&agency, true).await;
    assert_eq!(all[0].acknowledged.as_ref().map(|said| &said.officer), Some(&ivo.0));
    assert!(clean(&agency).await.0, "{}", clean(&agency).await.1);

    // A journal that tells of the acknowledgement of what was never raised is not clean.
    let act = act(&ivo, Digest([9; 32]), 1);
    agency.core().book.record(&Event::AlertAcknowledged { act }).unwrap();
    let (clean, text) = clean(&agency).await;
    assert!(!clean && text.contains("acknowledges no alert that was raised"), "{text}");
}
