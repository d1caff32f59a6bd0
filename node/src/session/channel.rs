//! Frames on a stream, both ways at once.
//!
//! A reader and a writer task move one frame each; the queues hold one more. So a peer that does not
//! read stops us, a peer that we do not read is stopped, and neither costs memory.

mod tap;
mod timer;

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use symbolon_protocol::exchange::Frame;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

pub(crate) use tap::Tap;
pub(crate) use timer::Patience;

use super::{SessionError, words::Word};
use crate::{control::api::Failure, network::Stream};
use tap::Labels;
use timer::Timer;

/// Bytes that were handed to a channel and that came out of it, headers included. What is queued counts as sent, so
/// the number does not depend on how far the writer is.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    /// Whether the partner knows that a check passed that it could have failed on purpose.
    tested: AtomicBool,
}

impl Meter {
    /// Bytes sent and received so far.
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }

    /// An error by which the session ended, as it looks after what the partner has learnt.
    pub(super) fn ended(&self, error: SessionError) -> SessionError {
        let late = matches!(error, SessionError::TooLong(_) | SessionError::Stopped) || error.may_pass();
        if late && self.tested.load(Ordering::Relaxed) {
            return SessionError::Tested(error.to_string());
        }
        error
    }
}

/// A place in the queue of frames to be sent.
pub(super) struct Slot<'c> {
    permit: mpsc::Permit<'c, Frame>,
    meter: &'c Meter,
}

impl Slot<'_> {
    /// Puts a frame in it.
    pub(super) fn send(self, frame: Frame) {
        let bytes = Frame::HEADER.saturating_add(frame.body.len());
        self.meter.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        self.permit.send(frame);
    }
}

/// One end of a session.
#[derive(Debug)]
pub(crate) struct Channel {
    incoming: mpsc::Receiver<Result<Frame, SessionError>>,
    /// What came and was looked at before it was wanted.
    early: Option<Result<Frame, SessionError>>,
    outgoing: mpsc::Sender<Frame>,
    reader: JoinHandle<()>,
    writer: JoinHandle<std::io::Result<()>>,
    timer: Timer,
    meter: Arc<Meter>,
    /// How old what is heard may be, in seconds, beside the difference of the clocks.
    under_way: u64,
    /// Whether an exchange has begun here and is not over.
    exchanging: bool,
}

/// How often a side at work tells the other that it is alive; four times in the silence that it bears itself, if that
/// is less.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How old the words of a file may be when they are read: 14 days, in seconds.
const UNDER_WAY: u64 = 14 * 86_400;

/// What was said on a channel over files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered(Arc<Mutex<Vec<u8>>>);

impl Gathered {
    /// The bytes, as they would be on a stream.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Channel {
    /// What was said last still leaves, and the stream ends in order; but in the middle of an exchange the stream is cut.
    /// A partner that waits for room to send reads nothing itself, and would learn of an end in order only by its
    /// own patience.
    fn drop(&mut self) {
        self.reader.abort();
        if self.exchanging {
            self.writer.abort();
        }
    }
}

impl Channel {
    /// Starts a channel on a stream.
    pub(crate) fn new(
        stream: Stream,
        patience: Patience,
        partner: &str,
        protocol: &str,
        tap: Option<Tap>,
    ) -> Self {
        let (reading, writing) = tokio::io::split(stream);
        let (frames, incoming) = mpsc::channel(1);
        let (outgoing, queue) = mpsc::channel(1);
        let meter = Arc::new(Meter::default());
        let labels = Labels { partner: partner.to_owned(), protocol: protocol.to_owned() };
        let tap = tap.map(|tap| (tap, labels));
        let reader = tokio::spawn(read_all(reading, frames, tap.clone(), meter.clone()));
        let writer = tokio::spawn(write_all(writing, queue, tap));
        let timer = Timer::start(patience);
        Self {
            incoming,
            early: None,
            outgoing,
            reader,
            writer,
            timer,
            meter,
            under_way: 0,
            exchanging: false,
        }
    }

    /// Starts a channel over files: it hears the frames of one, and gathers those of another.
    pub(crate) fn carried(came: Vec<Frame>, patience: Patience) -> (Self, Gathered) {
        let (frames, incoming) = mpsc::channel(1);
        let (outgoing, queue) = mpsc::channel(1);
        let (meter, gathered) = (Arc::new(Meter::default()), Gathered::default());
        let reader = tokio::spawn(hand_out(came, frames, meter.clone()));
        let writer = tokio::spawn(gather(queue, gathered.clone()));
        let timer = Timer::start(patience);
        let channel = Self {
            incoming,
            early: None,
            outgoing,
            reader,
            writer,
            timer,
            meter,
            under_way: UNDER_WAY,
            exchanging: false,
        };
        (channel, gathered)
    }

