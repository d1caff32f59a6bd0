//! What is released of a case whose steps are taken here, and what of it an asker could collect.

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    case::Step,
    notice::{Cause, SignedNotice},
    officer::Officer,
    signing::Signer as _,
};

use super::*;
use crate::{
    config::Config,
    control::api::{Reply, Request},
    node::tests::pair::{self, Agency, pair, pair_on, record},
    register::Flags,
    session::claim::{
        cases::{expire, fares, take},
        notices::{reviewed, to_tell},
    },
    session::{CLAIM, words::Word},
};

fn officer(name: &str, seed: u8) -> Officer {
    let key = SigningKey::from_bytes(&[seed; 32]).public();
    Officer { id: name.parse().unwrap(), roles: vec![Role::Approves], key, seal: "age1".into(), until: None }
}

fn approve(name: &str) -> Step {
    Step::Approve { officer: name.parse().unwrap() }
}

/// A [case](pair::case) that `dana` and `edin` may approve.
async fn case(holder: &Agency, asker: &Agency) -> ClaimId {
    for officer in [officer("dana", 1), officer("edin", 2)] {
        holder.core().book.enrol(officer).unwrap();
    }
    pair::case(holder, asker).await
}

/// How many records are in each release of it, and of them the fields.
fn released(core: &Core, id: &ClaimId) -> Vec<(usize, Vec<Field>)> {
    let claimed = core.book.state().claim(Side::Holder, id).unwrap().unwrap();
    claimed.releases.into_iter().map(|signed| told(&signed)).collect()
}

fn told(signed: &SignedRelease) -> (usize, Vec<Field>) {
    let fields = &signed.release.fields;
    (fields.len(), fields.first().map(|(_, fields)| fields.clone()).unwrap_or_default())
}

/// Numbers of the releases that could be collected now, and how many records are in each.
fn offered(core: &Core, id: &ClaimId) -> Vec<(u32, usize)> {
    let offered = collectable(core, id).unwrap();
    offered.iter().map(|signed| (signed.release.number, told(signed).0)).collect()
}

/// The asker has it.
fn countersign(core: &Core, asker: &Agency, signed: &SignedRelease) {
    let own = signing::sign(&signed.release, &*asker.core().signer).unwrap();
    let release = SignedRelease { asker: Some(own), ..signed.clone() };
    core.book.record(&Event::Released { side: Side::Holder, release, marks: vec![] }).unwrap();
}

fn claimed(core: &Core, id: &ClaimId) -> Claimed {
    core.book.state().claim(Side::Holder, id).unwrap().unwrap()
}

async fn flag(holder: &Agency, record: &str, flags: Flags) {
    let (register, id, reason) = ("border".parse().unwrap(), record.to_owned(), "a letter".to_owned());
    holder.ask(Request::RegisterFlag { register, id, flags, reason }).await.unwrap();
}

fn contested(contested: bool) -> Flags {
    Flags { contested: Some(contested), ..Flags::default() }
}

fn blocked(blocked: bool) -> Flags {
    Flags { blocked: Some(blocked), ..Flags::default() }
}

