//! Cursors: opaque text that says where a list or a stream continues.
//!
//! A cursor is neither a secret nor a permission: the page that it leads to passes the same visibility rule as any
//! read. The check sum only tells a mangled cursor from an old one.
use super::{Epoch, Position, PostId, Refusal};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Incremented whenever the meaning of the bytes changes.
const VERSION: u8 = 1;
/// Longest text that is decoded. Version, list, check sum and four numbers need 60 characters.
pub const CURSOR_LENGTH_MAX: usize = 100;

/// The list that a cursor belongs to. A cursor of another list is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ListKind {
    Home = 1,
    Recent = 2,
    Mine = 3,
    Author = 4,
    Tag = 5,
    MostPopular = 6,
    MostCommented = 7,
    Followers = 10,
    Followings = 11,
    PostLikes = 12,
    Comments = 13,
    Replies = 14,
    MemberComments = 15,
    Recommendations = 16,
    FollowRequests = 17,
    Blocks = 18,
    Mutes = 19,
    SearchPosts = 20,
    SearchComments = 21,
    SearchMembers = 22,
    Activities = 23,
    Notifications = 24,
    NotificationGroups = 25,
    Events = 26,
    DeadLetters = 27,
    Stream = 30,
}

/// A position in one epoch of the event log, from which any replica can read on: an SSE `id:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamCursor {
    /// Epoch of the log.
    pub epoch: Epoch,
    /// The last position that the client has received.
    pub position: Position,
}

/// The continuation of a feed: the posts that were committed up to `pinned` and are older than `before`.
///
/// Posts committed after `pinned` belong to the stream opened from the first page, so that pages and stream together
/// show each post once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedCursor {
    /// The log position at which the first page was read.
    pub pinned: StreamCursor,
    /// The oldest post of the pages so far. It is hidden only after a page without items, whose scan past hidden posts
    /// reached its limit.
    pub before: PostId,
}

impl StreamCursor {
    /// Encodes the cursor in base64url characters.
    pub fn encode(&self) -> String {
        encode(ListKind::Stream, 0, &[u64::from(self.epoch.0), self.position.0])
    }

    /// Decodes a cursor. Errors: `CursorInvalid`.
    pub fn decode(text: &str) -> Result<Self, Refusal> {
        let [epoch, position] = decode(text, ListKind::Stream, 0)?;
        Ok(Self { epoch: to_epoch(epoch)?, position: Position(position) })
    }
}

impl FeedCursor {
    /// Encodes the cursor. `scope` is the subject of the list: the viewer, author or tag.
    pub fn encode(&self, list: ListKind, scope: u64) -> String {
        let numbers = [u64::from(self.pinned.epoch.0), self.pinned.position.0, self.before.0];
        encode(list, scope, &numbers)
    }

    /// Decodes a cursor. Errors: `CursorInvalid`, also for a cursor of another list or scope.
    pub fn decode(text: &str, list: ListKind, scope: u64) -> Result<Self, Refusal> {
        let [epoch, position, before] = decode(text, list, scope)?;
        let pinned = StreamCursor { epoch: to_epoch(epoch)?, position: Position(position) };
        Ok(Self { pinned, before: PostId(before) })
    }
}

/// Encodes the sort key of the last item of a page: one number, or two if the first is not unique.
pub fn encode_list_cursor(list: ListKind, scope: u64, key: [u64; 2]) -> String {
    encode(list, scope, &key)
}

/// Decodes the cursor of [`encode_list_cursor`]. Errors: `CursorInvalid`.
pub fn decode_list_cursor(text: &str, list: ListKind, scope: u64) -> Result<[u64; 2], Refusal> {
    decode(text, list, scope)
}

/// Encodes the sort key of a list whose keys are positions of the log, with the epoch of the log.
pub fn encode_log_cursor(list: ListKind, scope: u64, epoch: Epoch, key: [u64; 2]) -> String {
    encode(list, scope, &[u64::from(epoch.0), key[0], key[1]])
}

/// Decodes the cursor of [`encode_log_cursor`]. Errors: `CursorInvalid`, and `CursorExpired` for a cursor of another
/// epoch, whose positions are of other events.
pub fn decode_log_cursor(text: &str, list: ListKind, scope: u64, epoch: Epoch) -> Result<[u64; 2], Refusal> {
    let [of, first, second] = decode(text, list, scope)?;
    if to_epoch(of)? == epoch { Ok([first, second]) } else { Err(Refusal::CursorExpired) }
}

/// Encodes a sort key of two numbers, and the largest id that the list had at its first page.
pub fn encode_pinned(list: ListKind, scope: u64, key: [u64; 2], pin: u64) -> String {
    encode(list, scope, &[key[0], key[1], pin])
}

