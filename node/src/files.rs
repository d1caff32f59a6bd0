//! Files that are whole or not there.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::control::api::Failure;

/// How every encrypted file begins [age-encryption.org/v1]. What does not is another kind of file, not a damaged one.
pub(crate) const AGE: &[u8] = b"age-encryption.org/v1\n";

/// Writes a file readable by its owner only: under a temporary name, synced, then renamed, and the
/// directory synced. After a crash the old file or the new one is there, never a part.
///
/// # Errors
/// What the file system says; the old file is untouched then.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = temporary(path);
    let written = (|| {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(directory)?.sync_all()
    })();
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// The same, and overwrites what was there before: it is not to be found again. See [`destroy`].
///
/// # Errors
/// What the file system says.
pub(crate) fn replace_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let before = match OpenOptions::new().write(true).open(path) {
        Ok(before) => Some(before),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    write_whole(path, bytes)?;
    before.map_or(Ok(()), overwrite)
}

fn overwrite(mut file: File) -> io::Result<()> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    file.write_all(&vec![0; length])?;
    file.sync_all()
}

/// Writes a new file readable by its owner only, whole or not at all. Nothing is overwritten.
///
/// # Errors
/// What the file system says, `AlreadyExists` among it.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file =
        tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// A new file that others may read too, to be written bit by bit. Nothing is overwritten.
///
/// # Errors
/// [`unwritable`] if there is such a file, or it cannot be made.
pub(crate) fn create_new(path: &Path) -> Result<File, Failure> {
    File::create_new(path).map_err(|error| unwritable(path, &error))
}

/// What is said of a new file that somebody named and that cannot be written.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::input(format!("cannot write {}: {error}", path.display()))
        .with_help("name a file that does not exist yet in a directory that does")
}

/// The name under which [`write_whole`] writes a file first; a crash may leave it behind.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    name.into()
}

/// Removes a file if it is there, and syncs its directory.
///
/// # Errors
/// What the file system says.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    }
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Overwrites a file's bytes before it is removed. On file systems that copy on write, and on flash,
/// earlier bytes may survive; see SECURITY.md.
///
/// # Errors
/// What the file system says.
pub(crate) fn destroy(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(file) => overwrite(file)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    remove(path)
}

/// How long a lock is waited for that may go at any moment.
const LOCK: Duration = Duration::from_secs(3);

/// Opens a database. Its lock outlives the handle for a moment if this process was just starting another one, which
/// then holds a copy of the descriptor until its program begins.
///
/// # Errors
/// What the database says.
pub(crate) fn database(config: &sled::Config) -> Result<sled::Db, sled::Error> {
    let begun = Instant::now();
    loop {
        match config.open() {
            Err(error) if is_locked(&error) && begun.elapsed() < LOCK => {
                std::thread::sleep(Duration::from_millis(20));
            }
            opened => return opened,
        }
    }
}

/// Whether a database is open elsewhere. `sled` has no variant of its own for that.
pub(crate) fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.to_string().contains("could not acquire lock"))
}

/// Whether a database failed because the disk is full.
pub(crate) fn is_full(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.kind() == io::ErrorKind::StorageFull)
}

/// What is said then.
pub(crate) const FULL: &str = "no space is left on the disk of the home";
/// And what to do about it.
pub(crate) const MAKE_ROOM: &str =
    "make room, then run the command again; nothing that was confirmed is lost";

/// An exclusive lock on a file, given back when it is dropped.
///
/// It is given back by name: closing the file would leave the lock with any process that was being
/// started at that moment and still holds a copy of the descriptor.
#[derive(Debug)]
pub(crate) struct Held(File);

impl Held {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if another process or another open file has it.
    pub(crate) fn take(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self(file))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closing the file gives the lock back as well, if later.
        let _ = self.0.unlock();
    }
}
