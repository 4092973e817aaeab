//! `dailyfeed bench`: measures a running server over HTTP. `load` sends requests, `sse` holds streams.
pub mod load;
mod process;
pub mod sse;
mod stream;
