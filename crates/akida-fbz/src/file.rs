//! Files by path.

use crate::container;
use crate::decode::decode_with;
use crate::encode::encode_with;
use crate::error::{DecodeError, EncodeError};
use crate::inspect::{Inspection, inspect_with};
use crate::limits::Limits;
use akida_sim::Model;
use core::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Why a file gives no model.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says, with its error number.
        source: io::Error,
    },
    /// The file is not a model.
    Decode(DecodeError),
}

/// Why a model is not in a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// The file cannot be written, and is as it was.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says, with its error number.
        source: io::Error,
    },
    /// The model cannot be written to any file.
    Encode(EncodeError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Decode(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Decode(error) => Some(error),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Encode(error) => Some(error),
        }
    }
}

impl From<DecodeError> for ReadError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<EncodeError> for WriteError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// The model in the file at `path`.
///
/// No more is read than [`Limits::DEFAULT`] allow. Of a file of another format only the first bytes are read.
///
/// # Errors
///
/// The file cannot be read, or [`decode`](crate::decode) refuses its bytes.
///
/// # Examples
///
/// ```
/// use akida_fbz::{ReadError, read_file};
///
/// let error = read_file("no/such/model.fbz").unwrap_err();
/// assert!(matches!(&error, ReadError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound));
/// assert!(error.to_string().starts_with("no/such/model.fbz: "));
/// ```
pub fn read_file(path: impl AsRef<Path>) -> Result<Model, ReadError> {
    read_file_with(path, &Limits::DEFAULT)
}

/// [`read_file`] with other limits.
///
/// # Errors
///
/// As for [`read_file`].
///
/// # Examples
///
/// ```no_run
/// use akida_fbz::{Limits, read_file_with};
///
/// let limits = Limits::default().with_max_weights(1 << 30);
/// let model = read_file_with("large.fbz", &limits)?;
/// # Ok::<(), akida_fbz::ReadError>(())
/// ```
pub fn read_file_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Model, ReadError> {
    let bytes = read_bytes_of(path.as_ref(), limits)?;
    Ok(decode_with(&bytes, limits)?)
}

/// What is in the file at `path`: [`inspect`](crate::inspect()) of its bytes.
///
/// # Errors
///
/// As for [`read_file`].
///
/// # Examples
///
/// ```no_run
/// let inspection = akida_fbz::inspect_file("model.fbz")?;
/// for (layer, summary) in inspection.model.layers().iter().zip(&inspection.layers) {
///     println!("{}: {} bytes", layer.name(), summary.bytes);
/// }
/// # Ok::<(), akida_fbz::ReadError>(())
/// ```
pub fn inspect_file(path: impl AsRef<Path>) -> Result<Inspection, ReadError> {
    inspect_file_with(path, &Limits::DEFAULT)
}

/// [`inspect_file`] with other limits.
///
/// # Errors
///
/// As for [`read_file`].
///
/// # Examples
///
/// ```no_run
/// use akida_fbz::{Limits, inspect_file_with};
///
/// let limits = Limits::default().with_max_payload(1 << 30);
/// let inspection = inspect_file_with("large.fbz", &limits)?;
/// # Ok::<(), akida_fbz::ReadError>(())
/// ```
pub fn inspect_file_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Inspection, ReadError> {
    let bytes = read_bytes_of(path.as_ref(), limits)?;
    Ok(inspect_with(&bytes, limits)?)
}

fn read_bytes_of(path: &Path, limits: &Limits) -> Result<Vec<u8>, ReadError> {
    read_bytes(path, limits).map_err(|source| ReadError::Io {
        path: path.to_path_buf(),
        source,
    })
}

/// The bytes of a file, as far as they can matter.
///
/// After the header of another format, and beyond the limits, bytes are certain to be refused.
fn read_bytes(path: &Path, limits: &Limits) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    let header_len = container::HEADER_LEN as u64;
    (&file).take(header_len).read_to_end(&mut bytes)?;
    if container::check_beginning(&bytes).is_ok() {
        // One byte more than the limits allow, so that the file is refused.
        let rest = limits.max_payload().saturating_add(1);
        // A vector that grows step by step would take the memory twice. A length that is wrong does no harm.
        let length = file.metadata().map_or(0, |m| m.len().min(rest));
        let missing = usize::try_from(length).unwrap_or(0);
        bytes
            .try_reserve_exact(missing)
            .map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
        file.take(rest).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Writes a model to the file at `path`, all of it or nothing.
///
/// The bytes go to a temporary file beside it, are flushed to the disk, and the temporary file is renamed. So a reader finds
/// the old bytes or the new bytes, also after a crash. A symbolic link is followed: the file that it names is replaced. An
/// existing file keeps its permissions. Something that is not a file (a device, a pipe) is written to directly.
///
/// # Errors
///
/// [`encode`](crate::encode) refuses the model, or the file cannot be written. The file stays as it was.
///
/// # Examples
///
/// ```
/// use akida_fbz::{read_file, write_file};
/// use akida_sim::{InputData, ModelBuilder, Shape};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 10), 4), &[])?;
/// let model = builder.build()?;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.fbz");
/// write_file(&path, &model)?;
/// assert_eq!(read_file(&path)?, model);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_file(path: impl AsRef<Path>, model: &Model) -> Result<(), WriteError> {
    write_file_with(path, model, &Limits::DEFAULT)
}

