//! The joint between protocols and whatever drives them.
//!
//! An [`Exchange`] is one role of one run of one protocol. It says what it can do next
//! ([`Exchange::wants`]); the driver does one of these things; nothing happens in between. A driver
//! that does not call is back-pressure, so the memory of an exchange stays that of a few frames
//! however large the set is.

/// The longest body of a frame, in bytes.
pub const FRAME_LIMIT: usize = 64 * 1024;

/// One bounded piece of one message.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Which message the piece belongs to.
    pub tag: u8,
    /// Whether it is the message's last piece.
    pub last: bool,
    /// At most [`FRAME_LIMIT`] bytes.
    pub body: Vec<u8>,
}

/// Bodies are ciphertext or blinded elements; a log needs only their shape.
impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame {{ tag: {}, last: {}, body: {} bytes }}", self.tag, self.last, self.body.len())
    }
}

impl Frame {
    /// Bytes before the body: length (u32, big endian), tag, last.
    pub const HEADER: usize = 6;

    /// The header that goes before the body on a byte stream.
    pub fn header(&self) -> [u8; Self::HEADER] {
        // A body is never longer than FRAME_LIMIT; a longer one would be refused by the reader.
        let length = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        let [a, b, c, d] = length.to_be_bytes();
        [a, b, c, d, self.tag, u8::from(self.last)]
    }

    /// Reads a header: the frame without its body, and the body's length in bytes.
    ///
    /// # Errors
    /// [`Misbehaviour::Length`] for a body over [`FRAME_LIMIT`], [`Misbehaviour::Last`] for a last
    /// flag that is neither 0 nor 1.
    pub fn parse_header(header: [u8; Self::HEADER]) -> Result<(Self, usize), Fault> {
        let [a, b, c, d, tag, last] = header;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > FRAME_LIMIT {
            return Err(Misbehaviour::Length.into());
        }
        let last = match last {
            0 => false,
            1 => true,
            _ => return Err(Misbehaviour::Last.into()),
        };
        Ok((Self { tag, last, body: Vec::new() }, length))
    }
}

/// What the driver may do next. More than one may be true at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// A frame is ready to be taken with [`Exchange::produce`].
    pub send: bool,
    /// A frame can be given to [`Exchange::consume`].
    pub receive: bool,
    /// There is work for [`Exchange::compute`].
    pub compute: bool,
    /// Nothing more is disclosed before [`Exchange::settle`] has asked the rules.
    pub verdict: bool,
    /// The exchange is over; take its output with [`Exchange::finish`].
    pub done: bool,
}

/// How far an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, in one word.
    pub phase: &'static str,
    /// Items done.
    pub done: u64,
    /// Items in all.
    pub total: u64,
}

/// What the peer would learn if the exchange went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disclosure {
    /// Up to `bytes` of a padded snapshot that shows `entries` entries.
    Snapshot {
        /// Entries, padding included.
        entries: u64,
        /// Bytes that will be sent.
        bytes: u64,
    },
    /// One yes or no for each of `items` identifiers.
    Evaluations {
        /// Identifiers asked about.
        items: u64,
    },
    /// What a match tells of a slice of `groups` records, padding included.
    Match {
        /// Records searched.
        groups: u64,
        /// The most hits that are shown, or nothing if it is one bit for the whole slice.
        cap: Option<u32>,
        /// Alternatives in the query.
        alternatives: u16,
    },
    /// What a preparation for a match tells: the padded number of records, and how many templates a record has.
    Preparation {
        /// Records of the slice.
        groups: u64,
        /// Alternatives of the query that will use it.
        alternatives: u16,
    },
    /// What a query asked about, in `bytes` bytes.
    Opening {
        /// Bytes that will be sent.
        bytes: u64,
    },
    /// How many of `items` identifiers are in the slice, with noise.
    Count {
        /// Identifiers asked about, dummies not included.
        items: u64,
    },
}

