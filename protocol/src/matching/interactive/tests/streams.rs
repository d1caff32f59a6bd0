//! What crosses, changed or broken at every message.

use super::{
    attacks::{end, scene, tampered},
    *,
};
use crate::{exchange::Frame, matching::interactive::messages};

/// Every message of either side, changed in one bit somewhere in each of its frames, ends the query or changes nothing
/// that the asker learns beyond its answer.
#[test]
fn every_changed_message_of_the_asker_ends_the_query() {
    let form = plain();
    let (probe, slice) = scene(&form);
    let tags = [
        messages::COMMITMENT.tag,
        messages::ELEMENTS.tag,
        messages::SEALS.tag,
        messages::CHOICES.tag,
        messages::SUMS.tag,
        messages::CLOSED.tag,
        messages::NONCE.tag,
        messages::TURNS.tag,
        messages::SUM_TURNS.tag,
    ];
    for (way, tag) in WAYS.into_iter().flat_map(|way| tags.map(|tag| (way, tag))) {
        for place in [0_usize, 7, 1_000] {
            let (asker, mut holder) = machines(way, &form, &probe, slice.clone(), Answer::Any, 36);
            let changed = Arc::new(std::sync::atomic::AtomicBool::new(false));
            let done = changed.clone();
            let mut asker = tampered(asker, move |frame| {
                if frame.tag == tag && !done.swap(true, std::sync::atomic::Ordering::SeqCst) {
                    let place = place % frame.body.len();
                    frame.body[place] ^= 1;
                }
            });
            let end = end(&mut *asker, &mut *holder);
            // A correction that the holder multiplies by 0 changes nothing; half of the masked sums are not read.
            let silent =
                tag == messages::CHOICES.tag || tag == messages::SEALS.tag || tag == messages::SUMS.tag;
            if !changed.load(std::sync::atomic::Ordering::SeqCst) {
                // The message is not one of this way.
                end.unwrap();
                continue;
            }
            match end {
                Err(
                    PumpError::Holder(Fault::PeerMisbehaved(_)) | PumpError::Asker(Fault::PeerMisbehaved(_)),
                ) => (),
                Ok(_) if silent => (),
                other => panic!("{tag} {place}: {other:?}"),
            }
        }
    }
}

/// A stream that ends, or whose frame is cut, lengthened, repeated or out of turn, at every message: of a run in full, of
/// a preparation, and of a run with one.
#[test]
fn broken_streams_end_with_the_peer_at_fault() {
    let form = masked();
    let (probe, slice) = scene(&form);
    for way in WAYS {
        broken(|| machines(way, &form, &probe, slice.clone(), Answer::Candidates { cap: 3 }, 40));
    }
    broken(|| {
        let (asker, holder, ..) = ahead::Halves::begin(&form, slice.clone(), 1, 40);
        (asker, holder)
    });
}

fn broken<A: Send + 'static, H: Send + 'static>(machines: impl Fn() -> (Boxed<A>, Boxed<H>)) {
    // The frames of an honest run, by direction.
    let count = |holders: bool| {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let note = seen.clone();
        let (asker, holder) = machines();
        let noting = move |frame: &mut Frame| note.lock().unwrap().push(frame.tag);
        let ended = if holders {
            let mut asker = asker;
            end(&mut *asker, &mut *tampered(holder, noting))
        } else {
            let mut holder = holder;
            end(&mut *tampered(asker, noting), &mut *holder)
        };
        ended.unwrap();
        seen.lock().unwrap().clone()
    };
    for holders in [true, false] {
        let tags = count(holders);
        let firsts = (0..tags.len()).filter(|at| *at == 0 || tags[*at] != tags[at - 1]);
        for at in firsts.collect::<Vec<_>>() {
            for kind in 0..4 {
                let (asker, holder) = machines();
                let mut seen = 0;
                let spoil = move |frame: &mut Frame| {
                    if seen == at {
                        match kind {
                            0 => drop(frame.body.pop()),
                            1 => frame.body.push(0),
                            2 => frame.tag = 99,
                            _ => frame.last = !frame.last,
                        }
                    }
                    seen += 1;
                };
                let end = if holders {
                    let mut asker = asker;
                    end(&mut *asker, &mut *tampered(holder, spoil))
                } else {
                    let mut holder = holder;
                    end(&mut *tampered(asker, spoil), &mut *holder)
                };
                let named = match &end {
                    Err(PumpError::Asker(Fault::PeerMisbehaved(_))) => holders,
                    Err(PumpError::Holder(Fault::PeerMisbehaved(_))) => !holders,
                    _ => false,
                };
                assert!(named, "{holders} {at} {kind}: {end:?}");
            }
        }
    }
}
