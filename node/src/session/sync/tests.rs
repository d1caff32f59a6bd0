//! What is countersigned of a partner's journal.

use symbolon_policy::signing::Signer as _;

use std::time::Instant;

use symbolon_policy::words::Digest;

use super::*;
use crate::{
    alerts::Kind,
    control::api::{Reply, Request},
    journal::CheckpointOffer,
    node::tests::pair::pair,
};

/// A partner that says nothing but that it is alive has nothing to say at a meeting.
#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_is_not_drawn_out_by_signs_of_life() {
    let (holder, asker, _serving) = pair(1).await;
    let (core, other) = (holder.core(), asker.core());
    let partner = other.partner(core.book.own()).unwrap();
    let begun = Instant::now();
    let mut channel = other.dial(&partner, JOURNAL).await.unwrap();
    let over = async {
        channel.say(&Word::Seen(0)).await?;
        loop {
            channel.say(&Word::Progress { done: 0, total: 0 }).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
            while channel.try_frame()?.is_some() {}
        }
    };
    let over: Result<(), SessionError> = tokio::time::timeout(Duration::from_secs(30), over).await.unwrap();
    assert!(matches!(&over, Err(SessionError::Connection(_))), "{over:?}");
    assert!(begun.elapsed() < Duration::from_secs(30));
    // However the partner goes about it, a meeting has an end of its own.
    let channel = other.dial(&partner, JOURNAL).await.unwrap();
    assert!(channel.patience().whole <= Duration::from_secs(120), "{:?}", channel.patience());
    meet(other, &partner).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_history_is_countersigned_and_nothing_beside_it() {
    let (holder, asker, _serving) = pair(1).await;
    let (core, other) = (holder.core(), asker.core());
    let (partner, key) = (other.book.own(), other.signer.public());
    let seen = || core.book.journal().last_seen(partner).unwrap();
    let size = |note: &Option<String>| note.as_deref().map_or(0, |note| Checkpoint::read(note).unwrap().size);
    let last = seen();
    let offer = other.book.journal().offer(size(&last), &*other.signer).unwrap();
    let entries = core.book.entries().unwrap();

    // A line that looks like a signature of this node, which it would then add its own to.
    let own = countersign(&offer.note, core.book.own(), core.book.signer()).unwrap();
    let line = own.lines().last().unwrap();
    let (name, signature) = line.rsplit_once(' ').unwrap();
    let spoilt: String = signature.chars().map(|c| if c == 'A' { 'B' } else { c }).collect();
    let mut forged = offer.clone();
    forged.note = format!("{}{name} {spoilt}\n", offer.note);
    let judged = judge(core, partner, &key, last.as_deref(), &forged);
    assert!(
        matches!(&judged, Err(SessionError::Misbehaved(what)) if what.contains("signature")),
        "{judged:?}"
    );
    assert_eq!(core.book.entries().unwrap(), entries);

    // Two meetings that began at the same time: the later one is judged by what the earlier one saw.
    judge(core, partner, &key, last.as_deref(), &offer).unwrap();
    let stale = judge(core, partner, &key, last.as_deref(), &offer);
    assert!(matches!(&stale, Err(SessionError::Connection(_))), "{stale:?}");
    assert_eq!(core.book.entries().unwrap(), entries + 1);
    let last = seen();
    let offer = other.book.journal().offer(size(&last), &*other.signer).unwrap();
    judge(core, partner, &key, last.as_deref(), &offer).unwrap();
}

/// A partner whose journal contradicts what it showed: it is told of once for each way in which it does, however often
/// the two meet, and wherever people look.
#[tokio::test(flavor = "multi_thread")]
async fn another_history_is_told_once_and_to_everybody() {
    let (holder, asker, _serving) = pair(1).await;
    let (core, other) = (holder.core(), asker.core());
    let (partner, key) = (other.book.own(), other.signer.public());
    meet(other, &other.partner(core.book.own()).unwrap()).await.unwrap();
    let last = core.book.journal().last_seen(partner).unwrap();
    let seen = Checkpoint::read(last.as_deref().unwrap()).unwrap();
    let entries = core.book.entries().unwrap();
    let shown = |size: u64, root: u8| {
        let note = Checkpoint::sign(partner, size, Digest([root; 32]), &*other.signer);
        let offer = CheckpointOffer { note, from_size: seen.size, proof: Vec::new() };
        let judged = judge(core, partner, &key, last.as_deref(), &offer);
        assert!(matches!(&judged, Err(SessionError::Misbehaved(_))), "{judged:?}");
        core.book.entries().unwrap() - entries
    };
    for (size, root, told) in [
        (seen.size + 1, 1, 1),
        (seen.size + 2, 2, 1),
        (seen.size, 3, 2),
        (seen.size, 4, 2),
        (seen.size - 1, 5, 3),
    ] {
        assert_eq!(shown(size, root), told);
    }
    let Ok(Reply::Status(status)) = holder.ask(Request::Status).await else { panic!("status") };
    let [line] = status.forks.as_slice() else { panic!("{:?}", status.forks) };
    assert_eq!((&line.partner, line.seen), (partner, 3));
    assert!(line.text.contains("does not continue"), "{}", line.text);
    let Ok(Reply::Peers { peers }) = holder.ask(Request::PeerList).await else { panic!("peers") };
    assert_eq!(peers[0].forked, Some(line.at));
    // One alert for the three, which counts them.
    for _ in 0..2 {
        let Ok(Reply::AuditAlerts(found)) = holder.ask(Request::AuditAlerts { from: None, all: false }).await
        else {
            panic!("alerts")
        };
        let [line] = found.alerts.as_slice() else { panic!("{found:?}") };
        assert_eq!((line.alert.kind, line.alert.observed), (Kind::OtherHistory, 3));
        let text = &line.alert.text;
        assert!(text.contains("differs from") && text.contains("audit evidence MK"), "{text}");
    }
}
