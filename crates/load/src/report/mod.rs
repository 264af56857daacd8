//! What was found: rows for each goal, and what could not be said.

mod found;

mod table;

pub(crate) use found::{Report, Row, Said, Series};

pub(crate) use table::{markdown, text};
