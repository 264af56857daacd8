//! The binary under test.

use std::path::Path;

use parlor_testkit::{Launch, TestStore};

/// `parlor serve` with its data in this folder.
pub(crate) fn serve(data_dir: &Path) -> Launch {
    Launch::new(Path::new(env!("CARGO_BIN_EXE_parlor")), data_dir)
}

/// The same on a test's store.
pub(crate) fn serve_on(store: &TestStore) -> Launch {
    serve(store.folder.path()).on(store)
}
