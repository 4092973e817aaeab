//! `dailyfeed bench`: measures a running server from outside, over HTTP.
mod listener;
pub mod load;
mod process;
pub mod sse;