/// [`write_file`] with other limits.
///
/// # Errors
///
/// As for [`write_file`].
///
/// # Examples
///
/// ```no_run
/// use akida_fbz::{Limits, write_file_with};
/// # let model = akida_fbz::read_file("model.fbz")?;
///
/// let limits = Limits::default().with_max_weights(1 << 30);
/// write_file_with("large.fbz", &model, &limits)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_file_with(
    path: impl AsRef<Path>,
    model: &Model,
    limits: &Limits,
) -> Result<(), WriteError> {
    let path = path.as_ref();
    let bytes = encode_with(model, limits)?;
    replace(path, &bytes, &File::sync_all).map_err(|source| WriteError::Io {
        path: path.to_path_buf(),
        source,
    })
}

/// Replaces the file at `path`. `flush` brings a file or a folder to the disk.
fn replace(path: &Path, bytes: &[u8], flush: &dyn Fn(&File) -> io::Result<()>) -> io::Result<()> {
    // A rename needs no right to write to the old file. Opening the file for writing does, and changes nothing.
    let permissions = match OpenOptions::new().write(true).open(path) {
        Ok(mut old) => {
            let metadata = old.metadata()?;
            if !metadata.is_file() {
                return old.write_all(bytes);
            }
            Some(metadata.permissions())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let target = follow_links(path)?;
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let (mut file, temporary) = Temporary::create(folder)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    flush(&file)?;
    drop(file);
    temporary.rename(&target)?;
    flush_folder(folder, flush)
}

/// The path at the end of a chain of symbolic links. No file need exist there.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    const MAX_LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            // The path is no link, or cannot be looked at. Whoever opens it will see.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// A file that is removed unless it is renamed.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// A new file in `folder`, under a name that no file has.
    fn create(folder: &Path) -> io::Result<(File, Self)> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        const ATTEMPTS: usize = 1000;
        for _ in 0..ATTEMPTS {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".fbz-{}-{number}.tmp", std::process::id());
            let path = folder.join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, Self { path })),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "no free name for a temporary file: remove old .fbz-*.tmp files beside it",
        ))
    }

    fn rename(self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        core::mem::forget(self);
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The caller reports the failure that led here.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes a rename in `folder` last through a crash.
///
/// Some file systems cannot do that, and some folders may not be read. Neither is an error, as the file is complete.
#[cfg(unix)]
fn flush_folder(folder: &Path, flush: &dyn Fn(&File) -> io::Result<()>) -> io::Result<()> {
    let Ok(folder) = File::open(folder) else {
        return Ok(());
    };
    match flush(&folder) {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn flush_folder(_: &Path, _: &dyn Fn(&File) -> io::Result<()>) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::cell::RefCell;

    #[test]
    fn the_file_is_flushed_whole_before_the_rename_and_the_folder_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.fbz");
        fs::write(&path, "old").unwrap();
        let seen = RefCell::new(Vec::new());
        replace(&path, b"the new one", &|file| {
            let metadata = file.metadata().unwrap();
            let len = metadata.is_file().then_some(metadata.len());
            let there = fs::read(&path).unwrap();
            seen.borrow_mut().push((len, there));
            file.sync_all()
        })
        .unwrap();
        let expected = [(Some(11), b"old".to_vec()), (None, b"the new one".to_vec())];
        assert_eq!(seen.into_inner(), expected);
    }

    #[test]
    fn a_file_that_cannot_be_flushed_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.fbz");
        fs::write(&path, "old").unwrap();
        let refused = replace(&path, b"new", &|_| Err(io::Error::other("no")));
        assert_eq!(refused.unwrap_err().to_string(), "no");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_flushed_is_no_error_and_a_disk_with_a_fault_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.fbz");
        let with = |kind: ErrorKind| {
            replace(&path, b"new", &|file| match file.metadata()?.is_dir() {
                true => Err(kind.into()),
                false => Ok(()),
            })
        };
        for kind in [ErrorKind::InvalidInput, ErrorKind::Unsupported] {
            with(kind).unwrap();
        }
        assert_eq!(with(ErrorKind::Other).unwrap_err().kind(), ErrorKind::Other);
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
