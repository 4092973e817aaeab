//! Closed sets of texts under their names in the document. Each takes its values from the place that decides on them.
//! And bytes.
use super::codes;
use crate::domain::{EventKind, ImageKind, Purpose, Variant, Window, event_type, is_activity, is_public};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, RefOr,
        schema::{ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

macro_rules! sets {
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

sets! {
    ActivityType, "What a member did.", kinds(is_activity).map(EventKind::name);
    CloudEventType, "What happened in public.", kinds(is_public).map(event_type);
    DeletedReason, "`hidden`: the post is there, but its reader may not see it any more.", ["deleted", "hidden"];
    FieldCode, "Why a field was refused. Stable.", codes::OF_FIELDS.iter().copied();
    ImagePurpose, "What an image is for, which decides how it is fitted.",
        [Purpose::Profile, Purpose::Post].map(Purpose::name);
    ImageType, "How images are kept.", [ImageKind::Jpeg, ImageKind::Png].map(ImageKind::media_type);
    ImageVariant, "Which of the two that were made of an upload.", Variant::ALL.map(Variant::name);
    ProblemCode, "Which problem it is. Stable.", codes::CODES.iter().map(|code| code.name);
    RankingWindow, "A day is the last 24 whole hours and the one that runs, a week the last 168.",
        Window::ALL.map(Window::name);
    RecommendationStrategy, "`newest` members, or the `network` of those the caller follows.", ["newest", "network"];
    ResetReason, "`unknown`: a cursor of another log; `expired`: older than what is kept; `too_far`: more has happened \
        since than a stream repeats.", ["unknown", "expired", "too_far"];
    SearchSort, "By how well it matches, or newest first.", ["relevance", "recent"];
}

/// An image as it is.
pub(in crate::http) struct ImageBytes;

impl PartialSchema for ImageBytes {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for ImageBytes {}

/// The kinds of events for which that holds, in the order of their numbers.
fn kinds(holds: fn(EventKind) -> bool) -> impl Iterator<Item = EventKind> {
    (1..=EventKind::COUNT).filter_map(EventKind::from_code).filter(move |kind| holds(*kind))
}
