//! Posts as bytes, kept for as long as neither the post nor its author changes: the home feed and the streams are what
//! this server does most, and a post is written once and shown thousands of times.
use super::{FeedView, PostView};
use crate::domain::{MemberCard, Post, PostCounts, PostId, VisiblePost};
use quick_cache::{Weighter, sync::Cache};
use serde::Serialize;
use std::sync::Arc;

/// Bytes of rendered posts that are kept; those shown least leave first.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// JSON of a typical post.
const TYPICAL_BYTES: usize = 512;
/// The one part that differs between viewers, as it is kept.
const LIKED: &[u8] = b"\"liked\":false";

/// One post's JSON as somebody sees it who does not like it, with the versions that it was made of.
struct Entry {
    post: Arc<Post>,
    author: Arc<MemberCard>,
    json: Vec<u8>,
    /// Where the value of `liked` begins.
    liked_at: usize,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<PostId, Arc<Entry>> for Bytes {
    fn weight(&self, _: &PostId, entry: &Arc<Entry>) -> u64 {
        // The post itself may be held here alone.
        (2 * entry.json.len() + 128) as u64
    }
}

/// The rendered posts; cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct Rendered(Arc<Cache<PostId, Arc<Entry>, Bytes>>);

impl Rendered {
    pub(in crate::http) fn new() -> Self {
        let items = usize::try_from(BYTES_MAX).unwrap_or(usize::MAX) / TYPICAL_BYTES;
        Self(Arc::new(Cache::with_weighter(items, BYTES_MAX, Bytes)))
    }

    /// A page of a feed as JSON.
    pub(in crate::http) fn page(&self, view: &FeedView<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity((view.items.len() + 1) * TYPICAL_BYTES);
        out.extend_from_slice(b"{\"items\":[");
        for (index, seen) in view.items.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.post(&mut out, seen);
        }
        out.extend_from_slice(b"],\"nextCursor\":");
        write(&mut out, &view.next_cursor);
        out.extend_from_slice(b",\"streamCursor\":");
        write(&mut out, &view.stream_cursor);
        out.push(b'}');
        out
    }

    /// One post as JSON.
    pub(in crate::http) fn post(&self, out: &mut Vec<u8>, seen: &VisiblePost) {
        if seen.hidden_counts != PostCounts::default() {
            // Counted for this viewer alone.
            return write(out, &PostView::from(seen));
        }
        let entry = self.entry(seen);
        if seen.liked {
            out.extend_from_slice(&entry.json[..entry.liked_at]);
            out.extend_from_slice(b"true");
            out.extend_from_slice(&entry.json[entry.liked_at + b"false".len()..]);
        } else {
            out.extend_from_slice(&entry.json);
        }
    }

    fn entry(&self, seen: &VisiblePost) -> Arc<Entry> {
        let known = self.0.get(&seen.post.id);
        // The same versions are the same allocations: an entry keeps its own alive.
        let same =
            |entry: &Arc<Entry>| Arc::ptr_eq(&entry.post, &seen.post) && Arc::ptr_eq(&entry.author, &seen.author);
        if let Some(entry) = known.filter(same) {
            return entry;
        }
        let unliked = VisiblePost { liked: false, ..seen.clone() };
        let mut json = Vec::with_capacity(TYPICAL_BYTES);
        write(&mut json, &PostView::from(&unliked));
        // Quotes in texts are escaped, so these bytes stand for the field alone.
        let field = json.windows(LIKED.len()).rposition(|bytes| bytes == LIKED).unwrap_or_default();
        let liked_at = field + LIKED.len() - b"false".len();
        let entry = Arc::new(Entry { post: seen.post.clone(), author: seen.author.clone(), json, liked_at });
        self.0.insert(seen.post.id, entry.clone());
        entry
    }
}

/// Writing a view to memory does not fail.
fn write(out: &mut Vec<u8>, view: &impl Serialize) {
    let _ = serde_json::to_writer(out, view);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MemberId, Timestamp};

    fn seen(id: u64, content: &str, name: &str) -> VisiblePost {
        let author = MemberCard { id: MemberId(7), handle: "jiwoo".into(), display_name: name.into(), avatar: None };
        let post = Post {
            id: PostId(id),
            author: author.id,
            title: None,
            content: content.into(),
            tags: Vec::new(),
            mentions: Vec::new(),
            images: Vec::new(),
            counts: PostCounts::default(),
            created_at: Timestamp(1_735_689_600_123),
            edited_at: None,
        };
        VisiblePost::plain(Arc::new(post), Arc::new(author))
    }

    #[test]
    fn a_page_is_what_the_views_say_the_first_time_and_the_next() {
        let rendered = Rendered::new();
        let mut posts = vec![seen(1, "안녕 \"liked\":false,", "이지우"), seen(2, "\u{1F600}\n", "a\"b")];
        for liked in [false, true, false] {
            posts[0].liked = liked;
            let view = FeedView { items: &posts, next_cursor: Some("abc"), stream_cursor: "AR4B" };
            let expected = serde_json::to_string(&view).unwrap();
            assert_eq!(String::from_utf8(rendered.page(&view)).unwrap(), expected);
        }
        let empty = FeedView { items: &[], next_cursor: None, stream_cursor: "AR4B" };
        assert_eq!(rendered.page(&empty), br#"{"items":[],"nextCursor":null,"streamCursor":"AR4B"}"#);
    }

    #[test]
    fn a_new_version_of_post_or_author_is_rendered_anew() {
        let rendered = Rendered::new();
        let write = |seen: &VisiblePost| {
            let mut out = Vec::new();
            rendered.post(&mut out, seen);
            String::from_utf8(out).unwrap()
        };
        let first = seen(1, "처음", "이름");
        assert!(write(&first).contains("처음"));
        let edited = VisiblePost { post: seen(1, "나중", "이름").post, ..first.clone() };
        assert!(write(&edited).contains("나중"));
        let renamed = VisiblePost { author: seen(1, "나중", "새 이름").author, ..edited };
        assert!(write(&renamed).contains("새 이름"));
    }
}
