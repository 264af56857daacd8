//! What was found: rows for each goal, and what could not be said.

mod found;
mod page;
mod plot;
mod table;

pub(crate) use found::{Line, Report, Series, Who};
pub(crate) use page::html;
pub(crate) use table::{markdown, text};
