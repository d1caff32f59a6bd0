//! What was mended, so that it stays so.

use symbolon_policy::words::SnapshotId;

use super::*;
use crate::node::tests::pair::{exact, hits, pair, record, terms};

// How far the building is would tell the true size of a slice, which the padding hides.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_snapshot_is_built_the_asker_hears_nothing_but_that() {
    let (holder, asker, _serving) = pair(3_000).await;
    let core = asker.core();
    let partner = core.partner(holder.core().book.own()).unwrap();
    let fetch = Fetch {
        agreement: partner.agreement.id(),
        rules: partner.agreement.rules_digest(),
        asker: core.book.own().clone(),
        holder: partner.party.code.clone(),
        register: terms().register,
        purpose: terms().purpose,
        basis: terms().basis,
        officer: terms().officer,
        case: true,
        matching: None,
    };
    // CBOR of the one text, with nothing in it.
    let nothing = b"\x69preparing";
    let mut heard = 0;
    loop {
        let mut channel = core.dial(&partner, SNAPSHOT).await.unwrap();
        channel.say(&Word::Fetch(Box::new(fetch.clone()))).await.unwrap();
        let frame = channel.either(false, true).await.unwrap().unwrap();
        if frame.body != nothing {
            let word = Word::read(&frame).unwrap();
            assert!(matches!(word, Word::Manifest { .. }), "{word:?}");
            break;
        }
        assert!(channel.either(false, true).await.is_err(), "and nothing after it");
        heard += 1;
    }
    assert!(heard > 1, "it was asked for while it was built");
}

/// The manifest of the snapshot that an asker asked last.
fn asked(core: &Core) -> Manifest {
    let snapshots = core.book.state().snapshots().unwrap();
    snapshots.into_iter().find(|snapshot| snapshot.side == Side::Asker).unwrap().manifest
}

// A holder that names the asker's own snapshot, which it has as an asker, could relay the query to the asker's own node:
// the asker would then find its own records, and claim them.
#[tokio::test(flavor = "multi_thread")]
async fn no_partner_gives_its_snapshot_the_name_of_another() {
    let (holder, asker, _serving) = pair(5).await;
    exact(&asker, 0..2, terms()).await;
    let manifest = asked(asker.core());
    assert!(known(asker.core(), &manifest).unwrap());
    let other = Manifest { expires: manifest.expires.plus(1), ..manifest.clone() };
    for (core, manifest) in [(asker.core(), &other), (holder.core(), &manifest)] {
        assert!(matches!(known(core, manifest), Err(SessionError::Misbehaved(_))));
    }
    let free = Manifest { snapshot: SnapshotId([7; 16]), ..manifest };
    assert!(!known(holder.core(), &free).unwrap());
}

// Else every query of the epoch would fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_fetched_again() {
    let (_holder, asker, _serving) = pair(5).await;
    exact(&asker, 0..2, terms()).await;
    let path = asker.core().snapshots.filter_path(&asked(asker.core()).snapshot);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.push(0);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(hits(&exact(&asker, 0..2, terms()).await), ["p0", "p1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_officers_who_ask_first_at_once_do_not_spoil_the_snapshot() {
    let (_holder, asker, _serving) = pair(2_000).await;
    let (one, other) = tokio::join!(exact(&asker, 0..2, terms()), exact(&asker, 0..2, terms()));
    for answer in [one, other, exact(&asker, 0..2, terms()).await] {
        assert_eq!(hits(&answer), ["p0", "p1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_asked_no_longer_than_each_record_in_it_may_be_kept() {
    let (holder, asker, _serving) = pair(5).await;
    let core = holder.core();
    let tomorrow = clock::day(clock::now().plus(86_400)).unwrap();
    let taken = r#""taken":"2026-05-01""#;
    let ends = record(20, false).replace(taken, &format!(r#"{taken},"expires":"{tomorrow}""#));
    let file = holder.file("ends.ndjson", &ends);
    let (register, format, create, rejects) = (terms().register, None, false, None);
    let import = crate::control::api::Request::RegisterImport { register, file, format, create, rejects };
    holder.ask(import).await.unwrap();
    exact(&asker, 20..21, terms()).await;
    let first = asked(asker.core());
    // The day may have ended meanwhile.
    assert!(first.expires <= clock::begins(tomorrow) || clock::now() >= clock::begins(tomorrow));

    // Without it the epoch is as long as is agreed.
    let erase = |record: &crate::register::StoredRecord| record.expires == tomorrow;
    let where_ = crate::register::Selection::Where(&erase);
    let reason = crate::register::ErasureReason::Order;
    core.registers.erase(&terms().register, where_, reason, &mut || Ok(())).unwrap();
    let slice = SliceOf::of(&first);
    let core = core.clone();
    let next = tokio::task::spawn_blocking(move || core.build_snapshot(&slice, |_| ()).unwrap()).await;
    let next = next.unwrap();
    assert!(next.expires >= next.made.plus(23 * 3_600), "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_filters_stay_for_an_epoch_and_keep_no_key() {
    let (holder, _asker, _serving) = pair(1).await;
    let core = holder.core();
    let id = SnapshotId([9; 16]);
    let part = core.snapshots.part_path(&id, &"MK".parse().unwrap());
    let key = part.with_file_name(format!("{id}.key"));
    for path in [&part, &key] {
        std::fs::write(path, b"some").unwrap();
    }
    assert_eq!(core.snapshots.strays(&[]), [id]);
    core.snapshots.destroy(&id);
    core.snapshots.forget_parts();
    assert!(!key.exists() && part.exists());
    let old = std::time::SystemTime::now() - Duration::from_secs(32 * 86_400);
    std::fs::File::options().write(true).open(&part).unwrap().set_modified(old).unwrap();
    core.snapshots.forget_parts();
    assert!(!part.exists());
}
