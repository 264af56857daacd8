//! A demo worth reading: a handful of people, their conversations, weeks of messages.

mod content;
mod seed;

pub use seed::Demo;
