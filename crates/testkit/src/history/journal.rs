//! Lines from many clients, in memory and, when wanted, in one file for each client.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Mutex,
    time::Instant,
};

use tokio::sync::watch;

use super::{
    Violation, check,
    entry::{Entry, Line},
};

/// What the files of a history are called.
const EXTENSION: &str = "jsonl";

/// Lines from many clients in the order they were written.
#[derive(Debug)]
pub struct History {
    began: Instant,
    folder: Option<PathBuf>,
    written: Mutex<Written>,
    done: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Written {
    lines: Vec<Line>,
    files: HashMap<String, BufWriter<File>>,
    operations: u64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            folder: None,
            written: Mutex::default(),
            done: watch::Sender::new(0),
        }
    }
}

impl History {
    /// A history that is also kept in this folder, which is made, and emptied of an earlier one.
    pub fn kept_in(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for file in files_in(folder)? {
            fs::remove_file(file)?;
        }
        Ok(Self {
            folder: Some(folder.to_owned()),
            ..Self::default()
        })
    }

    /// Writes a line of a client, whose name must do as the name of a file.
    ///
    /// # Panics
    /// When the file cannot be written: a history with holes proves nothing.
    pub fn write(&self, client: &str, entry: Entry) {
        let done = matches!(entry, Entry::Done { .. });
        let mut written = self.written.lock().expect("no writer panics");
        let line = Line {
            at: written.lines.len() as u64,
            // Under the lock, so that the clock follows the order.
            ms: self.began.elapsed().as_millis() as u64,
            client: client.to_owned(),
            entry,
        };
        if let Some(folder) = &self.folder {
            let open = || {
                let path = folder.join(client).with_extension(EXTENSION);
                BufWriter::new(File::create(path).expect("a history's file can be made"))
            };
            let file = written.files.entry(client.to_owned()).or_insert_with(open);
            serde_json::to_writer(&mut *file, &line)
                .map_err(io::Error::from)
                .and_then(|()| file.write_all(b"\n"))
                .expect("a history's file can be written");
        }
        written.lines.push(line);
        drop(written);
        if done {
            self.done.send_modify(|done| *done += 1);
        }
    }

    /// A name for the next attempt.
    pub fn operation(&self) -> u64 {
        let mut written = self.written.lock().expect("no writer panics");
        written.operations += 1;
        written.operations
    }

    /// How many operations are done so far.
    pub fn done(&self) -> usize {
        *self.done.borrow()
    }

    /// Waits until this many operations are done.
    pub async fn until_done(&self, operations: usize) {
        let mut done = self.done.subscribe();
        drop(done.wait_for(|done| *done >= operations).await);
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<Line> {
        self.written.lock().expect("no writer panics").lines.clone()
    }

    /// Brings the files up to date.
    pub fn flush(&self) -> io::Result<()> {
        let mut written = self.written.lock().expect("no writer panics");
        written.files.values_mut().try_for_each(BufWriter::flush)
    }

    /// Ends the test when a rule is broken.
    ///
    /// # Panics
    /// With every broken rule, one a line.
    pub fn assert_kept(&self) {
        let violations = check(&self.lines());
        let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
        assert!(lines.is_empty(), "broken rules:\n{}", lines.join("\n"));
    }
}

/// The lines of a kept history, those of all clients in their order.
pub fn read_folder(folder: &Path) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for path in files_in(folder)? {
        for (number, text) in BufReader::new(File::open(&path)?).lines().enumerate() {
            let line = serde_json::from_str(&text?).map_err(|error| {
                io::Error::other(format!("{}:{}: {error}", path.display(), number + 1))
            })?;
            lines.push(line);
        }
    }
    lines.sort_by_key(|line: &Line| line.at);
    Ok(lines)
}

fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
