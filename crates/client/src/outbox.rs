//! Where messages wait until they are acked, so that they outlive the process: a file of JSON lines.
//!
//! A message is a line, synced to the disk before it is sent; that it has left is another line. When
//! most lines speak of messages that have left, the file is written anew. One file is good for one
//! user on one server, and a lock keeps a second process from sending the same messages. Without a
//! path the outbox lives in memory.
//!
//! Never here: what is sent when.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use parlor_protocol::{ConversationId, UserId};
use serde::{Deserialize, Serialize};

/// Messages that may wait.
pub const OUTBOX_MESSAGES_MAX: usize = 10_000;
/// Bytes of waiting messages, as lines of JSON.
pub const OUTBOX_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Lines of messages that have left, before the file is written anew: below it that costs more than
/// it saves.
const DEAD_LINES_MIN: usize = 1000;

/// A message that waits to be acked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Our id for it.
    pub client_id: String,
    /// Where to.
    pub conversation_id: ConversationId,
    /// What.
    pub content: String,
}

/// Why the outbox does not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// As many messages wait as may.
    #[error(
        "the outbox is full: at most {OUTBOX_MESSAGES_MAX} messages or {} MiB may wait to be sent",
        OUTBOX_BYTES_MAX / 1024 / 1024
    )]
    Full,
    /// Another process, or another connection of this one, uses this file.
    #[error("the outbox {0} is in use by another process")]
    InUse(PathBuf),
    /// A line in the middle cannot be read. The file is left as it is.
    #[error("the outbox {path} is damaged in line {line}: {cause}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        cause: String,
    },
    /// The file cannot be read or written.
    #[error("the outbox {path} cannot be {verb}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried: `opened`, `read`, `written`.
        verb: &'static str,
        /// The operating system's words.
        cause: io::Error,
    },
    /// An earlier write failed in a way that leaves unknown what is on the disk.
    #[error("the outbox {0} could not be written before; open it again")]
    Broken(PathBuf),
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    /// Whose messages these are.
    Owner(UserId),
    Message(Entry),
    /// The message with this `clientId` has left.
    Left(String),
}

/// Messages that wait, oldest first.
#[derive(Debug, Default)]
pub struct Outbox {
    entries: BTreeMap<u64, (Entry, usize)>,
    places: HashMap<String, u64>,
    placed: u64,
    bytes: usize,
    owner: Option<UserId>,
    disk: Option<Disk>,
}

#[derive(Debug)]
struct Disk {
    path: PathBuf,
    file: File,
    /// Bytes that are whole lines.
    len: u64,
    dead_lines: usize,
    broken: bool,
    /// Held, not read: its lock is the claim on the outbox.
    _lock: File,
}

impl Outbox {
    /// An outbox that ends with the process.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// The outbox in this file, which is made if it is not there. A torn last line is dropped: its
    /// message was never sent.
    pub fn open(path: &Path) -> Result<Self, OutboxError> {
        let io = |verb| {
            move |cause| OutboxError::Io {
                path: path.to_owned(),
                verb,
                cause,
            }
        };
        // Beside the outbox, which is replaced when it is written anew.
        let lock_path = beside(path, "lock");
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .open(lock_path)
            .map_err(io("opened"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OutboxError::InUse(path.to_owned())),
            Err(TryLockError::Error(cause)) => return Err(io("opened")(cause)),
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(cause) => return Err(io("read")(cause)),
        };
        let mut outbox = Self::default();
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        for (at, line) in bytes[..whole]
            .split_inclusive(|byte| *byte == b'\n')
            .enumerate()
        {
            match serde_json::from_slice(line) {
                Ok(Line::Owner(owner)) => outbox.owner = Some(owner),
                Ok(Line::Message(entry)) => outbox.take(entry, line.len()),
                Ok(Line::Left(client_id)) => drop(outbox.drop_entry(&client_id)),
                Err(error) => {
                    return Err(OutboxError::Damaged {
                        path: path.to_owned(),
                        line: at + 1,
                        cause: error.to_string(),
                    });
                }
            }
        }
        let (file, len) = rewrite(path, &outbox).map_err(io("written"))?;
        outbox.disk = Some(Disk {
            path: path.to_owned(),
            file,
            len,
            dead_lines: 0,
            broken: false,
            _lock: lock,
        });
        Ok(outbox)
    }

    /// Whether it ends with the process.
    pub fn is_in_memory(&self) -> bool {
        self.disk.is_none()
    }

