//! Extractors: the parts of a request that handlers take, parsed and checked.
mod body;
mod body_permits;
mod caller;
mod client_address;
mod field;
mod idempotency;
mod page;
mod path;
mod query;
mod upload;

pub(super) use body::{BodyRules, Json, OptionalJson, body_with};
pub(super) use caller::{Address, Auth, Caller, Device, NoIdentity, bearer};
pub(super) use client_address::{client_address, is_trusted};
pub(super) use field::{Check, Field, JsonObject};
pub(super) use idempotency::{IdempotencyKey, KeyedJson};
pub(super) use page::Paging;
pub(super) use path::{Id, Segment};
pub(super) use query::Query;
pub(super) use upload::{Upload, UploadRules, discard_upload};
