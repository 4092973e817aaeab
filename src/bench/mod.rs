//! `dailyfeed bench`: measures a running server from outside, over HTTP.
pub(crate) mod client;
mod listener;
pub mod load;
mod process;
pub mod sse;