/// Decodes the cursor of [`encode_pinned`]: the sort key and the pin. Errors: `CursorInvalid`.
pub fn decode_pinned(text: &str, list: ListKind, scope: u64) -> Result<([u64; 2], u64), Refusal> {
    let [first, second, pin] = decode(text, list, scope)?;
    Ok(([first, second], pin))
}

fn to_epoch(number: u64) -> Result<Epoch, Refusal> {
    u32::try_from(number).map(Epoch).map_err(|_| Refusal::CursorInvalid)
}

/// Encodes version, list, numbers (LEB128) and check sum.
fn encode(list: ListKind, scope: u64, numbers: &[u64]) -> String {
    let mut bytes = Vec::with_capacity(48);
    bytes.extend([VERSION, list as u8]);
    for number in numbers {
        let mut rest = *number;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }
    bytes.extend(check_sum(&bytes, scope));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode<const N: usize>(text: &str, list: ListKind, scope: u64) -> Result<[u64; N], Refusal> {
    if text.len() > CURSOR_LENGTH_MAX {
        return Err(Refusal::CursorInvalid);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::CursorInvalid)?;
    let (body, sum) = bytes.split_last_chunk::<4>().ok_or(Refusal::CursorInvalid)?;
    if body.get(..2) != Some(&[VERSION, list as u8]) || *sum != check_sum(body, scope) {
        return Err(Refusal::CursorInvalid);
    }
    let mut numbers = [0; N];
    let mut rest = body[2..].iter();
    for number in &mut numbers {
        for shift in (0..64).step_by(7) {
            let byte = *rest.next().ok_or(Refusal::CursorInvalid)?;
            *number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    if rest.next().is_some() { Err(Refusal::CursorInvalid) } else { Ok(numbers) }
}

/// Computes FNV-1a over the bytes and the scope, folded to 32 bits.
fn check_sum(bytes: &[u8], scope: u64) -> [u8; 4] {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    let hash = bytes.iter().chain(&scope.to_le_bytes()).fold(0xCBF2_9CE4_8422_2325, step);
    ((hash >> 32) as u32 ^ hash as u32).to_le_bytes()
}

/// Hashes a text into the scope of a cursor.
pub fn scope_of(text: &str) -> u64 {
    let sum = check_sum(text.as_bytes(), 0);
    u64::from(u32::from_le_bytes(sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(epoch: u32, position: u64) -> StreamCursor {
        StreamCursor { epoch: Epoch(epoch), position: Position(position) }
    }

    proptest! {
        #[test]
        fn a_cursor_decodes_to_what_was_encoded(epoch: u32, position: u64, before: u64, scope: u64) {
            let cursor = FeedCursor { pinned: stream(epoch, position), before: PostId(before) };
            let text = cursor.encode(ListKind::Home, scope);
            prop_assert!(text.len() <= CURSOR_LENGTH_MAX);
            prop_assert_eq!(FeedCursor::decode(&text, ListKind::Home, scope), Ok(cursor));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,120}") {
            let _ = StreamCursor::decode(&text);
        }

        #[test]
        fn a_changed_cursor_is_refused(position: u64, at in 0_usize..8, flip in 1_u8..=255) {
            let mut bytes = URL_SAFE_NO_PAD.decode(stream(7, position).encode()).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let text = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert_eq!(StreamCursor::decode(&text), Err(Refusal::CursorInvalid));
        }
    }

    #[test]
    fn a_log_cursor_of_another_epoch_has_expired() {
        let text = encode_log_cursor(ListKind::Notifications, 9, Epoch(1), [5, 0]);
        let decoded = |epoch| decode_log_cursor(&text, ListKind::Notifications, 9, Epoch(epoch));
        assert_eq!((decoded(1), decoded(2)), (Ok([5, 0]), Err(Refusal::CursorExpired)));
        // The form before cursors of the log had an epoch.
        let old = encode_list_cursor(ListKind::Notifications, 9, [5, 0]);
        assert_eq!(decode_log_cursor(&old, ListKind::Notifications, 9, Epoch(5)), Err(Refusal::CursorInvalid));
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let cursor = FeedCursor { pinned: stream(1, 2), before: PostId(3) };
        let text = cursor.encode(ListKind::Home, 9);
        assert!(FeedCursor::decode(&text, ListKind::Recent, 9).is_err());
        assert!(FeedCursor::decode(&text, ListKind::Home, 8).is_err());
        assert!(StreamCursor::decode(&text).is_err());
    }
}
