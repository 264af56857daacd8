//! Benchmarks that measure one thing of one server, with a client of the product.

pub(crate) mod floor;
pub(crate) mod sync;
