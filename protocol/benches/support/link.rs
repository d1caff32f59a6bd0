//! One machine of an exchange over a real TCP connection.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use symbolon_protocol::exchange::{Boxed, Frame, Warden};

use crate::cable::Cable;

/// Frames that wait on either side of the connection.
const QUEUE: usize = 64;

/// Runs both machines, each in a thread of its own, over a connection on the loopback interface, by way of a cable if
/// there is one. Returns both outputs and the seconds until the last was there.
pub(crate) fn over<A: Send + 'static, H: Send + 'static>(
    cable: Option<Cable>,
    (asker, holder): (Boxed<A>, Boxed<H>),
    wardens: [Box<dyn Warden + Send>; 2],
) -> (A, H, f64) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let port = cable.map_or(port, |cable| cable.lay(port));
    let [ours, theirs] = wardens;
    let begun = Instant::now();
    let holding = thread::spawn(move || drive(holder, listener.accept().unwrap().0, theirs));
    let found = drive(asker, TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap(), ours);
    let searched = holding.join().unwrap();
    (found, searched, begun.elapsed().as_secs_f64())
}

fn drive<T: Send>(mut machine: Boxed<T>, stream: TcpStream, mut warden: Box<dyn Warden + Send>) -> T {
    stream.set_nodelay(true).unwrap();
    let (frames, incoming) = sync_channel(QUEUE);
    let (outgoing, queue) = sync_channel(QUEUE);
    let reading = stream.try_clone().unwrap();
    thread::spawn(move || read_all(reading, &frames));
    let writing = thread::spawn(move || write_all(stream, &queue));
    let mut waiting: Option<Frame> = None;
    loop {
        if let Some(frame) = waiting.take()
            && let Err(TrySendError::Full(frame)) = outgoing.try_send(frame)
        {
            waiting = Some(frame);
        }
        let wants = machine.wants();
        if wants.done {
            break;
        }
        if wants.verdict {
            machine.settle(&mut *warden).unwrap();
        } else if wants.send && waiting.is_none() {
            waiting = Some(machine.produce().unwrap());
        } else if let Some(frame) = wants.receive.then(|| incoming.try_recv().ok()).flatten() {
            machine.consume(frame).unwrap();
        } else if wants.compute {
            machine.compute(4_096).unwrap();
        } else if !wants.receive {
            thread::sleep(Duration::from_micros(100));
        } else if let Ok(frame) = incoming.recv_timeout(Duration::from_millis(1)) {
            machine.consume(frame).unwrap();
        }
    }
    if let Some(frame) = waiting {
        outgoing.send(frame).unwrap();
    }
    drop(outgoing);
    writing.join().unwrap();
    machine.finish().unwrap()
}

fn read_all(mut stream: TcpStream, frames: &SyncSender<Frame>) {
    let mut header = [0; Frame::HEADER];
    while stream.read_exact(&mut header).is_ok() {
        let (mut frame, length) = Frame::parse_header(header).unwrap();
        frame.body = vec![0; length];
        if stream.read_exact(&mut frame.body).is_err() || frames.send(frame).is_err() {
            return;
        }
    }
}

fn write_all(mut stream: TcpStream, queue: &Receiver<Frame>) {
    for frame in queue {
        stream.write_all(&[frame.header().as_slice(), &frame.body].concat()).unwrap();
    }
}
