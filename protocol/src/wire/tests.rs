use proptest::prelude::*;

use super::*;

const WORDS: Message<8> = Message { tag: 7, name: "words" };

fn send(items: &[[u8; 8]]) -> Vec<Frame> {
    let mut outbox = Outbox::new(WORDS, items.len() as u64);
    let (mut frames, mut rest) = (Vec::new(), items);
    loop {
        let (now, later) = rest.split_at(rest.len().min(outbox.room()));
        outbox.push(now).unwrap();
        rest = later;
        frames.push(outbox.frame().unwrap());
        if outbox.complete() {
            return frames;
        }
    }
}

#[test]
fn every_length_arrives_whole() {
    for n in [0, 1, 8_191, 8_192, 8_193, 20_000_u64] {
        let items: Vec<[u8; 8]> = (0..n).map(u64::to_be_bytes).collect();
        let mut inbox = Inbox::new(WORDS, n);
        let mut got = Vec::new();
        for frame in send(&items) {
            assert!(frame.body.len() <= FRAME_LIMIT);
            got.extend_from_slice(inbox.open(&frame).unwrap());
        }
        assert!(inbox.complete());
        assert_eq!(got, items);
    }
}

#[test]
fn an_outbox_takes_no_more_than_announced() {
    let mut outbox = Outbox::new(WORDS, 1);
    assert!(matches!(outbox.frame(), Err(Fault::Misuse(_))));
    assert!(matches!(outbox.push(&[[0; 8]; 2]), Err(Fault::Misuse(_))));
    outbox.push(&[[0; 8]]).unwrap();
    outbox.frame().unwrap();
    assert!(matches!(outbox.frame(), Err(Fault::Misuse(_))));
}

#[test]
fn each_fault_has_its_name() {
    let frame = |tag, last, length| Frame { tag, last, body: vec![0; length] };
    let fault = |expected, frame: &Frame| Inbox::new(WORDS, expected).open(frame).unwrap_err();
    assert_eq!(fault(1, &frame(8, true, 8)), Misbehaviour::Tag { expected: "words", found: 8 }.into());
    assert_eq!(fault(1, &frame(7, true, 9)), Misbehaviour::Length.into());
    assert_eq!(fault(1, &frame(7, true, 16)), Misbehaviour::Count.into());
    assert_eq!(fault(2, &frame(7, true, 8)), Misbehaviour::Count.into());
    assert_eq!(fault(1, &frame(7, false, 8)), Misbehaviour::Last.into());
    assert_eq!(fault(9_000, &frame(7, false, 8)), Misbehaviour::Length.into());
    assert_eq!(fault(9_000, &frame(7, false, 0)), Misbehaviour::Length.into());
    assert_eq!(fault(99_999, &frame(7, false, FRAME_LIMIT + 8)), Misbehaviour::Length.into());
    let mut inbox = Inbox::new(WORDS, 1);
    inbox.open(&frame(7, true, 8)).unwrap();
    assert_eq!(inbox.open(&frame(7, true, 8)).unwrap_err(), Misbehaviour::Order.into());
}

#[test]
fn headers_are_checked() {
    let frame = Frame { tag: 3, last: true, body: vec![1; 300] };
    let (read, length) = Frame::parse_header(frame.header()).unwrap();
    assert_eq!((read.tag, read.last, length), (3, true, 300));
    assert_eq!(Frame::parse_header([0, 1, 0, 1, 0, 0]).unwrap_err(), Misbehaviour::Length.into());
    assert_eq!(Frame::parse_header([0, 0, 0, 1, 0, 2]).unwrap_err(), Misbehaviour::Last.into());
}

proptest! {
    #[test]
    fn foreign_frames_never_panic(tag: u8, last: bool, body in proptest::collection::vec(any::<u8>(), 0..100), expected: u64) {
        let frame = Frame { tag, last, body };
        if let Ok(items) = Inbox::new(WORDS, expected).open(&frame) {
            prop_assert!(items.len() as u64 <= expected);
        }
    }
}
