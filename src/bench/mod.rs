//! `dailyfeed bench`: measures a running server over HTTP. `load` sends requests, `sse` holds streams.
mod listener;
pub mod load;
mod process;
pub mod sse;
