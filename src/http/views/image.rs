//! Images: where they are and how large.
use crate::{
    domain::{Avatar, Picture, Variant},
    http::contract::ImageType,
};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// Where an image is: its id and its key. Relative, since whoever shows it knows the server.
pub(super) struct Link(Avatar, Variant);

impl Link {
    /// The picture beside a member's name.
    pub(super) fn avatar(avatar: Avatar) -> Self {
        Self(avatar, Variant::Thumbnail)
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Avatar { id, key } = self.0;
        match self.1 {
            Variant::Original => serializer.collect_str(&format_args!("/api/images/{id}?key={key}")),
            Variant::Thumbnail => serializer.collect_str(&format_args!("/api/images/{id}?variant=thumbnail&key={key}")),
        }
    }
}

/// An image, and where its two variants are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Image, examples(json!({
    "id": 7288591360000128_u64, "url": "/api/images/7288591360000128?key=9f2c0d5e8b7a41c6935e1f0a7d4b2c88",
    "thumbnailUrl": "/api/images/7288591360000128?variant=thumbnail&key=9f2c0d5e8b7a41c6935e1f0a7d4b2c88",
    "width": 2048, "height": 1536,
    "contentType": "image/jpeg",
})))]
pub(in crate::http) struct ImageView {
    id: u64,
    /// Opaque: it holds the key without which the image cannot be fetched. Whoever has it may, for as long as the image
    /// is there.
    #[schema(value_type = String, format = "uri-reference")]
    url: Link,
    /// Of the small one; otherwise as `url`.
    #[schema(value_type = String, format = "uri-reference")]
    thumbnail_url: Link,
    /// Pixels.
    width: u32,
    /// Pixels.
    height: u32,
    /// Of both variants.
    #[schema(value_type = ImageType)]
    content_type: &'static str,
}

impl From<&Picture> for ImageView {
    fn from(picture: &Picture) -> Self {
        let Picture { id, key, width, height, kind } = *picture;
        let at = Avatar { id, key };
        let (url, thumbnail_url) = (Link(at, Variant::Original), Link(at, Variant::Thumbnail));
        Self { id: id.0, url, thumbnail_url, width, height, content_type: kind.media_type() }
    }
}
