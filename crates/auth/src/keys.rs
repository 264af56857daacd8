//! The server's own secret: 256 random bits, made on first start, in a file that only its owner reads.

use std::{
    fs, io,
    io::{Read, Write},
    path::{Path, PathBuf},
};

/// The file's length, in bytes.
const KEY_BYTES: usize = 32;

/// The server's secret key.
#[derive(Clone)]
pub struct Keys {
    pub(crate) token: [u8; KEY_BYTES],
}

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read or written.
    #[error("cannot use the key file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not one that Parlor wrote.
    #[error(
        "the key file {path} must hold exactly {KEY_BYTES} bytes; restore it, or remove it to sign everyone out"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl Keys {
    /// Reads the key file, or makes it with mode 0600 when there is none.
    pub fn load_or_create(path: &Path) -> Result<Self, KeysError> {
        let file_error = |source| KeysError::File {
            path: path.to_owned(),
            source,
        };
        match fs::File::open(path) {
            Ok(file) => {
                let mut bytes = Vec::with_capacity(KEY_BYTES);
                file.take(KEY_BYTES as u64 + 1)
                    .read_to_end(&mut bytes)
                    .map_err(file_error)?;
                let token = bytes.try_into().map_err(|_| KeysError::Damaged {
                    path: path.to_owned(),
                })?;
                Ok(Self { token })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut token = [0; KEY_BYTES];
                crate::random::fill(&mut token);
                write_private(path, &token).map_err(file_error)?;
                Ok(Self { token })
            }
            Err(error) => Err(file_error(error)),
        }
    }
}

/// Writes beside the file and renames: a crash leaves either no key or a whole one.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_private() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("token.key");
        let first = Keys::load_or_create(&path).expect("made");
        let again = Keys::load_or_create(&path).expect("read");
        assert_eq!(first.token, again.token);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).expect("exists").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("token.key");
        fs::write(&path, b"short").expect("written");
        assert!(matches!(
            Keys::load_or_create(&path),
            Err(KeysError::Damaged { .. })
        ));
        assert_eq!(fs::read(&path).expect("still there"), b"short");
        assert!(matches!(
            Keys::load_or_create(folder.path()),
            Err(KeysError::File { .. })
        ));
    }
}
