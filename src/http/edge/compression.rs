//! Response compression: which clients take it, and which bodies are worth it.
use axum::http::{HeaderMap, header};
use tower_http::compression::{
    Predicate,
    predicate::{NotForContentType, SizeAbove},
};

/// Smaller bodies are sent uncompressed: compressed, they would fill the same packet.
const COMPRESSED_BYTES_MIN: u64 = 1024;

/// Whether the client accepts compressed responses. A client that refuses uncompressed ones (`identity;q=0`) gets an
/// uncompressed one all the same: the compression layer would run the handler and then answer 406 for a request whose
/// effect has been committed.
pub(super) fn may_compress(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT_ENCODING).iter().peekable();
    accepted.peek().is_some() && accepted.all(|value| value.to_str().is_ok_and(|text| !refuses_identity(text)))
}

/// Whether `identity`, or `*`, has the weight 0.
fn refuses_identity(accepted: &str) -> bool {
    accepted.split(',').any(|part| {
        let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
        let (coding, weight) = (coding.trim(), weight.trim().strip_prefix("q=").unwrap_or("1"));
        (coding == "*" || coding.eq_ignore_ascii_case("identity")) && weight.parse() == Ok(0.0_f32)
    })
}

/// Large text bodies, but never streams: a compressor would hold their events back.
pub(super) fn worth_compressing() -> impl Predicate {
    SizeAbove::new(COMPRESSED_BYTES_MIN).and(NotForContentType::SSE).and(NotForContentType::IMAGES)
}
