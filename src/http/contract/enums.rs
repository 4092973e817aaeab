//! Schemas of enumerated strings, and of binary content. Each takes its values from the module that defines them.
use super::codes;
use crate::domain::{self, EventKind, ImageKind, Purpose, RankingPeriod, Variant, event_type, is_activity, is_public};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, RefOr,
        schema::{ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

macro_rules! enums {
    ($($name:ident, $description:literal, $values:expr;)*) => {
        $(
            #[doc = $description]
            pub(in crate::http) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    let set = ObjectBuilder::new().schema_type(Type::String).description(Some($description));
                    set.enum_values(Some($values)).into()
                }
            }

            impl ToSchema for $name {}
        )*
    };
}

enums! {
    ActivityType, "The kind of an activity.", kinds(is_activity).map(EventKind::name);
    CloudEventType, "The kind of a public event.", kinds(is_public).map(event_type);
    DeletedReason, "`deleted`: the post was deleted; `hidden`: the caller can no longer see it.", ["deleted", "hidden"];
    FieldCode, "Why a field was rejected. Stable.", codes::FIELD_CODES.iter().copied();
    ImagePurpose, "The use of an image, which determines how it is resized.",
        [Purpose::Profile, Purpose::Post].map(Purpose::name);
    ImageType, "The media type of a stored image.", [ImageKind::Jpeg, ImageKind::Png].map(ImageKind::media_type);
    ImageVariant, "A variant of an uploaded image.", Variant::ALL.map(Variant::name);
    PostAudience, "The members who can see a post besides its author: `public`: everybody; `followers`: the author's followers; \
        `mentioned`: the members whom its text mentions; `self`: nobody.",
        domain::PostAudience::ALL.map(domain::PostAudience::name);
    ProblemCode, "The code of a problem. Stable.", codes::CODES.iter().map(|code| code.name);
    RankingWindow, "`day`: the current hour and the 24 full hours before it; `week`: the current hour and the 168 before it; `all`: all time.",
        RankingPeriod::ALL.map(RankingPeriod::name);
    RecommendationStrategy, "`newest`: the newest members; `network`: members followed by members whom the caller follows.", ["newest", "network"];
    ResetReason, "`unknown`: the cursor is of another server or was made before a restore from a backup; `expired`: events \
        since the cursor are no longer kept; `too_far`: more events happened since the cursor than a stream replays.", ["unknown", "expired", "too_far"];
    SearchSort, "`relevance`: the best match first; `recent`: the newest first.", ["relevance", "recent"];
}

/// The bytes of an image.
pub(in crate::http) struct ImageBytes;

impl PartialSchema for ImageBytes {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for ImageBytes {}

/// The kinds of events that match a predicate, in the order of their numbers.
fn kinds(matches: fn(EventKind) -> bool) -> impl Iterator<Item = EventKind> {
    (1..=EventKind::COUNT).filter_map(EventKind::from_code).filter(move |kind| matches(*kind))
}
