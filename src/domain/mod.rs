//! The domain: ids, rules, events and cursors as plain data and pure functions. No runtime, no database, no HTTP.
//!
//! Read it in this order:
//!
//! | subject | files |
//! |---|---|
//! | ids and time | `id.rs`, `time.rs`, `slot.rs` (the shard of a member), `deadline.rs` |
//! | events | `event.rs` (facts, events, positions), `activity.rs` (message keys), `cloud_event.rs` (as JSON) |
//! | recipients of an event | `audience.rs` (open streams), `notification/` (who is notified, what is retracted) |
//! | visibility | `visibility.rs` (the rule), `post_audience.rs`, `relations.rs` (follows, blocks, mutes), `member.rs` |
//! | content | `post.rs`, `comment.rs`, `image.rs`, `profile.rs`, `markup/` (tags, mentions) |
//! | texts | `text.rs` (lengths, lines), `characters.rs` (Unicode), `code_lists.rs` (country codes) |
//! | accounts | `member.rs` (handles, cards), `credentials.rs` (e-mail, password), `session.rs` |
//! | lists | `cursor.rs` (where a list or stream continues), `ranking.rs` (scores, windows, days) |
//! | search | `search/` (tokens of a text, meaning of a query, highlights) |
//! | responses | `refusal.rs` (every rule that says no), `receipt.rs` (answers of repeated requests) |
mod activity;
mod audience;
mod characters;
mod cloud_event;
mod code_lists;
mod comment;
mod credentials;
pub mod cursor;
mod deadline;
mod event;
mod id;
mod image;
mod image_description;
mod live_retraction;
pub mod markup;
mod member;
mod notification;
mod post;
mod post_audience;
mod profile;
mod ranking;
mod receipt;
mod refusal;
mod relations;
pub mod search;
mod session;
mod slot;
mod text;
mod time;
mod visibility;

pub use activity::{activity_kind, is_activity, message_key};
pub use audience::EventAudience;
pub use cloud_event::{CloudEvent, SOURCE_DEFAULT, SPEC_VERSION, event_type, is_public};
pub use comment::{COMMENT_LEVELS, Comment, CommentText, FIRST_REPLIES, VisibleComment, depth_below};
pub use credentials::{Email, Password};
pub use deadline::{Deadline, DeadlineGuard};
pub use event::{Epoch, Event, EventKind, Fact, Position};
pub use id::{CommentId, ID_END, IdGenerator, ImageId, MemberId, PostId, SessionId, first_id_at, time_of};
pub use image::{
    Avatar, IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX, IMAGE_SIDE_MAX, IMAGE_UNUSED_HOURS, IMAGES_UNUSED_MAX, Image, ImageFile,
    ImageKey, ImageKind, Picture, Purpose, Variant, fits_limits, scaled_to_fit,
};
pub use image_description::ImageDescription;
pub use live_retraction::LiveRetraction;
pub use markup::{Mention, Tag};
pub use member::{
    FOLLOW_REQUESTS_MAX, FOLLOWINGS_MAX, Handle, Member, MemberCard, MemberCounts, Privacy, QUERY_IDS_MAX,
    Recommendation, Relation, check_follow, check_other,
};
pub use notification::{NOTIFICATIONS_MAX, Notification, NotificationKind, Retraction};
pub use post::{IMAGES_MAX, LikeState, Post, PostCounts, PostText, VisiblePost};
pub use post_audience::{PostAudience, PostFacts};
pub use profile::{Gender, Patch, Profile, ProfilePatch};
pub use ranking::{
    COMMENT_WEIGHT, CalendarDay, FROZEN_AFTER, GENERATION_EVERY, GENERATIONS_KEPT, HOUR_MS, LIKE_WEIGHT, RANKED_MAX,
    RankedBy, RankingPeriod, TOP_KEPT, TOP_SHOWN, Tally, first_hour,
};
pub use receipt::{Answer, Outcome, RECEIPT_HOURS, Receipt};
pub use refusal::{FieldError, Reason, Refusal};
pub use relations::{BLOCKS_MAX, MUTES_MAX, RelationChange, Relations};
pub use search::{SearchKey, SearchKind, SearchOrder};
pub use session::{Identity, Session, SigningKey};
pub use slot::Slot;
pub use text::{CODE_POINTS_MAX, check_length, json_bytes_max, to_line};
pub use time::Timestamp;
pub use visibility::{Standing, Surface, VisibilityFacts, is_member_visible, is_post_visible, standing};