    /// How old what is heard may be, in seconds, beside the difference of the clocks.
    pub(super) fn under_way(&self) -> u64 {
        self.under_way
    }

    /// How long the partner is waited for.
    #[cfg(test)]
    pub(super) fn patience(&self) -> Patience {
        self.timer.patience
    }

    /// Says that an exchange begins, or that it is over.
    pub(super) fn exchange(&mut self, under_way: bool) {
        self.exchanging = under_way;
    }

    /// Says whether the partner knows by now that a check passed that it could have failed on purpose.
    pub(super) fn tested(&self, tested: bool) {
        self.meter.tested.store(tested, Ordering::Relaxed);
    }

    /// Whether the session may go on: a partner that shows signs of life must not hold its place for ever.
    pub(super) fn in_time(&self) -> Result<(), SessionError> {
        self.timer.in_time()
    }

    /// Bytes that crossed so far.
    pub(crate) fn meter(&self) -> Arc<Meter> {
        self.meter.clone()
    }

    /// Sends a word.
    pub(super) async fn say(&mut self, word: &Word) -> Result<(), SessionError> {
        let frame = word.frame()?;
        self.slot().await?.send(frame);
        Ok(())
    }

    /// Waits until a frame can be sent.
    async fn slot(&self) -> Result<Slot<'_>, SessionError> {
        let permit = self.timer.wait(async { self.outgoing.reserve().await.map_err(|_| closed()) }).await?;
        Ok(Slot { permit, meter: &self.meter })
    }

    /// A slot for a frame, if there is one now.
    pub(super) fn try_slot(&self) -> Option<Slot<'_>> {
        let permit = self.outgoing.try_reserve().ok()?;
        Some(Slot { permit, meter: &self.meter })
    }

    /// The next frame, if it has come.
    pub(super) fn try_frame(&mut self) -> Result<Option<Frame>, SessionError> {
        if let Some(early) = self.early.take() {
            return early.map(Some);
        }
        match self.incoming.try_recv() {
            Ok(frame) => frame.map(Some),
            Err(mpsc::error::TryRecvError::Empty) => Ok(None),
            Err(mpsc::error::TryRecvError::Disconnected) => Err(closed()),
        }
    }

    /// Whether the partner is still there, for a side that works and waits for nothing. A frame that came too early
    /// is kept, and none after it is taken.
    ///
    /// # Errors
    /// [`SessionError::Connection`] if the stream broke.
    pub(super) fn alive(&mut self) -> Result<(), SessionError> {
        if self.early.is_none() {
            self.early = self.incoming.try_recv().ok();
        }
        match self.early.take() {
            // That a file is over says nothing of whoever wrote it.
            Some(Err(error)) if !matches!(error, SessionError::Ended) => Err(error),
            early => {
                self.early = early;
                Ok(())
            }
        }
    }

    /// Waits for work of this node, and tells the partner now and then, since it was last told something, that `done`
    /// of `total` items are done. One piece of work may last longer than the partner bears silence.
    ///
    /// # Errors
    /// A local [`SessionError`].
    pub(super) async fn at_work<T>(
        &self,
        work: impl Future<Output = T>,
        said: &mut Instant,
        (done, total): (u64, u64),
    ) -> Result<T, SessionError> {
        let pause = HEARTBEAT.min(self.timer.patience.silence / 4);
        let mut work = pin!(work);
        loop {
            if let Ok(output) = timeout(pause.saturating_sub(said.elapsed()), work.as_mut()).await {
                return Ok(output);
            }
            // Where there is no room, frames are under way, or the partner does not read.
            if let Some(slot) = self.try_slot() {
                slot.send(Word::Progress { done, total }.frame()?);
            }
            *said = Instant::now();
        }
    }

    /// Waits for work of this node outside of an exchange, as [`at_work`](Self::at_work).
    ///
    /// # Errors
    /// That of the work.
    pub(super) async fn during<T, E: Into<SessionError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, SessionError> {
        self.at_work(work, &mut Instant::now(), (0, 0)).await?.map_err(Into::into)
    }

    /// Waits for whichever is wanted and comes first: a slot to send, or a frame.
    pub(super) async fn either(&mut self, send: bool, receive: bool) -> Result<Option<Frame>, SessionError> {
        if receive && let Some(early) = self.early.take() {
            return early.map(Some);
        }
        let event = async {
            tokio::select! {
                slot = self.outgoing.reserve(), if send => slot.map(|_| None).map_err(|_| closed()),
                frame = self.incoming.recv(), if receive => frame.unwrap_or_else(|| Err(closed())).map(Some),
                else => Err(SessionError::Local(Failure::local("the exchange cannot go on"))),
            }
        };
        self.timer.wait(event).await
    }

    /// Waits for a word; signs of life before it are passed over.
    pub(super) async fn hear(&mut self) -> Result<Word, SessionError> {
        loop {
            match self.hear_next().await? {
                Word::Progress { .. } => {}
                word => return Ok(word),
            }
        }
    }

    /// Waits for a word, whatever it is.
    pub(super) async fn hear_next(&mut self) -> Result<Word, SessionError> {
        loop {
            if let Some(frame) = self.either(false, true).await? {
                return Word::read(&frame);
            }
        }
    }

    /// Sends what is queued and closes the stream's own half.
    pub(crate) async fn close(mut self) -> Result<(), SessionError> {
        let (gone, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.outgoing, gone));
        let silence = self.timer.patience.silence;
        match timeout(silence, &mut self.writer).await {
            Err(_) => {
                self.writer.abort();
                Err(SessionError::Silent(silence.as_secs()))
            }
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(SessionError::Connection(error.to_string())),
            Ok(Err(_)) => Err(closed()),
        }
    }
}