    /// Whose messages these are, once it is known.
    pub fn owner(&self) -> Option<&UserId> {
        self.owner.as_ref()
    }

    /// What waits, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().map(|(entry, _)| entry)
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Says whose messages these are.
    pub fn claim(&mut self, owner: &UserId) -> Result<(), OutboxError> {
        self.append(&text(&Line::Owner(owner.clone())), true)?;
        self.owner = Some(owner.clone());
        Ok(())
    }

    /// Takes a message. It is on the disk afterwards, or not taken.
    pub fn store(&mut self, entry: Entry) -> Result<(), OutboxError> {
        let line = text(&Line::Message(entry.clone()));
        if self.entries.len() >= OUTBOX_MESSAGES_MAX || self.bytes + line.len() > OUTBOX_BYTES_MAX {
            return Err(OutboxError::Full);
        }
        self.append(&line, true)?;
        self.take(entry, line.len());
        Ok(())
    }

    /// The message has left. Not synced: to forget that it has is harmless, the server makes one
    /// message of the same `clientId`.
    pub fn leave(&mut self, client_id: &str) -> Result<(), OutboxError> {
        if self.drop_entry(client_id).is_none() {
            return Ok(());
        }
        self.append(&text(&Line::Left(client_id.to_owned())), false)?;
        let Some(disk) = &mut self.disk else {
            return Ok(());
        };
        disk.dead_lines += 2;
        if disk.dead_lines >= DEAD_LINES_MIN.max(self.entries.len()) {
            self.compact();
        }
        Ok(())
    }

    /// Appends a line. After an error nothing of it is in the file.
    fn append(&mut self, line: &str, sync: bool) -> Result<(), OutboxError> {
        let Some(disk) = &mut self.disk else {
            return Ok(());
        };
        if disk.broken {
            return Err(OutboxError::Broken(disk.path.clone()));
        }
        let mut written = disk.file.write_all(line.as_bytes());
        if sync {
            written = written.and_then(|()| disk.file.sync_data());
        }
        if let Err(cause) = written {
            // Half a line must not stand before the next one; after a failed cut nothing is known.
            let cut = disk.file.set_len(disk.len);
            disk.broken = cut.and_then(|()| disk.file.sync_data()).is_err();
            return Err(OutboxError::Io {
                path: disk.path.clone(),
                verb: "written",
                cause,
            });
        }
        disk.len += line.len() as u64;
        Ok(())
    }

    fn compact(&mut self) {
        let Some(mut disk) = self.disk.take() else {
            return;
        };
        match rewrite(&disk.path, self) {
            Ok((file, len)) => {
                disk.file = file;
                disk.len = len;
            }
            // The old file is whole and goes on being used; the next try is a thousand lines away.
            Err(error) => tracing::warn!(%error, "the outbox could not be written anew"),
        }
        disk.dead_lines = 0;
        self.disk = Some(disk);
    }

    fn take(&mut self, entry: Entry, bytes: usize) {
        self.drop_entry(&entry.client_id);
        self.placed += 1;
        self.bytes += bytes;
        self.places.insert(entry.client_id.clone(), self.placed);
        self.entries.insert(self.placed, (entry, bytes));
    }

    fn drop_entry(&mut self, client_id: &str) -> Option<Entry> {
        let place = self.places.remove(client_id)?;
        let (entry, bytes) = self.entries.remove(&place)?;
        self.bytes -= bytes;
        Some(entry)
    }
}

fn text(line: &Line) -> String {
    let mut text = serde_json::to_string(line).expect("lines hold nothing that JSON cannot say");
    text.push('\n');
    text
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Puts a file with just what waits in the place of the old one, which stays whole until then.
fn rewrite(path: &Path, outbox: &Outbox) -> io::Result<(File, u64)> {
    let temporary = beside(path, "new");
    let owner = outbox.owner.clone().map(Line::Owner);
    let waiting = outbox.entries().cloned().map(Line::Message);
    let lines: String = owner
        .into_iter()
        .chain(waiting)
        .map(|line| text(&line))
        .collect();
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(&temporary)?;
    file.write_all(lines.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    // From here on the new file is the outbox. Without its folder on the disk a crash brings the old
    // one back, in which more messages wait: they are sent again and the server knows them.
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    if let Err(error) = File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all()) {
        tracing::debug!(%error, "the folder of the outbox could not be synced");
    }
    Ok((file, lines.len() as u64))
}
