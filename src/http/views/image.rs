//! Images: where they are and how large.
use crate::{
    domain::{ImageId, Picture, Variant},
    http::contract::ImageType,
};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// Where an image is. Relative: whoever shows it knows the server.
pub(super) struct Link(ImageId, Variant);

impl Link {
    /// The picture beside a member's name.
    pub(super) fn avatar(id: ImageId) -> Self {
        Self(id, Variant::Thumbnail)
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = self.0;
        match self.1 {
            Variant::Original => serializer.collect_str(&format_args!("/api/images/{id}")),
            Variant::Thumbnail => serializer.collect_str(&format_args!("/api/images/{id}?variant=thumbnail")),
        }
    }
}

/// An image, and where its two variants are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Image, examples(json!({
    "id": 7288591360000128_u64, "url": "/api/images/7288591360000128",
    "thumbnailUrl": "/api/images/7288591360000128?variant=thumbnail", "width": 2048, "height": 1536,
    "contentType": "image/jpeg",
})))]
pub(in crate::http) struct ImageView {
    id: u64,
    #[schema(value_type = String, format = "uri-reference")]
    url: Link,
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
        let Picture { id, width, height, kind } = *picture;
        let (url, thumbnail_url) = (Link(id, Variant::Original), Link(id, Variant::Thumbnail));
        Self { id: id.0, url, thumbnail_url, width, height, content_type: kind.media_type() }
    }
}
