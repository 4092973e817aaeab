//! Search results: pages of posts, comments and members with highlights.
use super::{CardView, CommentView, PostView};
use crate::{
    actors::{
        Page,
        search::{Found, Highlights},
    },
    domain::{MemberCard, VisibleComment, VisiblePost},
};
use serde::Serialize;
use utoipa::ToSchema;

/// Excerpts of about 160 characters around the matches, as HTML: matches are in `<mark>`, everything else is escaped. A
/// field without a match is absent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Highlights, examples(json!({"content": "오늘 <mark>한강</mark>에서 달렸다"})))]
struct HighlightsView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    handle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    bio: Option<&'a str>,
}

impl<'a> From<&'a Highlights> for HighlightsView<'a> {
    fn from(highlights: &'a Highlights) -> Self {
        Self {
            title: highlights.title.as_deref(),
            content: highlights.content.as_deref(),
            handle: highlights.handle.as_deref(),
            display_name: highlights.display_name.as_deref(),
            bio: highlights.bio.as_deref(),
        }
    }
}

macro_rules! found {
    ($item:ident $page:ident $item_name:ident $page_name:ident $of:ty, $field:ident: $view:ty) => {
        /// A search result with its highlights.
        #[derive(Serialize, ToSchema)]
        #[schema(as = $item_name)]
        struct $item<'a> {
            $field: $view,
            highlights: HighlightsView<'a>,
        }

        /// A page of search results.
        #[derive(Serialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        #[schema(as = $page_name, examples(json!({"items": [], "nextCursor": null})))]
        pub(in crate::http) struct $page<'a> {
            items: Vec<$item<'a>>,
            /// The `cursor` of the next page; null on the last page.
            #[schema(required = true)]
            next_cursor: Option<&'a str>,
        }

        impl<'a> From<&'a Page<Found<$of>>> for $page<'a> {
            fn from(page: &'a Page<Found<$of>>) -> Self {
                let view = |found: &'a Found<$of>| $item {
                    $field: (&found.item).into(),
                    highlights: HighlightsView::from(&found.highlights),
                };
                Self { items: page.items.iter().map(view).collect(), next_cursor: page.next.as_deref() }
            }
        }
    };
}

found!(FoundPostView FoundPostPage FoundPost FoundPostPage VisiblePost, post: PostView<'a>);
found!(FoundCommentView FoundCommentPage FoundComment FoundCommentPage VisibleComment, comment: CommentView<'a>);
found!(FoundMemberView FoundMemberPage FoundMember FoundMemberPage MemberCard, member: CardView<'a>);
