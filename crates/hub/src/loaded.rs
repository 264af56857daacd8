//! Connections that were given something and have not written it yet.

use std::sync::Arc;

use crate::Connection;

/// Connections that are to be written out. What several frames have put into one of them leaves in one
/// write.
#[derive(Debug, Default)]
pub struct Loaded(Vec<Arc<Connection>>);

impl Loaded {
    pub(crate) fn add(&mut self, connection: &Arc<Connection>) {
        self.0.push(connection.clone());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes some of them, to be written out by somebody else.
    #[must_use]
    pub fn split_off(&mut self, at_most: usize) -> Self {
        Self(self.0.split_off(self.0.len().saturating_sub(at_most)))
    }

    /// Writes all of them out. Nothing waits here: whatever the kernel does not take is left to the
    /// connection's own task.
    pub fn flush(self) {
        for connection in self.0 {
            connection.outbox().flush();
        }
    }
}
