//! The checker's own tests: a good history, told by a tiny server that makes no mistakes, and bugs planted into it.

mod bugs;
mod script;
