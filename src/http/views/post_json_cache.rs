//! A cache of posts as JSON, each valid until its post or its author changes.
//!
//! Feeds and streams are the most frequent responses, and a post is written once and read thousands of times.
use super::{FeedView, PostView};
use crate::domain::{MemberCard, Post, PostCounts, PostId, VisiblePost};
use quick_cache::{Weighter, sync::Cache};
use serde::Serialize;
use std::sync::Arc;

/// Bytes of the cache; the entries that are used least are evicted first.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Bytes of a typical post's JSON.
const TYPICAL_BYTES: usize = 512;
/// The only part that differs between viewers, as it is cached.
const LIKED: &[u8] = b"\"liked\":false";

/// The JSON of a post for a viewer who does not like it, with the versions of post and author that it was made from.
struct CachedPost {
    post: Arc<Post>,
    author: Arc<MemberCard>,
    json: Vec<u8>,
    /// The offset of the value of `liked`.
    liked_at: usize,
}

#[derive(Clone)]
struct JsonBytes;

impl Weighter<PostId, Arc<CachedPost>> for JsonBytes {
    fn weight(&self, _: &PostId, entry: &Arc<CachedPost>) -> u64 {
        // If the entry is the only owner of the post, it also keeps the text of the post, so its size counts twice.
        (2 * entry.json.len() + 128) as u64
    }
}

/// The cache; cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct PostJsonCache(Arc<Cache<PostId, Arc<CachedPost>, JsonBytes>>);

impl PostJsonCache {
    pub(in crate::http) fn new() -> Self {
        let items = usize::try_from(BYTES_MAX).unwrap_or(usize::MAX) / TYPICAL_BYTES;
        Self(Arc::new(Cache::with_weighter(items, BYTES_MAX, JsonBytes)))
    }

    /// A page of a feed as JSON.
    pub(in crate::http) fn page(&self, view: &FeedView<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity((view.items.len() + 1) * TYPICAL_BYTES);
        out.extend_from_slice(b"{\"items\":[");
        for (index, visible) in view.items.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.post(&mut out, visible);
        }
        out.extend_from_slice(b"],\"nextCursor\":");
        write(&mut out, &view.next_cursor);
        out.extend_from_slice(b",\"streamCursor\":");
        write(&mut out, &view.stream_cursor);
        out.push(b'}');
        out
    }

    /// Appends a post as JSON.
    pub(in crate::http) fn post(&self, out: &mut Vec<u8>, visible: &VisiblePost) {
        if visible.hidden_counts != PostCounts::default() {
            // These counts are only for this viewer.
            return write(out, &PostView::from(visible));
        }
        let entry = self.entry(visible);
        if visible.liked {
            out.extend_from_slice(&entry.json[..entry.liked_at]);
            out.extend_from_slice(b"true");
            out.extend_from_slice(&entry.json[entry.liked_at + b"false".len()..]);
        } else {
            out.extend_from_slice(&entry.json);
        }
    }

    fn entry(&self, visible: &VisiblePost) -> Arc<CachedPost> {
        // Equal pointers are equal versions: an entry keeps its own allocations alive, so no other version reuses them.
        if let Some(entry) = self.0.get(&visible.post.id)
            && Arc::ptr_eq(&entry.post, &visible.post)
            && Arc::ptr_eq(&entry.author, &visible.author)
        {
            return entry;
        }
        let unliked = VisiblePost { liked: false, ..visible.clone() };
        let mut json = Vec::with_capacity(TYPICAL_BYTES);
        write(&mut json, &PostView::from(&unliked));
        // Quotes in texts are escaped, so these bytes occur only as the field.
        let field = json.windows(LIKED.len()).rposition(|bytes| bytes == LIKED).unwrap_or_default();
        let liked_at = field + LIKED.len() - b"false".len();
        let entry = Arc::new(CachedPost { post: visible.post.clone(), author: visible.author.clone(), json, liked_at });
        self.0.insert(visible.post.id, entry.clone());
        entry
    }
}

/// Appends a view as JSON. Serializing to memory does not fail.
fn write(out: &mut Vec<u8>, view: &impl Serialize) {
    let _ = serde_json::to_writer(out, view);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MemberId, Timestamp};

    fn post(id: u64, content: &str, name: &str) -> VisiblePost {
        let author = MemberCard { id: MemberId(7), handle: "jiwoo".into(), display_name: name.into(), avatar: None };
        let created_at = Timestamp(1_735_689_600_123);
        let post = Post { content: content.into(), created_at, ..Post::for_tests(id, author.id) };
        VisiblePost::plain(Arc::new(post), Arc::new(author))
    }

    #[test]
    fn a_cached_page_equals_a_serialized_one() {
        let cache = PostJsonCache::new();
        let mut posts = vec![post(1, "안녕 \"liked\":false,", "이지우"), post(2, "\u{1F600}\n", "a\"b")];
        for liked in [false, true, false] {
            posts[0].liked = liked;
            let view = FeedView { items: &posts, next_cursor: Some("abc"), stream_cursor: "AR4B" };
            let expected = serde_json::to_string(&view).unwrap();
            assert_eq!(String::from_utf8(cache.page(&view)).unwrap(), expected);
        }
        let empty = FeedView { items: &[], next_cursor: None, stream_cursor: "AR4B" };
        assert_eq!(cache.page(&empty), br#"{"items":[],"nextCursor":null,"streamCursor":"AR4B"}"#);
    }

    #[test]
    fn a_new_version_of_post_or_author_replaces_the_entry() {
        let cache = PostJsonCache::new();
        let write = |visible: &VisiblePost| {
            let mut out = Vec::new();
            cache.post(&mut out, visible);
            String::from_utf8(out).unwrap()
        };
        let first = post(1, "처음", "이름");
        assert!(write(&first).contains("처음"));
        let edited = VisiblePost { post: post(1, "나중", "이름").post, ..first.clone() };
        assert!(write(&edited).contains("나중"));
        let renamed = VisiblePost { author: post(1, "나중", "새 이름").author, ..edited };
        assert!(write(&renamed).contains("새 이름"));
    }
}
