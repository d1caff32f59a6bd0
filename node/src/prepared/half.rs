//! A half that is whole: read once, and spent before it is read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};
use symbolon_policy::{canonical, words::Timestamp};
use symbolon_protocol::{
    exchange::{FRAME_LIMIT, Fault, Frame},
    matching::ahead::{Kept, Plan, Preparation},
    padding::Buckets,
    seed::Seed,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Kind, Lying, Name, Weight, sync};
use crate::{
    control::api::Failure,
    files,
    sealing::{OVERHEAD, StorageKey},
};

/// The longest head that is read; one is below two kilobytes.
const LONGEST_HEAD: u64 = 64 << 10;

/// The file system's own word for which file this is. A copy that is put back has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Born {
    inode: u64,
    /// Nanoseconds since 1970; 0 where the file system does not tell. No program can set it.
    nanos: u64,
}

impl Born {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let created = metadata.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let nanos = created.map_or(0, |at| u64::try_from(at.as_nanos()).unwrap_or(0));
        Ok(Self { inode: metadata.ino(), nanos })
    }
}

/// A seed that is wiped.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(super) struct Secret([u8; 32]);

impl Secret {
    pub(super) fn of(seed: &Seed) -> Self {
        Self(*seed.expose())
    }
}

/// The last part of a file: what it takes to use the rest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) alternatives: u16,
    pub(super) largest_slice: u64,
    #[serde(default)]
    pub(super) buckets: Buckets,
    pub(super) seed: Secret,
    #[serde(with = "serde_bytes")]
    pub(super) note: Vec<u8>,
    pub(super) frames: u64,
    pub(super) made: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) born: Born,
}

/// Where the head lies in its file.
struct Span {
    at: u64,
    length: u64,
}

fn damaged() -> Failure {
    Failure::integrity("a preparation on the disk is damaged")
}

/// Opens a file and its head.
fn open(dir: &Path, key: &StorageKey, name: Name) -> Result<(File, Span, Head), Failure> {
    let unreadable = |error: io::Error| Failure::local(format!("a preparation cannot be read: {error}"));
    let file = OpenOptions::new().read(true).write(true).open(name.path(dir));
    let mut file = file.map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let end = size.checked_sub(4).ok_or_else(damaged)?;
    let mut length = [0; 4];
    file.seek(SeekFrom::Start(end)).map_err(unreadable)?;
    file.read_exact(&mut length).map_err(unreadable)?;
    let length = u64::from(u32::from_be_bytes(length));
    let at = end.checked_sub(length).filter(|_| length <= LONGEST_HEAD).ok_or_else(damaged)?;
    file.seek(SeekFrom::Start(at)).map_err(unreadable)?;
    let mut sealed = Vec::new();
    (&mut file).take(length).read_to_end(&mut sealed).map_err(unreadable)?;
    let plain = key.open(&name.place("head", 0), &sealed).map_err(|_| damaged())?;
    let head: Head = canonical::decode(&plain).map_err(|_| damaged())?;
    if Born::of(&file).map_err(unreadable)? != head.born {
        return Err(Failure::integrity(
            "a preparation was put back from a copy; it may have been used before",
        ));
    }
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok((file, Span { at, length }, head))
}

/// What lies in a file.
///
/// # Errors
/// A [`Failure`] if it is damaged, or not the file that was made.
pub(super) fn look(dir: &Path, key: &StorageKey, name: Name) -> Result<Lying, Failure> {
    let (_, span, Head { kind, made, expires, .. }) = open(dir, key, name)?;
    let bytes = span.at.saturating_add(span.length).saturating_add(4);
    Ok(Lying { kind, bytes, made, expires })
}

/// Removes a file that may hold a head, and wipes the head first.
///
/// # Errors
/// What the file system says.
pub(super) fn destroy(path: &Path) -> io::Result<()> {
    if let Ok(mut file) = OpenOptions::new().read(true).write(true).open(path) {
        // The seed is in the last part. That it cannot be wiped does not keep the file from being removed.
        let tail = file.metadata()?.len().min(LONGEST_HEAD);
        let _ = wipe(&mut file, SeekFrom::End(0_i64.saturating_sub_unsigned(tail)), tail);
    }
    files::remove(path)
}

