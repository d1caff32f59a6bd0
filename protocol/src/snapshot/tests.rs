use super::*;
use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Verdict, Warden},
    filter::{Summary, longest},
    pump::{self, PumpError},
};

struct Bytes(Vec<u8>);

impl BlobSource for Bytes {
    fn read(&mut self, offset: u64, limit: usize) -> Result<Vec<u8>, Fault> {
        let start = usize::try_from(offset).unwrap().min(self.0.len());
        Ok(self.0[start..self.0.len().min(start + limit)].to_vec())
    }
}

impl BlobSink for Bytes {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

struct Rules(Verdict);

impl Warden for Rules {
    fn judge(&mut self, disclosure: &Disclosure) -> Verdict {
        assert!(matches!(disclosure, Disclosure::Snapshot { .. }));
        self.0
    }
}

fn summary(bytes: u64) -> Summary {
    let entries = 1_024.max(bytes / 4);
    assert!(bytes <= longest(entries));
    Summary { entries, bytes, digest: [0; 32] }
}

#[test]
fn any_size_resumes_anywhere_through_any_pipe() {
    for size in [0_usize, 1, 65_535, 65_536, 65_537, 300_000] {
        let blob: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        for start in [0, 1, size / 2, size].into_iter().filter(|start| *start <= size) {
            for capacity in [1, 2, 7] {
                let have = Bytes(blob[..start].to_vec());
                let mut asker = Box::new(Asker::new(summary(size as u64), start as u64, have).unwrap());
                let mut holder = Box::new(Holder::new(summary(size as u64), Bytes(blob.clone())));
                let mut last = 0;
                pump::run(&mut *asker, &mut *holder, capacity, &mut Rules(Verdict::Release), |p, _| {
                    assert!(p.done >= last && p.total == size as u64);
                    last = p.done;
                })
                .unwrap();
                assert_eq!(last, size as u64);
                assert_eq!(holder.finish().unwrap(), (size - start) as u64);
                assert!(asker.finish().unwrap().0 == blob);
            }
        }
    }
}

#[test]
fn nothing_leaves_without_a_verdict() {
    let run = |verdict| {
        let mut asker = Box::new(Asker::new(summary(10), 0, Bytes(Vec::new())).unwrap());
        let mut holder = Box::new(Holder::new(summary(10), Bytes(vec![1; 10])));
        let end = pump::run(&mut *asker, &mut *holder, 1, &mut Rules(verdict), |_, _| ());
        assert_eq!(asker.progress().done, 0);
        end.unwrap_err()
    };
    assert_eq!(run(Verdict::Refuse), PumpError::Holder(Fault::Refused));
    assert_eq!(run(Verdict::Hold), PumpError::Stuck);
}

#[test]
fn hostile_frames_end_in_a_fault_of_the_peer() {
    let holder = || Holder::new(summary(10), Bytes(vec![1; 10]));
    let offset = |offset: u64| Frame { tag: 1, last: true, body: offset.to_be_bytes().to_vec() };
    assert_eq!(holder().consume(offset(11)), Err(Misbehaviour::Length.into()));
    assert!(matches!(holder().compute(1), Err(Fault::Misuse(_))));
    let mut twice = holder();
    twice.consume(offset(3)).unwrap();
    assert_eq!(twice.consume(offset(3)), Err(Misbehaviour::Order.into()));
    let mut asker = Asker::new(summary(10), 4, Bytes(Vec::new())).unwrap();
    let long = Frame { tag: 2, last: true, body: vec![0; 7] };
    assert_eq!(asker.consume(long), Err(Misbehaviour::Count.into()));
    assert!(
        Asker::new(Summary { entries: 1, bytes: 1 << 40, digest: [0; 32] }, 0, Bytes(Vec::new())).is_err()
    );
    let mut short = Box::new(Holder::new(summary(10), Bytes(vec![1; 9])));
    let mut asker = Box::new(Asker::new(summary(10), 0, Bytes(Vec::new())).unwrap());
    let end = pump::run(&mut *asker, &mut *short, 1, &mut Rules(Verdict::Release), |_, _| ());
    assert!(matches!(end, Err(PumpError::Holder(Fault::Local(_)))));
}
