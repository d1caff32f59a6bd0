//! A cable of so many bits a second and so much delay: a proxy between a caller and a listener on the loopback
//! interface, without privileges.
//!
//! Each direction carries what it takes at its rate and hands it over after the delay. When the cable is full it takes
//! nothing more, so what the two ends see is TCP's own back-pressure. All connections share the cable. Loss and
//! reordering are not imitated.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Bytes that are carried as one piece.
const PIECE: usize = 16 << 10;
/// Pieces on the way, in each direction of a connection.
const PIECES: usize = 64;

/// Bits a second each way, and the time one way.
#[derive(Clone, Copy)]
pub(crate) struct Cable {
    pub(crate) bits: f64,
    pub(crate) delay: Duration,
}

/// When the cable is free again, for one direction.
type Free = Arc<Mutex<Instant>>;

impl Cable {
    /// Lays the cable to a port that somebody listens on, now or later. Returns the port to call. It is there until the
    /// program ends.
    pub(crate) fn lay(self, to: u16) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let free = [(); 2].map(|()| Free::new(Mutex::new(Instant::now())));
        thread::spawn(move || {
            for caller in listener.incoming() {
                let Ok(caller) = caller else { continue };
                // Nobody is there: the call is not answered.
                let Ok(listener) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { continue };
                let ends = [caller, listener];
                for end in &ends {
                    let _ = end.set_nodelay(true);
                }
                for (from, free) in free.iter().enumerate() {
                    let [from, to] = [from, 1 - from].map(|end| ends[end].try_clone().unwrap());
                    let (pieces, arriving) = sync_channel(PIECES);
                    let free = free.clone();
                    thread::spawn(move || self.carry(from, &free, &pieces));
                    thread::spawn(move || hand_over(to, &arriving));
                }
            }
        });
        port
    }

    fn carry(self, mut from: TcpStream, free: &Free, pieces: &SyncSender<(Vec<u8>, Instant)>) {
        let mut piece = vec![0; PIECE];
        while let Ok(bytes @ 1..) = from.read(&mut piece) {
            let over = {
                let mut free = free.lock().unwrap();
                *free = (*free).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 * 8.0 / self.bits);
                *free
            };
            if pieces.send((piece[..bytes].to_vec(), over + self.delay)).is_err() {
                return;
            }
            // The cable takes the next piece when this one is on it.
            thread::sleep(over.saturating_duration_since(Instant::now()));
        }
    }
}

fn hand_over(mut to: TcpStream, arriving: &Receiver<(Vec<u8>, Instant)>) {
    for (piece, at) in arriving {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