fn wipe(file: &mut File, from: SeekFrom, length: u64) -> io::Result<()> {
    file.seek(from)?;
    io::copy(&mut io::repeat(0).take(length), file)?;
    file.sync_data()
}

/// A half that was taken from the list for one query. Dropped, it is destroyed.
#[derive(Debug)]
pub(crate) struct Lent {
    weight: Weight,
    key: StorageKey,
    name: Name,
    /// Whether the file is somebody else's to remove now.
    passed: bool,
}

impl Lent {
    pub(super) fn new(weight: Weight, key: StorageKey, name: Name) -> Self {
        Self { weight, key, name, passed: false }
    }

    /// Which preparation it is.
    pub(crate) fn id(&self) -> symbolon_policy::words::Digest {
        self.name.id
    }

    /// The half, for a machine that spends it.
    ///
    /// # Errors
    /// A [`Failure`] if the file cannot be read; it is destroyed then.
    pub(crate) fn open(mut self) -> Result<Preparation, Failure> {
        let dir = self.weight.shelf.dir.clone();
        let (file, span, head) = open(&dir, &self.key, self.name)?;
        self.passed = true;
        let weight =
            Weight { shelf: self.weight.shelf.clone(), bytes: std::mem::take(&mut self.weight.bytes) };
        let pages = Pages {
            file: BufReader::new(file),
            span,
            path: self.name.path(&dir),
            dir,
            key: self.key.clone(),
            name: self.name,
            next: 0,
            frames: head.frames,
            spent: false,
            _weight: weight,
        };
        Ok(Preparation {
            plan: Plan {
                id: self.name.id.0,
                alternatives: head.alternatives,
                largest_slice: head.largest_slice,
                buckets: head.buckets,
            },
            seed: Seed::new(head.seed.0),
            note: head.note,
            frames: Box::new(pages),
        })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.passed {
            self.weight.shelf.discard(self.name);
        }
    }
}

/// The frames of a half.
struct Pages {
    file: BufReader<File>,
    span: Span,
    path: PathBuf,
    dir: PathBuf,
    key: StorageKey,
    name: Name,
    next: u64,
    frames: u64,
    spent: bool,
    _weight: Weight,
}

impl Pages {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.file.read_exact(&mut length)?;
        let length = u64::from(u32::from_be_bytes(length));
        if length > (FRAME_LIMIT.saturating_add(OVERHEAD).saturating_add(2)) as u64 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut sealed = Vec::new();
        if (&mut self.file).take(length).read_to_end(&mut sealed)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(sealed)
    }
}

impl Kept for Pages {
    fn spend(&mut self) -> Result<(), Fault> {
        let unmarked = |error: io::Error| {
            Fault::Local(format!("a preparation cannot be marked as used, so it is not used: {error}"))
        };
        if self.spent {
            return Err(Fault::Local("a preparation was used before".to_owned()));
        }
        // A file that is not there was spent by somebody, so this is an error, too.
        fs::remove_file(&self.path).map_err(unmarked)?;
        sync(&self.dir).map_err(unmarked)?;
        self.spent = true;
        // Used it is now; without its seed, what the disk may still hold is worth nothing.
        let wiped = wipe(self.file.get_mut(), SeekFrom::Start(self.span.at), self.span.length);
        if let Err(error) = wiped.and_then(|()| self.file.seek(SeekFrom::Start(0)).map(drop)) {
            return Err(Fault::Local(format!("a preparation cannot be read: {error}")));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Frame, Fault> {
        let unreadable = || Fault::Local("a preparation cannot be read".to_owned());
        if !self.spent || self.next >= self.frames {
            return Err(unreadable());
        }
        let sealed = self.read().map_err(|_| unreadable())?;
        let plain = self.key.open(&self.name.place("frame", self.next), &sealed).map_err(|_| unreadable())?;
        self.next = self.next.saturating_add(1);
        match plain.as_slice() {
            [tag, last @ (0 | 1), body @ ..] => {
                Ok(Frame { tag: *tag, last: *last == 1, body: body.to_vec() })
            }
            _ => Err(unreadable()),
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if !self.spent
            && let Err(error) = destroy(&self.path)
        {
            tracing::error!(preparation = %self.name.id, %error, "a preparation could not be removed");
        }
    }
}