/// What a peer did that the protocol does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// A frame of another message than the one that is due.
    #[error("a frame with tag {found} came where {expected} was due")]
    Tag {
        /// The message that is due.
        expected: &'static str,
        /// The tag found.
        found: u8,
    },
    /// A frame longer than the limit, or not a whole number of items.
    #[error("a frame has a length that its message cannot have")]
    Length,
    /// More or fewer items than announced.
    #[error("a message has another number of items than was announced")]
    Count,
    /// The last-piece flag is not 0 or 1, or stands on the wrong piece.
    #[error("the last-piece flag is wrong")]
    Last,
    /// A frame came when none was due.
    #[error("a frame came when none was due")]
    Order,
    /// Not the canonical encoding of a group element, or the identity.
    #[error("an element is not canonical or is the identity")]
    Point,
    /// Not the canonical encoding of a scalar.
    #[error("a scalar is not canonical")]
    Scalar,
    /// A proof does not verify.
    #[error("the proof does not hold: another key than the published one was used")]
    Proof,
    /// Elements that must differ and ascend do not.
    #[error("elements repeat or are out of order")]
    Repeat,
    /// Bytes differ from those committed to earlier.
    #[error("the bytes are not those committed to")]
    Commitment,
    /// An encrypted query that is malformed or proves nothing.
    #[error("the encrypted query is malformed: {0}")]
    Query(&'static str),
    /// Evaluation keys or a reference string that are not what they should be.
    #[error("the key material is not what it should be: {0}")]
    Keys(&'static str),
    /// Correlated transfers that contradict each other.
    #[error("the transfers do not fit together: {0}")]
    Correlation(&'static str),
    /// A check that only who deviates can fail, but for a negligible chance.
    #[error("a check of the protocol failed: {0}")]
    Check(&'static str),
    /// What was opened in a claim is not what was asked.
    #[error("what was opened is not what was asked: {0}")]
    Opening(&'static str),
    /// A filter that is not in canonical form.
    #[error("the filter is malformed: {0}")]
    Filter(&'static str),
}

/// Why an exchange ended early, and through whom.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    PeerMisbehaved(#[from] Misbehaviour),
    /// The machine was called out of turn or built from values that do not fit: our own mistake.
    #[error("the exchange was misused: {0}")]
    Misuse(&'static str),
    /// The rules did not allow the disclosure that was due.
    #[error("the rules refused the disclosure")]
    Refused,
    /// This node could not go on, for instance because its disk is full.
    #[error("this node could not go on: {0}")]
    Local(String),
}

impl Fault {
    /// What was wrong, without whose mistake it was: for telling why something cannot be asked.
    pub fn reason(&self) -> String {
        match self {
            Self::Misuse(reason) => (*reason).to_owned(),
            Self::Local(reason) => reason.clone(),
            Self::PeerMisbehaved(_) | Self::Refused => self.to_string(),
        }
    }
}

/// An answer of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Release,
    /// Ask again later: a human decides.
    Hold,
    /// Stop.
    Refuse,
}

/// Who is asked before anything is disclosed.
pub trait Warden: Send {
    /// Decides one disclosure.
    fn judge(&mut self, disclosure: &Disclosure) -> Verdict;
}

/// One role of one run of one protocol.
///
/// Calling a method that [`wants`](Exchange::wants) did not offer is [`Fault::Misuse`]; it never
/// panics and never skips a step.
pub trait Exchange: Send {
    /// What the role has in its hands at the end.
    type Output: Send;

    /// What can be done next. At least one field is true until the exchange ends.
    fn wants(&self) -> Wants;

    /// Takes the next frame to send.
    ///
    /// # Errors
    /// [`Fault::Misuse`] if none is ready.
    fn produce(&mut self) -> Result<Frame, Fault>;

    /// Gives a frame that the peer sent.
    ///
    /// # Errors
    /// [`Fault::PeerMisbehaved`] if the frame is not the one that is due, whole and canonical.
    fn consume(&mut self, frame: Frame) -> Result<(), Fault>;

    /// Does one slice of work over at most about `budget` items.
    ///
    /// # Errors
    /// Whatever the work finds wrong.
    fn compute(&mut self, budget: usize) -> Result<(), Fault>;

    /// Asks the warden for the disclosure that is due.
    ///
    /// # Errors
    /// [`Fault::Refused`] if the warden refuses.
    fn settle(&mut self, warden: &mut dyn Warden) -> Result<(), Fault>;

    /// Whether the peer has learnt that a check of this run passed that it could have failed on purpose. A run that breaks
    /// off then and is made again by itself would let it try another guess.
    fn tested(&self) -> bool {
        false
    }

    /// A digest of what the peer is bound to, as soon as it is known and before anything is said that follows from it; `None`
    /// where a run that breaks off can be begun anew in any way. Whoever runs the exchange again for the same end must
    /// find the same digest: else the peer could begin anew until what it was told suits it.
    fn bound(&self) -> Option<[u8; 32]> {
        None
    }

    /// How far the exchange is.
    fn progress(&self) -> Progress;

    /// The output.
    ///
    /// # Errors
    /// [`Fault::Misuse`] before the exchange is done.
    fn finish(self: Box<Self>) -> Result<Self::Output, Fault>;
}

/// An exchange of which only the output's type is known.
pub type Boxed<T> = Box<dyn Exchange<Output = T>>;

/// Maps a verdict on a disclosure to whether it is released yet.
///
/// # Errors
/// [`Fault::Refused`] if the warden refuses.
pub(crate) fn released(warden: &mut dyn Warden, disclosure: &Disclosure) -> Result<bool, Fault> {
    match warden.judge(disclosure) {
        Verdict::Release => Ok(true),
        Verdict::Hold => Ok(false),
        Verdict::Refuse => Err(Fault::Refused),
    }
}