async fn import(holder: &Agency, line: &str) {
    let register = "border".parse().unwrap();
    let file = holder.file("again.ndjson", line);
    let import = Request::RegisterImport { register, file, format: None, create: false, rejects: None };
    let Ok(Reply::Imported(imported)) = holder.ask(import).await else { panic!("import") };
    assert_eq!(imported.replaced, 1);
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
        assert_eq!(released(core, &id), [(2, vec![Field::Taken])]);
        assert_eq!(offered(core, &id), [(0, 2)]);
        if removed {
            core.book.remove_officer("dana".parse().unwrap(), "left".into()).unwrap();
            // Not for what was released and not collected either.
            assert_eq!(offered(core, &id), []);
            // Nor does a new key under the name bring back what another one signed.
            core.book.enrol(officer("dana", 3)).unwrap();
            assert_eq!(offered(core, &id), []);
        }
        take(core, &id, approve("edin"), None).unwrap();
        let second = if removed { (0, vec![]) } else { (2, vec![Field::Name]) };
        assert_eq!(released(core, &id), [(2, vec![Field::Taken]), second]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_gone_holds_back_no_other_one() {
    let (holder, asker, _serving) = pair(2).await;
    let (core, id) = (holder.core(), case(&holder, &asker).await);
    take(core, &id, approve("dana"), None).unwrap();
    take(core, &id, approve("edin"), None).unwrap();
    assert_eq!(offered(core, &id), [(0, 2), (1, 2)]);
    let (register, ids) = ("border".parse().unwrap(), vec!["R-0".to_owned()]);
    let reason = "SUBJECT_REQUEST".into();
    holder.ask(Request::RegisterErase { register, ids, reason }).await.unwrap();
    // Both stages are released again without it, once.
    for _ in 0..2 {
        assert_eq!(offered(core, &id), [(2, 1), (3, 1)]);
    }
    assert_eq!(released(core, &id)[2..], [(1, vec![Field::Taken]), (1, vec![Field::Name])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_approves_is_told_first_what_became_of_a_record() {
    let (holder, asker, _serving) = pair(2).await;
    let (core, id) = (holder.core(), case(&holder, &asker).await);
    let told = || {
        let claimed = core.book.state().claim(Side::Holder, &id).unwrap().unwrap();
        fares(core, &claimed).unwrap().changes.into_iter().map(|(_, change)| change).collect::<Vec<_>>()
    };
    assert_eq!(told(), [""; 0]);
    let register: symbolon_policy::words::RegisterName = "border".parse().unwrap();
    let (ids, reason) = (vec!["R-0".to_owned()], "SUBJECT_REQUEST".into());
    holder.ask(Request::RegisterErase { register: register.clone(), ids, reason }).await.unwrap();
    let nothing = "as it stands now nothing of it is released";
    assert_eq!(told(), [format!("erased since the claim; {nothing}")]);
    let flags = Flags { blocked: Some(true), ..Flags::default() };
    let (flagged, reason) = ("R-1".to_owned(), "a decision".to_owned());
    holder.ask(Request::RegisterFlag { register, id: flagged, flags, reason }).await.unwrap();
    assert_eq!(told(), [format!("erased since the claim; {nothing}"), format!("blocked; {nothing}")]);
    take(core, &id, approve("dana"), None).unwrap();
    assert_eq!(released(core, &id), [(0, vec![])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_corrected_before_it_was_collected_leaves_corrected() {
    let (holder, asker, _serving) = pair(2).await;
    let (core, id) = (holder.core(), case(&holder, &asker).await);
    take(core, &id, approve("dana"), None).unwrap();
    // The same again is no correction.
    import(&holder, &record(0, false)).await;
    assert_eq!(offered(core, &id), [(0, 2)]);
    import(&holder, &record(0, false).replace("2026-05-01", "2026-05-02")).await;
    assert_eq!(offered(core, &id), [(1, 2)]);
    let claimed = core.book.state().claim(Side::Holder, &id).unwrap().unwrap();
    assert_ne!(claimed.marks[0].1, claimed.marks[1].1);
    // What the asker has is not made again: a notice tells it.
    countersign(core, &asker, &claimed.releases[1]);
    import(&holder, &record(0, false).replace("2026-05-01", "2026-05-03")).await;
    assert_eq!(offered(core, &id), [(1, 2)]);
}

/// Of each notice that waits what it is about and whether values would go with it, and whether it is told as it was made.
fn told_now(core: &Core) -> Vec<(Cause, bool, bool)> {
    let waiting = core.book.state().waiting_notices(&"MK".parse().unwrap(), 10).unwrap();
    let told = |signed: SignedNotice| {
        let made = signed.notice.notice;
        let (now, values) = to_tell(core, signed).unwrap().unwrap();
        assert_eq!(now.notice.sealed.is_some(), values.is_some(), "it names what comes with it");
        (now.notice.cause, values.is_some(), now.notice.notice == made)
    };
    waiting.into_iter().map(told).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn corrected_values_leave_as_they_are_or_not_at_all() {
    let (holder, asker, _serving) = pair(2).await;
    let (core, id) = (holder.core(), case(&holder, &asker).await);
    take(core, &id, approve("dana"), None).unwrap();
    countersign(core, &asker, &claimed(core, &id).releases[0]);
    for day in ["2026-05-02", "2026-05-03"] {
        import(&holder, &record(0, false).replace("2026-05-01", day)).await;
    }
    // What it says no more is not told; that it was corrected is.
    let corrected = |values, as_made| (Cause::Corrected, values, as_made);
    assert_eq!(told_now(core), [corrected(false, false), corrected(true, true)]);
    assert_eq!(told_now(core), [corrected(false, true), corrected(true, true)]);
    let newest = core.book.state().all_waiting_notices().unwrap().pop().unwrap();
    let path = core.claims.notice_path(Side::Holder, &newest.notice.notice);
    assert!(path.exists());
    let flags = Flags { blocked: Some(true), ..Flags::default() };
    let (register, id, reason) = ("border".parse().unwrap(), "R-0".to_owned(), "court".to_owned());
    holder.ask(Request::RegisterFlag { register, id, flags, reason }).await.unwrap();
    assert_eq!(told_now(core), [corrected(false, true), corrected(false, false)]);
    assert!(!path.exists(), "values that are not told do not stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_a_contested_record_is_followed_by_a_notice() {
    // The rules of these two do not keep such a record.
    let released_too =
        |text: String| text.replace("when { resource.contested };", "when { resource.blocked };");
    let (holder, asker, _serving) = pair_on(2, Config::default(), released_too).await;
    let (core, id) = (holder.core(), case(&holder, &asker).await);
    let flags = Flags { contested: Some(true), ..Flags::default() };
    let (register, record, reason) = ("border".parse().unwrap(), "R-0".to_owned(), "says who".to_owned());
    holder.ask(Request::RegisterFlag { register, id: record, flags, reason }).await.unwrap();
    assert_eq!(reviewed(core), 0);
    take(core, &id, approve("dana"), None).unwrap();
    assert_eq!(released(core, &id), [(2, vec![Field::Taken])]);
    assert_eq!(reviewed(core), 0, "nobody has it");
    assert!(leaves(core, &id, 0).unwrap());
    assert_eq!(reviewed(core), 1);
    assert_eq!(told_now(core), [(Cause::Contested, false, true)]);
    assert_eq!(reviewed(core), 0);
}

/// The rules keep a contested record back: whoever approved meanwhile need not do so again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_while_it_could_not_leave_leaves_when_it_may() {
    for second in [true, false] {
        let (holder, asker, _serving) = pair(2).await;
        let (core, id) = (holder.core(), case(&holder, &asker).await);
        for record in ["R-0", "R-1"] {
            flag(&holder, record, contested(true)).await;
        }
        let says = fares(core, &claimed(core, &id)).unwrap().changes;
        assert!(
            says.iter().all(|(_, says)| says.starts_with("contested") && says.contains("as it stands now"))
        );
        take(core, &id, approve("dana"), None).unwrap();
        assert_eq!(released(core, &id), [(0, vec![])]);
        flag(&holder, "R-0", contested(false)).await;
        if second {
            take(core, &id, approve("edin"), None).unwrap();
            assert_eq!(
                released(core, &id)[1..],
                [(1, vec![Field::Name]), (1, vec![Field::Taken])],
                "what two approved, then what the first did before"
            );
        }
        let offers = if second { vec![(0, 0), (1, 1), (2, 1)] } else { vec![(0, 0), (1, 1)] };
        for _ in 0..2 {
            assert_eq!(offered(core, &id), offers, "once");
        }
        // The case is over, or a person refuses the rest: that was not released before.
        let reason = "no".to_owned();
        let refused = take(core, &id, Step::Refuse { officer: "edin".parse().unwrap(), reason }, None);
        assert_eq!(refused.is_err(), second);
        flag(&holder, "R-1", contested(false)).await;
        let late = offered(core, &id);
        if second {
            assert_eq!(late[3..], [(3, 1), (4, 1)]);
        } else {
            assert_eq!(late, offers);
        }
        let Ok(Reply::Audit { text, .. }) = holder.ask(Request::AuditVerify).await else { panic!("audit") };
        assert!(!text.contains("release"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_receive_fields_is_told_nothing_of_them() {
    let (holder, asker, _serving) = pair(2).await;
    let (core, id) = (holder.core(), case(&holder, &asker).await);
    take(core, &id, approve("dana"), None).unwrap();
    let again = async |day| import(&holder, &record(0, false).replace("2026-05-01", day)).await;
    // Released, and not handed over.
    again("2026-05-02").await;
    flag(&holder, "R-0", blocked(true)).await;
    assert_eq!(told_now(core), []);
    let fared = fares(core, &claimed(core, &id)).unwrap();
    let first = claimed(core, &id).case.found[0].reference;
    assert_eq!(fared.kept_back, [(first, Field::Taken)]);
    assert_eq!(fared.changes, [(first, "blocked; as it stands now nothing of it is released".to_owned())]);
    flag(&holder, "R-0", blocked(false)).await;
    assert_eq!(fares(core, &claimed(core, &id)).unwrap().kept_back, []);
    // Handed over, and no signature came: it may have arrived. What it says now comes with the next release.
    assert_eq!(offered(core, &id), [(1, 2)]);
    assert!(leaves(core, &id, 1).unwrap());
    again("2026-05-03").await;
    assert_eq!(told_now(core), [(Cause::Corrected, false, true)]);
    assert!(!leaves(core, &id, 1).unwrap());
    assert_eq!(offered(core, &id), [(2, 2)]);
    // With its signature it has it.
    countersign(core, &asker, &claimed(core, &id).releases[2]);
    again("2026-05-04").await;
    assert_eq!(told_now(core), [(Cause::Corrected, false, true), (Cause::Corrected, true, true)]);
}

/// Whoever collects decides how long that takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_looked_at_again_right_before_it_is_handed_over() {
    let (holder, asker, _serving) = pair(2).await;
    let (core, id) = (holder.core(), case(&holder, &asker).await);
    for by in ["dana", "edin"] {
        take(core, &id, approve(by), None).unwrap();
    }
    let partner = asker.core().partner(&"RS".parse().unwrap()).unwrap();
    let mut channel = asker.core().dial(&partner, CLAIM).await.unwrap();
    channel.say(&Word::Collect(id)).await.unwrap();
    assert!(matches!(channel.hear().await.unwrap(), Word::Standing { releases: 2, .. }));
    let Word::Release(first) = channel.hear().await.unwrap() else { panic!("a release") };
    assert!(matches!(channel.hear().await.unwrap(), Word::Piece(_)));
    flag(&holder, "R-0", blocked(true)).await;
    let own = signing::sign(&first.release, &*asker.core().signer).unwrap();
    channel.say(&Word::Countersigned(own)).await.unwrap();
    let next = channel.hear().await.unwrap();
    assert!(matches!(next, Word::Refused { .. }), "{next:?}");
    assert_eq!(offered(core, &id), [(0, 2), (2, 1)], "the other record, next time");
}

#[test]
fn fields_in_the_clear_are_written_into_a_buffer_that_does_not_grow() {
    let values = BTreeMap::from([("first".to_owned(), "\"A\" Ž".repeat(900))]);
    let records = vec![PlainRecord { reference: Reference([1; 16]), fields: [("NAME", values)].into() }];
    let plain = Plain { claim: ClaimId([2; 16]), records };
    let json = plain.to_json().unwrap();
    assert_eq!(json.len(), json.capacity());
    assert_eq!(*json, serde_json::to_vec(&plain).unwrap());
}
