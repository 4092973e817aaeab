//! The top three posts of a day.
use super::PostView;
use crate::actors::ranking::Top3;
use serde::Serialize;
use utoipa::ToSchema;

/// The three posts with the highest score of a calendar day.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DailyTop3, examples(json!({"date": "2026-11-24", "frozen": true, "items": [{"rank": 1, "score": 27, "post": {
    "id": 7288591360000064_u64, "title": null, "content": "안녕 #서울!", "audience": "public",
    "author": {"id": 7288591360000001_u64, "handle": "jiwoo", "displayName": "이지우", "avatarUrl": null},
    "images": [], "tags": [{"tag": "서울", "start": 3, "end": 6}], "mentions": [],
    "viewCount": 12, "likeCount": 6, "commentCount": 1, "liked": false,
    "createdAt": "2026-11-24T03:00:00.000Z", "editedAt": null,
}}]})))]
pub(in crate::http) struct Top3View<'a> {
    /// The day, in the server's configured time zone.
    #[schema(value_type = String, format = Date)]
    date: String,
    /// Whether the scores are final.
    frozen: bool,
    /// Best first. Fewer than three if fewer posts were liked, commented or viewed.
    #[schema(max_items = 3)]
    items: Vec<RankedView<'a>>,
}

/// A post with its rank.
#[derive(Serialize, ToSchema)]
#[schema(as = RankedPost)]
struct RankedView<'a> {
    /// Starts with 1.
    rank: usize,
    /// The views, twice the likes and three times the comments of that day.
    score: u64,
    post: PostView<'a>,
}

impl<'a> From<&'a Top3> for Top3View<'a> {
    fn from(top: &'a Top3) -> Self {
        let ranked = top.items.iter().enumerate().map(|(before, item)| RankedView {
            rank: before + 1,
            score: item.score,
            post: PostView::from(&item.post),
        });
        Self { date: top.date.to_string(), frozen: top.frozen, items: ranked.collect() }
    }
}