fn closed() -> SessionError {
    SessionError::Connection("the stream was closed by the partner".into())
}

/// A word where another was due.
pub(super) fn unexpected(due: &str, found: &Word) -> SessionError {
    SessionError::Misbehaved(format!("the word `{}` came where {due} was due", found.name()))
}

type Taps = Option<(Tap, Labels)>;

async fn read_all(
    mut stream: ReadHalf<Stream>,
    frames: mpsc::Sender<Result<Frame, SessionError>>,
    tap: Taps,
    meter: Arc<Meter>,
) {
    loop {
        let frame = read_frame(&mut stream).await;
        if let Ok(frame) = &frame {
            let bytes = Frame::HEADER.saturating_add(frame.body.len());
            meter.received.fetch_add(bytes as u64, Ordering::Relaxed);
            if let Some((tap, labels)) = &tap {
                tap.note(labels, false, frame);
            }
        }
        let over = frame.is_err();
        if frames.send(frame).await.is_err() || over {
            return;
        }
    }
}

async fn hand_out(came: Vec<Frame>, frames: mpsc::Sender<Result<Frame, SessionError>>, meter: Arc<Meter>) {
    for frame in came {
        let bytes = Frame::HEADER.saturating_add(frame.body.len());
        meter.received.fetch_add(bytes as u64, Ordering::Relaxed);
        if frames.send(Ok(frame)).await.is_err() {
            return;
        }
    }
    // Whoever stopped listening needs no end.
    let _ = frames.send(Err(SessionError::Ended)).await;
}

async fn gather(mut queue: mpsc::Receiver<Frame>, gathered: Gathered) -> std::io::Result<()> {
    while let Some(frame) = queue.recv().await {
        // It tells of time, so it would make a repeated file another one.
        if Word::is(&frame) && matches!(Word::read(&frame), Ok(Word::Progress { .. })) {
            continue;
        }
        let mut bytes = gathered.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend_from_slice(&frame.header());
        bytes.extend_from_slice(&frame.body);
    }
    Ok(())
}

async fn read_frame(stream: &mut ReadHalf<Stream>) -> Result<Frame, SessionError> {
    let broken = |error: std::io::Error| SessionError::Connection(error.to_string());
    let mut header = [0; Frame::HEADER];
    stream.read_exact(&mut header).await.map_err(broken)?;
    let (mut frame, length) = Frame::parse_header(header)?;
    frame.body = vec![0; length];
    stream.read_exact(&mut frame.body).await.map_err(broken)?;
    Ok(frame)
}

async fn write_all(
    mut stream: WriteHalf<Stream>,
    mut queue: mpsc::Receiver<Frame>,
    tap: Taps,
) -> std::io::Result<()> {
    while let Some(frame) = queue.recv().await {
        if let Some((tap, labels)) = &tap {
            tap.note(labels, true, &frame);
        }
        stream.write_all(&frame.header()).await?;
        stream.write_all(&frame.body).await?;
        stream.flush().await?;
    }
    stream.shutdown().await
}
